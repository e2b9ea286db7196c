"""How the cost of a token grows with the number of lanes and with the length of responses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.grouped import GROUP, Iteration
from benchmarks.throughput.models import MODELS, Model, gpt2
from benchmarks.throughput.timing import interleaved, median

LANES = (16, 64, 256)
SHAPE = 32, 32  # P and T of the lanes
STEP = 512  # tokens of a step of the optimizer, whatever the lanes
LENGTHS = (64, 128, 256, 512)
PROMPT, ROWS = 8, 16  # of the lengths; a short prompt, which longer responses would pay off
ROOM = 1.1  # what a token may cost more
# a GPT-2 multiplies its weights by addmm: these are attention's own, whichever way it is computed
ATTENTION = ("scaled_dot_product", "ScaledDotProduct", "aten::bmm", "aten::baddbmm", "aten::_softmax")


def _model() -> Model:
    return replace(MODELS["gpt2-4m"], source=gpt2(4, 256, n_positions=PROMPT + max(LENGTHS)))


def lanes(repeats: int) -> list[Comparison]:
    """Time iterations with few, more and many lanes, as many of them as make equally many tokens."""
    most = max(LANES)
    iterations = {n: Iteration("grpo", _model(), (n // GROUP, *SHAPE), batch_size=STEP) for n in LANES}
    tokens = dict.fromkeys(LANES, 0)

    def play(n: int) -> None:
        for _ in range(most // n):
            iterations[n]()
            tokens[n] += int(iterations[n].lengths.sum())

    seconds = interleaved({str(n): lambda n=n: play(n) for n in LANES}, repeats)  # type: ignore[misc]
    work = most * SHAPE[1]
    fastest = [min(times) for times in zip(*seconds.values(), strict=True)]
    slowest = [max(times) for times in zip(*seconds.values(), strict=True)]
    speeds = {f"tokens/s at {n} lanes": round(work / median(times)) for n, times in seconds.items()}
    setting = f"GRPO, {SHAPE[0]} + {SHAPE[1]} tokens, steps of {STEP} tokens"
    few, many = str(min(LANES)), str(most)
    common: dict[str, Any] = {"unit": "response tokens", "work": work, "target": ROOM, "at_most": True}
    common |= {"setting": setting, "model": MODELS["gpt2-4m"].title, "details": speeds}
    done = {"ours": tokens[most], "theirs": tokens[min(LANES)]}
    return [
        Comparison(f"cost of a token, {many} lanes", other=f"{few} lanes", ours=seconds[many], theirs=seconds[few],
                   done=done, **common),
        Comparison(f"cost of a token, the dearest of {', '.join(seconds)} lanes", other="the cheapest",
                   ours=slowest, theirs=fastest, done=done, **common),
    ]  # fmt: skip


def lengths(repeats: int) -> list[Comparison]:
    """Time iterations with longer and longer responses, with and without what attention takes of it.

    Its share is that of the profile of one iteration: all operations that only attention uses, forward and backward.
    """
    iterations = {T: Iteration("grpo", _model(), (ROWS // GROUP, PROMPT, T)) for T in LENGTHS}
    seconds = interleaved({str(T): iteration for T, iteration in iterations.items()}, repeats)
    costs = {T: [s / (ROWS * T) for s in seconds[str(T)]] for T in LENGTHS}
    shares = {T: _attention_share(iterations[T]) for T in LENGTHS}
    short, long = min(LENGTHS), max(LENGTHS)
    common: dict[str, Any] = {"setting": f"GRPO, {ROWS} responses of {long} tokens to {PROMPT}", "unit": "token"}
    common |= {"other": f"responses of {short} tokens", "work": 1.0, "at_most": True}
    common |= {"model": MODELS["gpt2-4m"].title}
    told = {f"attention's share at {T} tokens": round(share, 3) for T, share in shares.items()}
    rest = {T: [cost * (1 - shares[T]) for cost in costs[T]] for T in LENGTHS}
    speeds = {f"tokens/s at {T} tokens": round(1 / median(cost)) for T, cost in costs.items()}
    ratios = {f"cost at {T} over that at {short}": round(median(rest[T]) / median(rest[short]), 3) for T in LENGTHS}
    return [
        Comparison("cost of a token of a long response, attention left out", ours=rest[long], theirs=rest[short],
                   target=ROOM, details=told | ratios, **common),
        Comparison("cost of a token of a long response, with attention", ours=costs[long], theirs=costs[short],
                   details=speeds, **common),
    ]  # fmt: skip


def _attention_share(iteration: Iteration) -> float:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        iteration()
    times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    attention = sum(time for key, time in times.items() if key.startswith("aten::") and _is_attention(key))
    return float(attention / sum(times.values()))


def _is_attention(key: str) -> bool:
    return any(name in key for name in ATTENTION)
