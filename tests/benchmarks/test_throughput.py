"""The arithmetic and the reports of the throughput benchmark; no time is asserted."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks.throughput import environments, iterations, rollouts, workload
from benchmarks.throughput.arithmetic import Work
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.plot import draw
from benchmarks.throughput.table import table


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 2, "n_positions": 8}
    for module in (iterations, rollouts):
        monkeypatch.setattr(module, "GPT2", model)
    for module, name, value in (
        (environments, "LANES", 3), (environments, "EPISODES", 1), (workload, "SAMPLES", 20),
        (iterations, "LANES", 4), (iterations, "EPOCHS", 2),
        (rollouts, "ROWS", 2), (rollouts, "PROMPT", 4), (rollouts, "RESPONSE", 4),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize(("P", "T", "bound"), [(32, 32, 24.0), (64, 128, 85.333)])
def test_work_agrees_with_sums_over_every_context(P: int, T: int, bound: float) -> None:
    config = AutoConfig.for_model("gpt2", n_layer=2, n_embd=16, n_head=2, vocab_size=50, n_positions=256)
    model = AutoModelForCausalLM.from_config(config)
    body = sum(p.numel() for p in model.transformer.h.parameters()) + 2 * 16  # and the last norm
    work = Work(model, (3, P, T), 4)
    assert (work.body, work.head) == (body, 50 * 16)
    assert work.bound() == pytest.approx(bound, abs=1e-3)
    contexts = sum(P + t + 0.5 for t in range(T))  # a token's context grows while it is written: its mean
    assert work.per_token() == pytest.approx(3 * 2 * (body * contexts + 800 * T) * (1 + 3 * 4))
    assert work.least() == pytest.approx(3 * 2 * (body * (P + T) + 800 * T) * (1 + 3 * 4))


def test_the_ratio_is_that_of_neighbours_in_time() -> None:
    comparison = Comparison("a", "b", "c", "tokens", 10.0, ours=[1.0, 4.0, 1.0], theirs=[2.0, 8.0, 3.0])
    assert comparison.ratios == [2.0, 2.0, 3.0]
    assert comparison.ratio == 2.0
    assert comparison.speed(comparison.ours) == 10.0


def test_every_comparison_measures_both_sides_and_is_reported(tiny: None, tmp_path: Path) -> None:
    whole = iterations.Shape(4, 4, 4, 2, batch=8, stock_batch=8)
    part = iterations.Shape(4, 4, 2, 1, batch=8, stock_batch=8, has_target=False)
    comparisons = [
        environments.compare(None, 1),
        environments.compare("bleu", 1),
        rollouts.compare(1, 100.0),
        iterations.compare(whole, 1, 100.0),
        iterations.compare(part, 1, 100.0),
    ]
    assert all(min(c.ours + c.theirs) > 0 for c in comparisons)
    lines = [json.loads(json.dumps(c.to_json())) for c in comparisons]
    assert [line["name"] for line in lines] == ["environment steps"] * 2 + ["rollout"] + ["PPO iteration"] * 2
    assert len(table(comparisons).split("\n\n")[0].splitlines()) == 2 + len(comparisons)
    assert [c.target for c in comparisons] == [10.0, None, 1.0, 2.4, None]
    assert "scaled" not in comparisons[3].setting
    assert "stock timed with 2 lanes and 1 epoch, and scaled" in comparisons[4].setting
    draw(comparisons, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_stock_side_passes_as_many_columns_as_counted_by_hand(tiny: None) -> None:
    P, T = 4, 4
    shape = iterations.Shape(P, T, 4, 2)
    stock = iterations._algorithm(iterations.stable_baselines3.PPO, shape, 4, n_steps=T, n_epochs=2, batch_size=16)
    rollout = 4 * sum(P + t for t in range(T)) + 4 * P  # and the values of the states after it, new prompts
    update = 2 * 16 * (P + T - 1)  # one minibatch an epoch, as wide as its longest state
    assert iterations._columns(stock) == rollout + 3 * update
