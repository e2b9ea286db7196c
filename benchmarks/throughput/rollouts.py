"""Rollouts, with log-probabilities and values, against transformers' ``generate``, which gives tokens alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessorList

from agents.models.engine import Engine
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from benchmarks.throughput.arithmetic import Work
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.ending import ForcedEnds, end_at, rate, written
from benchmarks.throughput.models import SPECIAL, Model
from benchmarks.throughput.timing import interleaved, median
from textgym import TokenSpace

ROWS, PROMPT, RESPONSE = 64, 64, 64  # of fixed length
PROMPTS, WIDTH, LIMIT, SLOTS, BATCH, EOS = 256, 32, 64, 128, 64, 0  # of variable length
SAMPLING: dict[str, Any] = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0}
FIXED = {"eager": 1.5, "compiled": 1.8}
VARIABLE = {"eager": 2.7, "compiled": 3.1}
STORIES = {"fixed": {"eager": 1.4, "compiled": 1.7}, "variable": {"eager": 2.4, "compiled": 3.0}}


def compare(model: Model, repeats: int, gflops: float, variants: Sequence[str] = tuple(FIXED)) -> list[Comparison]:
    """Write responses of fixed length to the same prompts, sampled from the whole distribution."""
    space = TokenSpace(model.words + SPECIAL, PROMPT, RESPONSE, eos_id=None)
    networks = _networks(model, space, variants)
    plain = networks[variants[0]]
    rows = ROWS // model.fewer
    prompts = torch.randint(model.words, (rows, PROMPT))
    tokens = _Counts()

    def ours(name: str) -> Callable[[], None]:
        return lambda: tokens.add(name, int(generate(networks[name], prompts, last_values=True).lengths.sum()))

    sides = {name: ours(name) for name in variants}
    sides["generate"] = lambda: tokens.add("generate", _theirs(plain, prompts, RESPONSE, eos=None))
    seconds = interleaved(sides, repeats)
    work = Work(plain.model, (rows, PROMPT, RESPONSE), 0)
    targets = STORIES["fixed"] if model.name == "stories260k" else FIXED
    return [
        Comparison(
            name=f"rollout, fixed length, {name}",
            setting=f"{PROMPT} + {RESPONSE} tokens, batch {rows}, sampling",
            other="transformers generate",
            unit="tokens",
            work=rows * RESPONSE,
            ours=seconds[name],
            theirs=seconds["generate"],
            target=targets[name],
            model=model.title,
            done=tokens.of(name, "generate"),
            details={
                "time over least arithmetic": round(median(seconds[name]) * gflops * 1e9 / work.least_rollout(), 2)
            },
        )
        for name in variants
    ]


def compare_variable(model: Model, repeats: int, variants: Sequence[str] = tuple(VARIABLE)) -> list[Comparison]:
    """Write responses that end by themselves, in slots that are refilled; ``generate`` is made to write as long ones.

    It goes by batches in the order of the prompts, which are of one to 32 tokens.
    """
    space = TokenSpace(model.words + SPECIAL, WIDTH, LIMIT, eos_id=EOS)
    networks = _networks(model, space, variants)
    plain = make_network(model.found(), space)
    plain.model.load_state_dict(networks[variants[0]].model.state_dict())
    for network in networks.values():
        end_at(network.model, EOS, rate(LIMIT), pretrained=callable(model.source))
    count, slots, batch = (size // model.fewer for size in (PROMPTS, SLOTS, BATCH))
    widths = torch.randint(1, WIDTH + 1, (count, 1))
    words = torch.randint(1, model.words, (count, WIDTH))
    prompts = torch.where(torch.arange(WIDTH) >= WIDTH - widths, words, -1)
    lengths: list[Tensor] = []
    tokens = _Counts()

    def ours(name: str) -> Callable[[], None]:
        def write() -> None:
            torch.manual_seed(tokens.calls(name))  # the variants draw the same numbers, and so end alike
            lengths.append(generate(networks[name], prompts, last_values=True, slots=slots).lengths)
            tokens.add(name, int(lengths[-1].sum()))

        return write

    def theirs() -> None:
        batches = zip(prompts.split(batch), lengths[-1].split(batch), strict=True)
        tokens.add("generate", sum(_theirs(plain, rows, LIMIT, EOS, ends) for rows, ends in batches))

    seconds = interleaved({name: ours(name) for name in variants} | {"generate": theirs}, repeats)
    mean = sum(tokens.counts["generate"][1:]) / repeats
    for side, counts in tokens.counts.items():  # the first call of each is not measured
        seconds[side] = [s * mean / n for s, n in zip(seconds[side], counts[1:], strict=True)]
    targets = STORIES["variable"] if model.name == "stories260k" else VARIABLE
    return [
        Comparison(
            name=f"rollout, variable length, {name}",
            setting=f"{count} prompts of up to {WIDTH} tokens, {mean / count:.1f} of at most {LIMIT} tokens in the "
            f"mean, {slots} slots (generate: batches of {batch})",
            other="transformers generate, forced to the same lengths",
            unit="tokens",
            work=round(mean, 1),
            ours=seconds[name],
            theirs=seconds["generate"],
            target=targets[name],
            model=model.title,
            done=tokens.of(name, "generate"),
        )
        for name in variants
    ]


def _networks(model: Model, space: TokenSpace, variants: Sequence[str]) -> dict[str, TextNetwork]:
    """Return one network for each variant, with the same weights."""
    networks = {
        name: make_network(model.found(), space, engine=Engine(compile=name == "compiled")) for name in variants
    }
    weights = networks[variants[0]].state_dict()
    for network in networks.values():
        network.load_state_dict(weights)
    return networks


class _Counts:
    """The tokens that each call of each side wrote."""

    def __init__(self) -> None:
        self.counts: dict[str, list[int]] = {}

    def add(self, side: str, tokens: int) -> None:
        self.counts.setdefault(side, []).append(tokens)

    def calls(self, side: str) -> int:
        """Return how often a side was called."""
        return len(self.counts.get(side, ()))

    def of(self, ours: str, theirs: str) -> dict[str, int]:
        """Return the sums of both sides without their first calls, which are not measured."""
        return {"ours": sum(self.counts[ours][1:]), "theirs": sum(self.counts[theirs][1:])}


@torch.no_grad()
def _theirs(network: TextNetwork, prompts: Tensor, limit: int, eos: int | None, lengths: Tensor | None = None) -> int:
    """Write a batch by ``generate``, with an eos at the given lengths; return how many tokens."""
    prompts = prompts[:, prompts.shape[1] - int((prompts >= 0).sum(dim=1).max()) :]
    processors = LogitsProcessorList()
    if eos is not None and lengths is not None:
        ends = ForcedEnds(eos)
        ends.lengths, ends.width = lengths, prompts.shape[1]
        processors.append(ends)
    found = network.model.generate(  # type: ignore[operator]
        prompts.clamp(min=0),
        attention_mask=(prompts >= 0).long(),
        max_new_tokens=limit,
        eos_token_id=eos,
        pad_token_id=eos or 0,
        logits_processor=processors,
        **SAMPLING,
    )[:, prompts.shape[1] :]
    return found.numel() if eos is None else written(found, eos)
