"""Evaluation plays each sample once and says how sure it is of each number."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import textgym
from agents import PPO, TransformerPolicy, evaluate, make_vec_env
from agents.evaluation.scoring import score_responses
from agents.models.decoding import Beam, BestOf
from agents.models.rollout import generate
from tests.agents.tiny import MODELS, sharpen
from tests.chat import chat_tokenizer
from textgym.errors import ConfigError, DataError
from textgym.responses import pack_prompts

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


@pytest.mark.parametrize("decoding", ["greedy", "sampled", "best_of(n=2)"])
def test_the_batch_size_changes_no_response(model: dict[str, Any], decoding: str) -> None:
    algorithm = make(model)
    sizes = (1, 3, 8)
    one, *others = (evaluate(algorithm, ENV, split="train", decoding=decoding, batch_size=b).responses for b in sizes)
    assert others == [one, one]


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


def test_beam_search_is_taken_and_named(model: dict[str, Any]) -> None:
    algorithm = make(model)
    sharpen(algorithm.policy)
    report = evaluate(algorithm, ENV, split="train", decoding="beam(num_beams=3, length_penalty=0.5)", batch_size=4)
    assert report.mode == "beam search of 3, length penalty 0.5"
    assert report.responses == evaluate(algorithm, ENV, split="train", decoding=Beam(3, 0.5)).responses


@pytest.mark.parametrize("chooser", [None, "bleu"])
def test_best_of_n_is_the_best_and_its_pool_is_the_mean(model: dict[str, Any], chooser: str | None) -> None:
    algorithm = make(model)
    kwargs: dict[str, Any] = {"split": "train", "seed": 3, "batch_size": 7}
    report = evaluate(algorithm, ENV, ["edit_similarity", "bleu"], decoding=BestOf(3, chooser), **kwargs)
    judge, by = textgym.make_reward("edit_similarity"), textgym.make_reward(chooser or "edit_similarity")
    torch.manual_seed(3)
    written = written_in_groups(algorithm, report.samples)
    scores = np.array([by(texts, [sample] * 3) for texts, sample in zip(written, report.samples, strict=True)])
    assert list(report.responses) == [texts[i] for texts, i in zip(written, scores.argmax(axis=1), strict=True)]
    every = np.concatenate([judge(texts, [s] * 3) for texts, s in zip(written, report.samples, strict=True)])
    assert report.pool[0].sentence == pytest.approx(every.mean())
    assert report.pool[0].sentence_interval[0] < every.mean() < report.pool[0].sentence_interval[1]
    flat, repeated = [t for texts in written for t in texts], [s for s in report.samples for _ in range(3)]
    bleu = textgym.make_reward("bleu")
    assert report.pool[1].corpus == pytest.approx(100 * bleu.corpus(flat, repeated))
    assert report.mode == f"best of 3, sampled at temperature 1, chosen by {by.name}"
    assert report.selected_by == by.signature


def written_in_groups(algorithm: PPO, samples: Sequence[textgym.Sample]) -> list[list[str]]:
    lanes = gym.make_vec(ENV, num_envs=1, split="train")
    prompts = pack_prompts([lanes.episodes.start(i) for i in range(len(samples))], 7).ids
    ids = generate(algorithm.policy.network, torch.as_tensor(prompts), responses_per_prompt=3).responses
    texts = lanes.episodes.decode([row[row >= 0].tolist() for row in ids.numpy()])
    return [texts[i : i + 3] for i in range(0, len(texts), 3)]


def test_the_best_of_one_is_a_sample(model: dict[str, Any]) -> None:
    algorithm = make(model)
    one, other = (evaluate(algorithm, ENV, split="train", decoding=d) for d in ("best_of(n=1)", "sampled"))
    assert one.responses == other.responses
    assert one.pool[0].corpus_interval == one.scores[0].corpus_interval
    assert other.pool == ()


def test_a_report_says_what_was_answered(model: dict[str, Any]) -> None:
    report = evaluate(make(model), ENV, ["bleu", len_reward, {"name": "bleu", "lowercase": True}], split="train")
    assert report.indices == tuple(range(8))
    assert report.mean_length == np.mean(report.lengths)
    assert report.ended == np.mean([finish == "eos" for finish in report.finishes])
    assert [score.spec for score in report.scores] == ["bleu", None, {"name": "bleu", "lowercase": True}]
    assert report.scores[1].sentences == tuple(map(len, report.responses))
    assert evaluate(make(model), ENV, split="train").scores[0].spec == "edit_similarity"
    assert evaluate(make(model), ENV, split="train", reward="bleu").scores[0].spec == "bleu"


def len_reward(response: str, sample: textgym.Sample) -> float:
    return len(response)


def test_the_statistics_of_a_group_stay_together() -> None:
    samples = [textgym.Sample("x", (f"the cat number {i} sat on the mat",)) for i in range(20)]
    responses = [s.references[0] if i % 2 else "a dog" for i, s in enumerate(samples)]
    once = score_responses(textgym.make_reward("bleu"), responses, samples)
    doubled, samples = [r for r in responses for _ in (0, 1)], [s for s in samples for _ in (0, 1)]
    twice = score_responses(textgym.make_reward("bleu"), doubled, samples, group=2)
    assert (twice.corpus, twice.sentence) == pytest.approx((once.corpus, once.sentence))
    assert twice.sentence_interval == pytest.approx(once.sentence_interval)  # copies bring no certainty
    assert twice.corpus_interval == pytest.approx(once.corpus_interval)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decoding": "beam", "deterministic": True}, "deterministic=True and decoding='beam' say the same thing"),
        ({"decoding": "beem"}, "There is no decoding 'beem'"),
        ({"decoding": "best_of(reward='blue')"}, "'blue'"),
        ({"rewards": []}, r"rewards is a list of at least one metric, such as \['bleu'\], or None, got \[\]"),
        ({"rewards": "bleu"}, "rewards is a list of at least one metric.*got 'bleu'"),
        ({"num_envs": 3}, "An evaluation sets num_envs itself: use batch_size in its place"),
        ({"rewrd": "bleu"}, "'rewrd'"),
    ],
)
def test_arguments_that_cannot_work_are_told(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluate(make(MODELS["gpt2"]), ENV, split="train", **arguments)


@pytest.mark.parametrize("count", [0, -3])
def test_a_number_of_samples_that_is_not_positive_is_refused(count: int) -> None:
    with pytest.raises(ConfigError, match=f"num_samples must be at least 1, got {count}"):
        evaluate("anything", ENV, num_samples=count)


@pytest.fixture
def instruct(tmp_path: Path) -> Path:
    """A plain Hugging Face folder of an instruct model: a random one, with a chat template."""
    tokenizer = chat_tokenizer()
    tokenizer.save_pretrained(tmp_path / "instruct")
    torch.manual_seed(0)
    sizes = {key: value for key, value in MODELS["llama"].items() if key != "model_type"}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, **sizes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.dim() > 1 else 1)
    model.save_pretrained(tmp_path / "instruct")
    return tmp_path / "instruct"


SIZES: dict[str, Any] = {"max_prompt_tokens": 120, "max_new_tokens": 6}


def test_an_instruct_model_answers_as_in_transformers_after_its_chat_template(instruct: Path) -> None:
    template = {"chat": "First letter of {prompt}, twice!", "system": "You write letters."}
    report = evaluate(instruct, ENV, split="train", num_samples=3, template=template, **SIZES)
    model, tokenizer = LlamaForCausalLM.from_pretrained(instruct), AutoTokenizer.from_pretrained(instruct)
    for sample, response in zip(report.samples, report.responses, strict=True):
        user = template["chat"].replace("{prompt}", sample.prompt)
        chat = [{"role": "system", "content": template["system"]}, {"role": "user", "content": user}]
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        special = [i for i in tokenizer.all_special_ids if i != tokenizer.eos_token_id]
        written = model.generate(**ids, max_new_tokens=6, do_sample=False, suppress_tokens=special, pad_token_id=0)
        assert response == tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    plain = evaluate(instruct, ENV, split="train", num_samples=3, **SIZES)
    assert plain.responses != report.responses


def test_checkpoints_are_evaluated_with_the_template_and_the_stop_strings_of_their_environment(
    instruct: Path, tmp_path: Path
) -> None:
    writing = {"tokenizer": f"hf:{instruct}", "template": {"chat": "Now {prompt}"}, "stop": ["e", "\n"]}
    envs = make_vec_env(ENV, num_envs=4, **writing, **SIZES)
    algorithm = PPO(TransformerPolicy, envs, batch_size=12, policy_kwargs={"model": str(instruct)}, seed=0)
    algorithm.save(tmp_path / "saved")
    sampled = {"split": "train", "deterministic": False}
    report = evaluate(tmp_path / "saved", ENV, **sampled)
    assert report.responses == evaluate(algorithm, ENV, **sampled).responses
    assert report.responses == evaluate(instruct, ENV, **sampled, **writing, **SIZES).responses
    assert report.responses != evaluate(tmp_path / "saved", ENV, **sampled, template="{prompt}").responses
    assert not any("e" in response or "\n" in response for response in report.responses)
    assert PPO.load(tmp_path / "saved").observation_space == envs.observation_space


def test_a_response_that_ends_with_a_stop_string_has_ended(instruct: Path) -> None:
    anything = [chr(i) for i in range(128)]
    report = evaluate(instruct, ENV, split="train", stop=anything, deterministic=False, **SIZES)
    assert report.ended > evaluate(instruct, ENV, split="train", deterministic=False, **SIZES).ended
    assert report.mean_length < 6


def test_a_split_in_which_no_prompt_fits_is_refused(model: dict[str, Any]) -> None:
    algorithm = make(model)
    with pytest.raises(DataError, match=r"No prompt of the split 'train' of .* max_prompt_tokens=7"):
        evaluate(algorithm, ENV, split="train", data=[{"prompt": "abcdabcdabcd", "reference": "a"}], overlong="drop")
