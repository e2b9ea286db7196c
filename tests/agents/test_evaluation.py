"""Evaluation plays each sample once and says how sure it is of each number."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import textgym
from agents import PPO, TransformerPolicy, evaluate, make_vec_env
from agents.evaluation import score_responses
from textgym.errors import ConfigError

ENV = "test/Letters-v0"


def make(model: dict[str, Any]) -> PPO:
    envs = make_vec_env(ENV, num_envs=4)
    return PPO(TransformerPolicy, envs, batch_size=12, policy_kwargs={"model": model}, seed=0)


def test_each_sample_is_played_once(model: dict[str, Any]) -> None:
    report = evaluate(make(model), ENV, ["edit_similarity", "bleu"], split="train", batch_size=3)
    assert [s.prompt for s in report.samples] == ["ab", "bcd", "c", "dabca", "abcd", "dd", "cab", "bad"]
    assert len(report.responses) == 8
    judge = textgym.make_reward("edit_similarity")
    assert report["edit_similarity"].sentence == pytest.approx(float(np.mean(judge(report.responses, report.samples))))
    assert report["bleu"].corpus_signature.startswith("bleu")
    assert report.mode == "greedy"


def test_the_batch_size_changes_no_greedy_response(model: dict[str, Any]) -> None:
    algorithm = make(model)
    one, other = (evaluate(algorithm, ENV, split="train", batch_size=b).responses for b in (1, 8))
    assert one == other


def test_sampling_is_seeded_and_leaves_the_global_generator_alone(model: dict[str, Any]) -> None:
    algorithm = make(model)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other, third = (evaluate(algorithm, ENV, split="train", deterministic=False, seed=s) for s in (1, 1, 2))
    assert torch.rand(1) == expected
    assert one.responses == other.responses
    assert one.responses != third.responses
    assert one.mode == "sampled at temperature 1"


def test_policies_checkpoints_and_algorithms_score_alike(tmp_path: Path, model: dict[str, Any]) -> None:
    algorithm = make(model)
    algorithm.save(tmp_path / "c")
    reports = [
        evaluate(p, ENV, split="train") for p in (algorithm, algorithm.policy, tmp_path / "c", str(tmp_path / "c"))
    ]
    assert len({r.responses for r in reports}) == 1


def test_a_plain_hugging_face_folder_is_scored(shared_data: Path) -> None:
    samples = [textgym.Sample("Once upon a time", ("there was a little girl",)), textgym.Sample("Tom was", ("happy",))]
    report = evaluate(
        shared_data / "stories260k",
        "textgym/Translation-v0",
        ["bleu", "chrf"],
        split="train",
        data=samples,
        max_prompt_tokens=16,
        max_new_tokens=16,
    )
    assert len(report.responses) == 2
    assert all(text.strip() for text in report.responses)
    assert report["chrf"].corpus > 0


def test_an_environment_of_another_size_is_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="The policy was made for TokenSpace"):
        evaluate(make(model), ENV, split="train", max_new_tokens=5)


def test_intervals_hold_the_score_and_scale_as_the_tool_prints() -> None:
    samples = [textgym.Sample("x", (f"the cat number {i} sat on the mat",)) for i in range(50)]
    responses = [s.references[0] if i % 2 else "a dog" for i, s in enumerate(samples)]
    score = score_responses(textgym.make_reward("bleu"), responses, samples)
    low, high = score.sentence_interval
    assert low < score.sentence < high
    assert 40 < score.sentence < 60
    assert score.corpus_interval[0] < score.corpus < score.corpus_interval[1]


@pytest.mark.parametrize("count", [0, -3])
def test_a_number_of_samples_that_is_not_positive_is_refused(count: int) -> None:
    with pytest.raises(ConfigError, match=f"num_samples must be at least 1, got {count}"):
        evaluate("anything", ENV, num_samples=count)
