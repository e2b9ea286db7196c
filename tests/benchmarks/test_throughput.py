"""The arithmetic and the reports of the throughput benchmark; no time is asserted."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from agents.models.pretrained import make_network
from benchmarks.throughput import __main__ as command
from benchmarks.throughput import (
    cells,
    ending,
    environments,
    grouped,
    growth,
    iterations,
    minimum,
    process,
    rollouts,
    workload,
)
from benchmarks.throughput.arithmetic import Work
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.models import MODELS, Absent, Model
from benchmarks.throughput.plot import draw
from benchmarks.throughput.results import Results
from benchmarks.throughput.table import inserted, machines, section, table
from textgym import TokenSpace

TINY = Model(
    "tiny",
    20,
    {"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 2, "n_positions": 16, "resid_pdrop": 0.0},
    "tiny",
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for module, name, value in (
        (environments, "LANES", 3), (environments, "EPISODES", 1), (workload, "SAMPLES", 20),
        (iterations, "LANES", 4), (iterations, "EPOCHS", 2), (iterations, "MODEL", TINY),
        (iterations, "arguments", _few_words),
        (rollouts, "ROWS", 2), (rollouts, "PROMPT", 4), (rollouts, "RESPONSE", 4),
        (rollouts, "PROMPTS", 10), (rollouts, "WIDTH", 4), (rollouts, "LIMIT", 8), (rollouts, "SLOTS", 6),
        (rollouts, "BATCH", 4),
        (grouped, "PROMPTS", 2), (grouped, "GROUP", 2), (grouped, "PROMPT", 4), (grouped, "RESPONSE", 8),
        (minimum, "PROMPTS", 2), (minimum, "GROUP", 2), (minimum, "PROMPT", 4), (minimum, "RESPONSE", 8),
        (minimum, "gflops", lambda *_, **__: 100.0),
        (growth, "GROUP", 2), (growth, "LANES", (2, 4)), (growth, "SHAPE", (4, 4)), (growth, "STEP", 8),
        (growth, "LENGTHS", (4, 8)), (growth, "PROMPT", 2), (growth, "ROWS", 4), (growth, "_model", lambda: TINY),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


def _few_words(prompt: int, response: int) -> dict[str, Any]:
    return workload.arguments(prompt, response, words=TINY.words)


def _line(cell: str, comparisons: list[Comparison], repeats: int = 1, **more: Any) -> dict[str, Any]:
    machine = {"processor": "p", "cores": 2, "python": "3", "versions": {"torch": "2"}, "load": 0.5, "load_after": 1.5}
    machine |= {"gflops": {"a": 200.0}, "set": {}}
    told = [comparison.to_json() for comparison in comparisons]
    return {
        "cell": cell,
        "repeats": repeats,
        "seconds": 3,
        "cpu_seconds": 2,
        "machine": machine,
        "comparisons": told,
    } | more


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
    assert work.least_with_reference() == pytest.approx(3 * (body * (P + T) + 800 * T) * (4 + 6 * 4))
    assert work.least_with_reference(2) == pytest.approx(3 * (body * (P / 2 + T) + 800 * T) * (4 + 6 * 4))


def test_a_head_that_is_not_the_embedding_is_counted_once() -> None:
    options = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    for tied in (True, False):
        config = AutoConfig.for_model("llama", vocab_size=30, tie_word_embeddings=tied, **options)
        model = AutoModelForCausalLM.from_config(config)
        work = Work(model, (1, 4, 4), 1)
        assert work.head == 30 * 8
        assert work.body == sum(p.numel() for p in model.model.layers.parameters()) + 8


def test_the_ratio_is_that_of_neighbours_in_time() -> None:
    comparison = Comparison("a", "b", "c", "tokens", 10.0, ours=[1.0, 4.0, 1.0], theirs=[2.0, 8.0, 3.0])
    assert comparison.ratios == [2.0, 2.0, 3.0]
    assert comparison.ratio == 2.0
    assert comparison.speed(comparison.ours) == 10.0
    comparison.at_most = True
    assert comparison.ratios == pytest.approx([1 / 3, 0.5, 0.5])


@pytest.mark.parametrize(
    ("target", "at_most", "told"),
    [(1.9, False, "| at least 1.9 | met |"), (2.1, False, "| at least 2.1 | **missed** |"),
     (0.6, True, "| at most 0.6 | met |"), (0.4, True, "| at most 0.4 | **missed** |"), (None, False, "|  |  |")],
)  # fmt: skip
def test_the_table_tells_which_targets_are_missed(target: float | None, at_most: bool, told: str) -> None:
    comparison = Comparison("a", "b", "c", "tokens", 10.0, ours=[1.0], theirs=[2.0], target=target, at_most=at_most)
    assert table([comparison]).splitlines()[2].endswith(told)


def test_the_table_tells_when_the_sides_did_not_do_the_same_work() -> None:
    comparison = Comparison("a", "b", "c", "tokens", 10.0, [1.0], [2.0], done={"ours": 100, "theirs": 90})
    assert "the sides' work differs" in table([comparison])
    comparison.done["theirs"] = 100
    assert "differs" not in table([comparison])
    assert "counted, ours and theirs: 100 and 100" in table([comparison])


def test_every_comparison_measures_both_sides_and_is_reported(tiny: None, tmp_path: Path) -> None:
    whole = iterations.Shape(4, 4, 4, 2, batch=8, stock_batch=8, target=2.4)
    part = iterations.Shape(4, 4, 2, 1, batch=8, stock_batch=8)
    comparisons = [
        environments.compare(None, 1),
        environments.compare("bleu", 1),
        *rollouts.compare(TINY, 1, 100.0, ["eager"]),
        *rollouts.compare_variable(TINY, 2, ["eager"]),
        iterations.compare(whole, 1, 100.0),
        iterations.compare(part, 1, 100.0),
        *minimum.compare(replace(TINY, name="gpt2-20m"), 1),  # which alone has a target
        *growth.lanes(1),
        *growth.lengths(1),
    ]
    assert all(min(c.ours + c.theirs) > 0 for c in comparisons)
    assert all(c.same_work is not False for c in comparisons)
    assert [c.target for c in comparisons] == [10.0, None, 1.5, 2.7, 2.4, None, 1.5, None, 1.1, 1.1, 1.1, None]
    assert "scaled" not in comparisons[4].setting
    assert "stock timed with 2 lanes and 1 epoch, and scaled" in comparisons[5].setting
    lines = [json.loads(json.dumps(c.to_json())) for c in comparisons]
    assert [Comparison.from_json(line) for line in lines] == comparisons
    assert len(table(comparisons).split("\n\n")[0].splitlines()) == 2 + len(comparisons)
    draw(comparisons, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("kind", "ends"), [("grpo", False), ("grpo", True), ("rloo", True)])
def test_an_iteration_writes_as_many_tokens_as_that_of_trl(kind: Any, ends: bool, tiny: None) -> None:
    pytest.importorskip("trl", reason="the extra 'peers' is not installed")
    comparison = grouped.compare(kind, TINY, 2, ends=ends)[0]
    assert len(comparison.ours) == len(comparison.theirs) == 2
    assert comparison.done["ours"] == comparison.done["theirs"]
    assert (comparison.done["ours"] == 2 * 2 * 2 * 8) != ends


def test_the_stock_side_passes_as_many_columns_as_counted_by_hand(tiny: None) -> None:
    P, T = 4, 4
    shape = iterations.Shape(P, T, 4, 2)
    stock = iterations._algorithm(iterations.stable_baselines3.PPO, shape, 4, n_steps=T, n_epochs=2, batch_size=16)
    rollout = 4 * sum(P + t for t in range(T)) + 4 * P  # and the values of the states after it, new prompts
    update = 2 * 16 * (P + T - 1)  # one minibatch an epoch, as wide as its longest state
    assert iterations._columns(stock) == rollout + 3 * update


@pytest.mark.parametrize("limit", [8, 64])
def test_lengths_at_the_rate_have_the_mean_of_a_geometric_distribution_cut_at_the_limit(limit: int) -> None:
    p = ending.rate(limit)
    shares = [p * (1 - p) ** (k - 1) for k in range(1, limit)]
    cut = (1 - p) ** (limit - 1)
    assert sum(k * share for k, share in enumerate(shares, 1)) + limit * cut == pytest.approx(0.4 * limit)


@pytest.mark.parametrize("pretrained", [False, True])
def test_an_end_comes_with_its_probability_whatever_stands_before(pretrained: bool) -> None:
    torch.manual_seed(0)
    network = make_network(TINY.source, TokenSpace(23, 4, 8, eos_id=5))  # type: ignore[arg-type]
    ending.end_at(network.model, 5, 0.2, pretrained=pretrained)
    with torch.no_grad():
        logits = network.model(torch.randint(23, (6, 4))).logits
    assert logits.softmax(dim=-1)[..., 5].flatten().tolist() == pytest.approx(
        [0.2] * 24, abs=1e-6 if pretrained else 0.02
    )


def test_a_forced_end_comes_at_its_length_and_not_before(tiny: None) -> None:
    network = make_network(TINY.source, TokenSpace(23, 4, 8, eos_id=5))  # type: ignore[arg-type]
    prompts, lengths = torch.randint(6, 23, (3, 4)), torch.tensor([1, 5, 8])
    assert rollouts._theirs(network, prompts, 8, 5, lengths) == 14


def test_a_cell_is_chosen_by_its_name_its_model_and_its_use() -> None:
    def names(only: list[str] = [], models: list[str] = [], everything: bool = False) -> list[str]:  # noqa: B006
        return [cell.name for cell in cells.chosen(only, models, everything)]

    assert names(["rollout/fixed/gpt2-4m"]) == ["rollout/fixed/gpt2-4m"]
    assert "rollout/fixed/smollm2" not in names(["rollout/fixed"])  # that model is asked for by name
    assert len(names(["rollout/fixed"])) == len(MODELS) - 2  # and one is for comparisons with TRL alone
    assert names(["minimum"], ["smollm2"]) == ["minimum/smollm2"]
    assert set(names()) < set(names(everything=True)) < set(cells.cells())


@pytest.mark.parametrize(
    ("given", "message"),
    [(["--only", "nonsense"], "no cell is chosen"), (["--only", "ppo", "--models", "gpt2-4m"], "no cell is chosen"),
     (["--models", "nonsense"], "invalid choice"), (["--repeats", "0"], "at least 1, got 0")],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--results", str(tmp_path / "r.jsonl"), *given])
    assert message in capsys.readouterr().err


def test_a_finished_cell_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[tuple[str, int]] = []
    run = _run_of(measured)
    monkeypatch.setattr(command, "run", run)
    path = str(tmp_path / "r.jsonl")
    arguments = ["--results", path, "--only", "environment/free", "environment/bleu"]
    assert command.main([*arguments, "--repeats", "3"]) == 1
    assert measured == [("environment/free", 3), ("environment/bleu", 3)]  # of which the second one failed
    assert list(Results(Path(path)).lines) == ["environment/free"]
    command.main([*arguments, "--repeats", "3"])
    assert measured[2:] == [("environment/bleu", 3)]
    command.main([*arguments, "--repeats", "5"])  # of 3 measurements that one is not finished
    assert measured[3:] == [("environment/free", 5), ("environment/bleu", 5)]
    command.main([*arguments, "--again"])
    assert measured[5:] == [("environment/free", 5), ("environment/bleu", 5)]
    count = len(measured)
    capsys.readouterr()
    assert command.main(["--results", path, "--table"]) == 0
    assert len(measured) == count
    assert "| environment/free |  | c | 10 tokens/s | 5 tokens/s | **2.00** [2.00, 2.00] |" in capsys.readouterr().out


def _run_of(measured: list[tuple[str, int]]) -> Callable[[Any, int], dict[str, Any]]:
    def run(cell: Any, repeats: int) -> dict[str, Any]:
        measured.append((cell.name, repeats))
        if cell.name == "environment/bleu":
            raise process.CellFailed("environment/bleu ended with 1")
        return _line(cell.name, [Comparison(cell.name, "b", "c", "tokens", 10.0, [1.0], [2.0])], repeats)

    return run


def test_a_model_that_is_absent_is_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEXTGYM_DATA", str(tmp_path))
    with pytest.raises(Absent, match="set TEXTGYM_DATA"):
        MODELS["stories260k"].found()
    given = ["--results", str(tmp_path / "r.jsonl"), "--only", "rollout/fixed/stories260k"]
    assert command.main(given) == 0
    assert "left out, stories260k is not at" in capsys.readouterr().err


def test_a_process_has_its_cells_allocator_settings_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1")
    found = cells.cells()
    plain = process.environment(found["grpo/fixed/default/gpt2-4m"])
    assert not [name for name in plain if name.startswith(process.ALLOCATOR)]
    tuned = process.environment(found["grpo/fixed/tuned/gpt2-4m"])
    assert {name: tuned[name] for name in cells.TUNED} == cells.TUNED
    assert plain["OMP_NUM_THREADS"] == "1"


def test_the_file_tells_on_what_its_cells_were_measured() -> None:
    comparison = Comparison("a", "b", "c", "tokens", 10.0, [1.0], [2.0])
    lines = [_line("a", [comparison], 5), _line("b", [comparison], 3)]
    lines[1]["machine"]["set"] = {"MALLOC_X": "0"}
    told = machines(lines)
    assert told == (
        "Measured on p, 2 cores, Python 3, torch 2; load 0.5 to 1.5; matrix products at 200 to 200 GFLOP/s; "
        "3 to 5 measurements of each side. A tuned allocator: MALLOC_X=0."
    )


def test_the_page_shows_what_the_results_file_says() -> None:
    results = Results(command.RESULTS)
    page = (command.RESULTS.parents[1] / "README.md").read_text(encoding="utf-8")
    text = section(list(results.lines.values()), results.comparisons(cells.cells()))
    assert inserted(page, text) == page, "python -m benchmarks.throughput --table --readme benchmarks/README.md"
    with pytest.raises(ValueError, match="must hold the lines"):
        inserted("no marks", text)
