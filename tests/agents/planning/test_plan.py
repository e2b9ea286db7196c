"""Whether a run fits, what would, and how it is told."""

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest

import tests.agents.tiny  # noqa: F401  (registers the letters)
from agents.commands.planning import plan
from agents.planning.memory_size import parse_size, size_text
from agents.planning.plan import LIBRARIES, largest, make_plan, process_bytes
from agents.planning.rehearsal import ACTIVATIONS, CACHE, PARAMETERS, Peak
from tests.agents.planning.test_rehearsal import ROWS, T, workload
from tests.conftest import ROOT
from textgym.cli import SUMMARIES
from textgym.errors import TextGymError

MODEL = ["--model.model_type", "gpt2", "--model.n_embd", "32", "--model.n_layer", "1", "--model.n_head", "2"]
SIZES = ["--vocabulary", "30", "--max_prompt_tokens", "8", "--max_new_tokens", "8"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GB", 24 * 10**9),
        ("16GiB", 2**34),
        ("1.5MB", 1_500_000),
        ("8192B", 8192),
        ("2TiB", 2**41),
        (".5GB", 5 * 10**8),
    ],
)
def test_amounts(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("size", "text"), [(999, "999 B"), (1000, "1.0 kB"), (24 * 10**9, "24.0 GB"), (2_500_000, "2.5 MB")]
)
def test_amounts_are_told(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--memory", "24 GB"], "in one word, got '24 GB'. Did you mean 24GB?"),
        (["--memory", "24gib"], "got '24gib'. Did you mean 24GiB?"),
        (["--memory", "24"], "got '24'. Did you mean 24GB?"),
        (["--memory", "24G"], "got '24G'. Did you mean 24GB?"),
        (["--memory", "24Gi"], "got '24Gi'. Did you mean 24GiB?"),
        (["--memory", "banana"], "got 'banana'."),
        (["--memory", "1.2.3GB"], "got '1.2.3GB'."),
        (["--memory", "-1GB"], "got '-1GB'."),
        (["--memory", "0"], "must be an amount such as 24GB or 16GiB"),
        (["--memory", "0GB"], "must be more than nothing, got '0GB'"),
        (["--vocabulary", "many"], "--vocabulary must be a whole number of at least 1, got 'many'"),
        (["--max_new_tokens", "2000"], "The model has 1024 positions, the environment needs 2008"),
        (["--max_new_tokens", "many"], "--max_new_tokens must be a whole number, got 'many'"),
        (["--device", "banana"], "device 'banana' cannot be used"),
        (["--batch", "30", "--algorithm", "GRPO"], "must be a multiple of responses_per_prompt=4"),
        (["--batch", "0"], "at least that, got 0"),
        (["--algorithm", "DPO"], "reinforcement.algorithm must be"),
        (["--env_kwargs.reward", "bleu"], "env_kwargs.reward is for a plan with an environment"),
        (["--model.n_heads", "3"], "gpt2 has no option 'n_heads'. Did you mean 'n_head'?"),
        (["--lora.rang", "3"], "rang"),
        (["--reinforcement.options.group", "9"], "is not an argument of PPO"),
        (["--reinforcement.enabled", "false"], "a plan is one of reinforcement"),
    ],
)
def test_what_cannot_be_planned_is_told_in_sentences(arguments: list[str], message: str) -> None:
    with pytest.raises(TextGymError) as error:
        plan([*MODEL, *SIZES, *arguments])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "./nowhere"], "there is no such folder"),
        (MODEL, "or give --vocabulary 32000"),
        (["test/Letters-v0", *MODEL, "--vocabulary", "3"], "test/Letters-v0 has a tokenizer"),
        (["test/Leters-v0", *MODEL], "Letters"),
    ],
)
def test_models_and_environments_that_are_not_there(arguments: list[str], message: str) -> None:
    with pytest.raises(Exception, match=message):
        plan(arguments)


def test_a_plan_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--algorithm", "GRPO", "--batch", "16", "--memory", "1GB", "--reinforcement.options.kl_coef", "0.1"]
    assert plan([*MODEL, *SIZES, *more]) == 0
    told = capsys.readouterr().out
    assert told.startswith("GRPO of gpt2: ")
    assert "16 responses of 8 tokens to prompts of 8, vocabulary 30, float32" in told
    assert "reference policy" in told
    assert plan(["model={model_type: gpt2, n_embd: 32, n_layer: 1, n_head: 2}", *SIZES, *more]) == 0
    assert capsys.readouterr().out == told
    assert told.rstrip().endswith("of 1.0 GB. All at once does, too: slots=16, part_size=128.")


