"""The time of a whole iteration over what its arithmetic alone would take at the machine's speed of matrix products."""

from __future__ import annotations

from benchmarks.throughput.arithmetic import Work
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.grouped import GROUP, PROMPT, PROMPTS, RESPONSE, Iteration
from benchmarks.throughput.machine import gflops
from benchmarks.throughput.models import Model
from benchmarks.throughput.timing import cpu_seconds, median

TARGET = {"gpt2-20m": 1.5}  # a smaller model's time is that of calls, not of arithmetic
SIZE = 1024  # of the square matrices whose product tells the speed


def compare(model: Model, repeats: int) -> list[Comparison]:
    """Time iterations of GRPO with a reference, and the speed of matrix products before each of them.

    The minimum lets every response read its own prompt, as N S (4 + 6 E) does; beside it stands the one in which the
    responses of a group share that reading.
    """
    iterate = Iteration("grpo", model)
    iterate()
    rates, seconds, tokens = [], [], 0
    for _ in range(repeats):
        rates.append(1e9 * gflops(SIZE, SIZE, SIZE, repeats=3))
        seconds.append(cpu_seconds(iterate))
        tokens += int(iterate.lengths.sum())
    prompts = PROMPTS // model.fewer
    rows = prompts * GROUP
    assert tokens == repeats * rows * RESPONSE, "every response has T tokens"
    work = Work(iterate.model, (rows, PROMPT, RESPONSE), 1)
    return [
        Comparison(
            name=f"GRPO iteration over its arithmetic{told}",
            setting=f"{prompts} prompts of {PROMPT} tokens, {GROUP} responses of {RESPONSE}, reference, one update",
            other="the same operations as matrix products alone",
            unit="response tokens",
            work=rows * RESPONSE,
            ours=seconds,
            theirs=[least / rate for rate in rates],
            target=target,
            at_most=True,
            model=model.title,
            details={
                "GFLOP of the minimum": round(least / 1e9),
                "GFLOP/s of matrix products": round(median(rates) / 1e9, 1),
                "weights without embeddings, of the head": [work.body, work.head],
            },
        )
        for told, least, target in (
            (", N S (4 + 6 E)", work.least_with_reference(), TARGET.get(model.name)),
            (", prompts read once a group", work.least_with_reference(GROUP), None),
        )
    ]
