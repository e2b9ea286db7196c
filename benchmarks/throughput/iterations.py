"""One iteration of PPO, rollout and update, against Stable-Baselines3's PPO with the same policy, lanes and epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import stable_baselines3

from agents import PPO, TransformerPolicy
from agents.vec_env import TextVecEnv
from benchmarks.throughput.arithmetic import Work
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.models import MODELS
from benchmarks.throughput.timing import cpu_seconds, median
from benchmarks.throughput.workload import arguments
from textgym.vector import TextGenerationVectorEnv

LANES, EPOCHS = 32, 4
MODEL = MODELS["gpt2-4m"]


@dataclass(frozen=True)
class Shape:
    """One size of the comparison.

    Attributes:
        prompt: P.
        response: T.
        stock_lanes: The lanes that the stock side is timed with; its seconds are scaled to all lanes.
        stock_epochs: The same for epochs.
        batch: Tokens of a minibatch of ours; the default is that of ``agents.PPO``.
        stock_batch: The same for the stock side; the default is Stable-Baselines3's.
        target: The ratio to reach.
    """

    prompt: int
    response: int
    stock_lanes: int
    stock_epochs: int
    batch: int = 512
    stock_batch: int = 64
    target: float | None = None


SHAPES = {
    "short": Shape(32, 32, 32, 4),
    "long": Shape(64, 128, 4, 1, target=72.0),  # 85% of the bound
    "batch-64": Shape(32, 32, 8, 1, 64, 64),
    "batch-256": Shape(32, 32, 8, 1, 256, 256),
}


def compare(shape: Shape, repeats: int, gflops: float) -> Comparison:
    """Time both sides; where the stock side has fewer lanes or epochs, its seconds are scaled."""
    ours = _algorithm(PPO, shape, LANES, n_epochs=EPOCHS, batch_size=shape.batch)
    stock = _algorithm(
        stable_baselines3.PPO,
        shape,
        shape.stock_lanes,
        n_steps=shape.response,
        n_epochs=shape.stock_epochs,
        batch_size=shape.stock_batch,
    )
    scale = LANES / shape.stock_lanes, LANES / shape.stock_lanes * EPOCHS / shape.stock_epochs
    columns = _columns(stock, scale) / _columns(ours)  # which also warms both up
    fast, slow, tokens = [], [], {"ours": 0, "theirs": 0}
    for _ in range(repeats):
        fast.append(_seconds(ours))
        tokens["ours"] += _tokens(ours)
        slow.append([part * factor for part, factor in zip(_seconds(stock), scale, strict=True)])
        tokens["theirs"] += round(_tokens(stock) * scale[0])
    model = ours.policy.network.model
    work = Work(model, (LANES, shape.prompt, shape.response), EPOCHS)
    return Comparison(
        name=f"PPO iteration, {shape.prompt} + {shape.response} tokens, minibatches of {shape.batch}",
        setting=_setting(shape),
        other="stable_baselines3.PPO",
        unit="response tokens",
        work=LANES * shape.response,
        ours=[sum(parts) for parts in fast],
        theirs=[sum(parts) for parts in slow],
        target=shape.target,
        model=MODEL.title,
        bound=round(work.bound(), 1),
        done=tokens,
        details={
            "ours, seconds of rollout and update": _medians(fast),
            "stock, seconds of rollout and update": _medians(slow),
            "ratio of the least arithmetic, head included": round(work.bound_with_head(), 1),
            "ratio of the columns that passed, update tripled": round(columns, 1),
            "ours, time over least arithmetic": round(_medians(fast)[2] * gflops * 1e9 / work.least(), 2),
        },
    )


def _tokens(algorithm: Any) -> int:
    """Return from how many tokens the latest rollout is learned."""
    return int(algorithm.rollout_buffer.returns.size)


def _setting(shape: Shape) -> str:
    batches = f"minibatches of {shape.batch} tokens (stock {shape.stock_batch})"
    told = f"{shape.prompt} + {shape.response} tokens, {LANES} lanes, {EPOCHS} epochs, {batches}"
    if (shape.stock_lanes, shape.stock_epochs) == (LANES, EPOCHS):
        return told
    return f"{told}; stock timed with {shape.stock_lanes} lanes and {shape.stock_epochs} epoch, and scaled"


def _medians(seconds: Sequence[Sequence[float]]) -> list[float]:
    """Return the median seconds of the rollout, the update and both."""
    return [round(median(list(part)), 3) for part in zip(*((a, b, a + b) for a, b in seconds), strict=True)]


def _columns(algorithm: Any, scale: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return how many token columns pass the model in a rollout, and thrice those of an update."""
    columns: list[int] = []

    def count(_: Any, __: Any, inputs: dict[str, Any]) -> None:
        columns.append(inputs["input_ids"].numel())

    hook = algorithm.policy.network.model.base_model.register_forward_pre_hook(count, with_kwargs=True)
    _rollout(algorithm)
    rollout = sum(columns)
    algorithm.train()
    hook.remove()
    return scale[0] * rollout + scale[1] * 3 * (sum(columns) - rollout)


def _algorithm(cls: Callable[..., Any], shape: Shape, lanes: int, **options: Any) -> Any:
    envs = TextVecEnv(
        TextGenerationVectorEnv(num_envs=lanes, autoreset_mode="SameStep", **arguments(shape.prompt, shape.response))
    )
    algorithm = cls(TransformerPolicy, envs, policy_kwargs={"model": MODEL.source}, seed=0, device="cpu", **options)
    algorithm.callback_of_learning = algorithm._setup_learn(10**9)[1]
    return algorithm


def _seconds(algorithm: Any) -> tuple[float, float]:
    """Return the seconds of one rollout and of one update."""
    return cpu_seconds(lambda: _rollout(algorithm)), cpu_seconds(algorithm.train)


def _rollout(algorithm: Any) -> None:
    algorithm.collect_rollouts(
        algorithm.env, algorithm.callback_of_learning, algorithm.rollout_buffer, algorithm.n_steps
    )
