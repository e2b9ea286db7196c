"""Rollouts, with log-probabilities and values, against transformers' ``generate``, which gives tokens alone."""

from __future__ import annotations

from typing import Any

import torch

from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from benchmarks.throughput.arithmetic import Work
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.timing import interleaved, median
from benchmarks.throughput.workload import GPT2, WORDS
from textgym import TokenSpace

ROWS, PROMPT, RESPONSE = 64, 64, 64
TARGET = 1.0


def compare(repeats: int, gflops: float) -> Comparison:
    """Write responses of fixed length to the same prompts, sampled from the whole distribution."""
    network = make_network(GPT2, TokenSpace(WORDS, PROMPT, RESPONSE, eos_id=None))
    prompts = torch.randint(WORDS, (ROWS, PROMPT))
    seconds = interleaved(
        {"ours": lambda: generate(network, prompts, last_values=True), "theirs": lambda: _theirs(network, prompts)},
        repeats,
    )
    work = Work(network.model, (ROWS, PROMPT, RESPONSE), 0)
    least = round(median(seconds["ours"]) * gflops * 1e9 / work.least_rollout(), 2)
    return Comparison(
        name="rollout",
        setting=f"{PROMPT} + {RESPONSE} tokens, batch {ROWS}, sampling",
        other="transformers generate",
        unit="tokens",
        work=ROWS * RESPONSE,
        target=TARGET,
        details={"ours, time over least operations": least},
        **seconds,  # type: ignore[arg-type]
    )


@torch.no_grad()
def _theirs(network: TextNetwork, prompts: torch.Tensor) -> Any:
    sampling = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0}
    return network.model.generate(  # type: ignore[operator]
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=RESPONSE,
        eos_token_id=None,
        pad_token_id=0,
        **sampling,
    )