def test_a_configured_run_is_planned_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "env: test/Letters-v0\nnum_envs: 4\nwarm_start: {batch_size: 2}\n"
        "reinforcement: {options: {batch_size: 12, kl_coef: 0.1}}\n"
    )
    assert plan(["--config", str(file), *MODEL, "--memory", "1GB", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["prompt_tokens"], told["new_tokens"], told["responses"]) == (7, 6, 4)
    assert set(told["arrays"]) == {"rollout", "update", "warm start"}
    assert told["sizes"]["reference policy"] == told["sizes"]["parameters"] > 4 * told["learned"]
    assert told["fits"]
    assert told["proposal"] == {"slots": 4, "part_size": 12}
    assert told["peak"] > max(phase["total"] for phase in told["arrays"].values())


def test_the_verb_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan([]) == 0
    assert "usage: textgym plan" in capsys.readouterr().out
    assert "how much memory a run will take" in SUMMARIES["plan"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["textgym.commands"]["plan"] == "agents.commands:plan"


def test_what_is_proposed_fits_and_what_does_not_is_told() -> None:
    planned = workload(algorithm="GRPO", slots=None, has_reference=True)
    roomy = make_plan(planned, 10**12)
    assert roomy.fits
    assert roomy.proposal() == {"slots": ROWS, "part_size": ROWS * T}
    tight = make_plan(planned, (roomy.least + roomy.peak) // 2)
    assert not tight.fits
    assert 0 < tight.proposal()["part_size"] < ROWS * T
    assert "It does not fit" in tight.verdict()
    less = workload(algorithm="GRPO", has_reference=True, **_options(tight.proposal()))
    assert make_plan(less, tight.memory).fits
    none = make_plan(planned, roomy.least - 1)
    assert none.proposal() == {}
    assert f"With one response at a time it would still take {size_text(roomy.least)}" in none.verdict()


def test_a_warm_start_of_many_responses_is_planned_and_minded() -> None:
    planned = workload(algorithm="GRPO", slots=None, has_reference=True, imitated=4 * ROWS)
    roomy = make_plan(planned, 10**12)
    assert [peak.phase for peak in roomy.peaks] == ["rollout", "update", "warm start"]
    assert roomy.peaks[2].total > roomy.peaks[1].total
    assert roomy.least > make_plan(replace(planned, imitated=None), 10**12).peak
    tight = make_plan(planned, roomy.least - 1)
    assert tight.proposal() == {}
    assert "Take a smaller warm_start.batch_size, lora" in tight.verdict()


def test_all_layers_learn_in_a_warm_start_by_adam() -> None:
    planned = workload(algorithm="GRPO", optimizer="muon", unfrozen_layers=1, has_reference=True, imitated=ROWS)
    warm = make_plan(planned, 10**12).peaks[2]
    expected = make_plan(workload(algorithm="GRPO", imitated=ROWS), 10**12).peaks[2]
    assert warm.bytes == expected.bytes


def test_parts_that_an_algorithm_cuts_itself_keep_their_activations() -> None:
    parts = make_plan(workload(algorithm="GRPO", part_tokens=4 * T), 10**12).peaks[1].bytes
    again = make_plan(workload(algorithm="PPO", part_tokens=4 * T), 10**12).peaks[1].bytes
    assert parts[ACTIVATIONS] > 2 * again[ACTIVATIONS]


def test_the_cache_that_is_told_is_that_of_the_configured_rollout() -> None:
    one, all_at_once = (make_plan(workload(slots=slots), 10**12).sizes[CACHE] for slots in (1, None))
    assert all_at_once > one


def _options(proposal: dict[str, int]) -> dict[str, int]:
    return {"slots": proposal["slots"], "part_tokens": proposal["part_size"]}


@pytest.mark.parametrize("memory", [0, 107, 108, 150, 500, 899, 900, 10**6])
def test_the_largest_number_within_a_budget(memory: int) -> None:
    cost = lambda number: 100 + 8 * number  # noqa: E731
    found = largest(cost, 100, memory)
    assert found == 0 if memory < cost(1) else 1 <= found <= 100
    assert not found or cost(found) <= memory
    assert found >= min(100, (memory - 100) // 8) * 7 // 8 - 8


def test_small_arrays_of_one_phase_are_kept_beside_the_large_ones_of_another() -> None:
    first = Peak("rollout", {PARAMETERS: 10}, small=10, large=100)
    second = Peak("update", {PARAMETERS: 10}, small=60, large=0)
    assert process_bytes([first, second]) == 160 + 10 + LIBRARIES
