"""Rollouts whose responses end by themselves, in slots that are refilled, against ``generate`` in batches."""

from __future__ import annotations

import math
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.record import Rollout
from agents.models.rollout import generate
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.timing import interleaved
from benchmarks.throughput.workload import GPT2, WORDS
from textgym import TokenSpace

PROMPTS, PROMPT, RESPONSE, BATCH, EOS = 256, 32, 64, 64, 0
END = 0.0351  # the probability of the eos at each token, with which responses have 0.4 of the limit on average
TARGET = 2.7


class LikelyEnd(LogitsProcessor):
    """Adds to the logits what makes a network that knows nothing end at the wanted rate."""

    def __init__(self, bias: torch.Tensor) -> None:
        self.bias = bias

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the logits [B, V]."""
        surplus = scores.shape[1] - len(self.bias)  # rows of the model that are no tokens
        return scores + torch.nn.functional.pad(self.bias, (0, surplus), value=-torch.inf)


def compare(repeats: int, slots: int = 128) -> Comparison:
    """Write sampled responses to prompts of one to 32 tokens; both sides draw from the same distribution."""
    network = make_network(GPT2, TokenSpace(WORDS, PROMPT, RESPONSE, eos_id=EOS, banned_tokens=[WORDS - 1]))
    network.allowed_bias[EOS] = math.log(END * (WORDS - 2) / (1 - END))
    lengths = torch.randint(1, PROMPT + 1, (PROMPTS, 1))
    prompts = torch.where(torch.arange(PROMPT) >= PROMPT - lengths, torch.randint(1, WORDS - 1, (PROMPTS, PROMPT)), -1)
    written: dict[str, list[int]] = {"ours": [], "theirs": []}

    def ours() -> None:
        rollout: Rollout = generate(network, prompts, last_values=True, slots=slots)
        written["ours"].append(int(rollout.lengths.sum()))

    def theirs() -> None:
        written["theirs"].append(sum(_theirs(network, batch) for batch in prompts.split(BATCH)))

    seconds = interleaved({"ours": ours, "theirs": theirs}, repeats)
    for side, counts in written.items():  # the first call of each is not measured
        seconds[side] = [s * PROMPTS * RESPONSE * 0.4 / n for s, n in zip(seconds[side], counts[1:], strict=True)]
    return Comparison(
        name="rollout, variable length",
        setting=f"{PROMPTS} prompts of up to {PROMPT} tokens, {0.4 * RESPONSE:.1f} of at most {RESPONSE} tokens in the "
        f"mean, {slots} slots (generate: batches of {BATCH}); seconds per token written",
        other="transformers generate",
        unit="tokens",
        work=PROMPTS * RESPONSE * 0.4,
        target=TARGET,
        details={name: round(sum(counts) / len(counts) / PROMPTS, 1) for name, counts in _means(written).items()},
        **seconds,  # type: ignore[arg-type]
    )


def _means(written: dict[str, list[int]]) -> dict[str, list[int]]:
    return {f"{side}, mean length": counts for side, counts in written.items()}


@torch.no_grad()
def _theirs(network: TextNetwork, prompts: torch.Tensor) -> int:
    """Write a batch; return how many tokens, each eos included."""
    prompts = prompts[:, prompts.shape[1] - int((prompts >= 0).sum(dim=1).max()) :]
    sampling: dict[str, Any] = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0}
    found = network.model.generate(  # type: ignore[operator]
        prompts.clamp(min=0),
        attention_mask=(prompts >= 0).long(),
        max_new_tokens=RESPONSE,
        eos_token_id=EOS,
        pad_token_id=WORDS - 1,  # which is never written
        logits_processor=LogitsProcessorList([LikelyEnd(network.allowed_bias)]),
        **sampling,
    )[:, prompts.shape[1] :]
    return int((found != WORDS - 1).sum())
