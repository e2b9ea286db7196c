"""Supervised learning maximises the likelihood of references, end of text included."""

from typing import Any

import numpy as np
import pytest
import torch

from agents import SFT, TransformerPolicy, evaluate, make_vec_env
from agents.algorithms.sft import _fitting, token_losses
from tests.agents.tiny import MODELS
from textgym import Sample
from textgym.errors import ConfigError, DataError
from textgym.tokenizers.characters import CharTokenizer

ENV = "test/Letters-v0"


def make(model: dict[str, Any], **options: Any) -> SFT:
    envs = options.pop("envs", None) or make_vec_env(ENV, num_envs=1)
    return SFT(TransformerPolicy, envs, policy_kwargs={"model": model}, seed=0, **({"batch_size": 8} | options))


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_the_loss_agrees_with_transformers_own(name: str) -> None:
    algorithm = make(MODELS[name])
    network = algorithm.policy.network
    batch = algorithm.env.venv.demonstrations(np.array([0]), np.random.default_rng(0))
    prompt = torch.as_tensor(batch.prompts[0][batch.prompts[0] >= 0]).long()[None]
    response = torch.as_tensor(batch.responses[0][batch.responses[0] >= 0]).long()[None]
    if not network.start_ids:
        ids = torch.cat([prompt, response], dim=1)
        labels = ids.clone()
        labels[:, : prompt.shape[1]] = -100
        logits = network.model(ids).logits[:, :-1]
        labels = labels[:, 1:]
    else:
        logits, labels = network.model(input_ids=prompt, labels=response).logits, response
    logits = logits[..., : network.space.vocab_size]
    logits[..., list(network.space.banned_tokens)] = -torch.inf
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    torch.testing.assert_close(token_losses(network, batch, algorithm.device).mean(), expected)


def test_label_smoothing_agrees_with_torch() -> None:
    algorithm = make(MODELS["gpt2"], envs=make_vec_env(ENV, num_envs=1))
    network = algorithm.policy.network
    network.allowed_bias.zero_()  # torch spreads over all classes: allow all
    batch = algorithm.env.venv.demonstrations(np.arange(8), np.random.default_rng(0))
    prompts = torch.as_tensor(batch.prompts).long()
    responses = torch.as_tensor(batch.responses[:, : batch.lengths.max()]).long()
    logits = network.logits(network.states(prompts, responses[:, :-1]))
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), responses.flatten(), ignore_index=-1, label_smoothing=0.2
    )
    torch.testing.assert_close(token_losses(network, batch, algorithm.device, 0.2).mean(), expected)


def test_it_learns_the_task_and_its_ends(model: dict[str, Any]) -> None:
    algorithm = make(model, learning_rate=3e-3).learn(9_000)
    report = evaluate(algorithm, ENV, ["exact_match"], split="train")
    assert report["exact_match"].corpus > 0.9
    assert report.ended == 1.0


def test_validation_stops_early_and_restores_the_best_weights() -> None:
    algorithm = make(
        MODELS["gpt2"],
        learning_rate=lambda remaining: 3e-3 if remaining > 0.9 else 0.5,  # learns a little, then breaks everything
        validation_env=make_vec_env(ENV, num_envs=1),
        evaluate_every=1,
        patience=3,
    )
    first = algorithm.validation_loss()
    algorithm.learn(5_000)
    assert algorithm.num_timesteps < 2_000
    assert algorithm.best_loss < first
    assert algorithm.validation_loss() == pytest.approx(algorithm.best_loss)


def test_the_same_seed_learns_the_same() -> None:
    one, other = (make(MODELS["gpt2"]).learn(500).policy.state_dict() for _ in range(2))
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_smoothing": 1.0}, r"label_smoothing must lie in \[0, 1\), got 1.0"),
        ({"batch_size": 0}, "batch_size counts, and must be at least 1"),
        ({"evaluate_every": 0}, "evaluate_every counts, and must be at least 1"),
        ({"validation_samples": 0}, "validation_samples counts, and must be at least 1"),
    ],
)
def test_arguments_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(MODELS["gpt2"], **options)


def test_references_that_may_not_be_written_are_told() -> None:
    data = [Sample("aa", ("bb",))]
    (b,) = CharTokenizer("ab").encode("b")
    envs = make_vec_env(ENV, num_envs=1, data=data, tokenizer="char:ab", banned_tokens=[b], min_new_tokens=3)
    with pytest.raises(DataError, match="No token of these references may be written"):
        make(MODELS["gpt2"], envs=envs).learn(100)


def test_learning_again_keeps_the_best_weights(model: dict[str, Any]) -> None:
    algorithm = make(model, validation_env=make_vec_env(ENV, num_envs=1), evaluate_every=5, learning_rate=3e-3)
    algorithm.learn(1000)
    loss = algorithm.validation_loss()
    algorithm.lr_schedule = lambda _: 0.5
    algorithm.learn(500)
    assert algorithm.validation_loss() == loss


def test_prompts_that_do_not_fit_are_left_out(model: dict[str, Any]) -> None:
    short = make_vec_env(ENV, num_envs=1, overlong="drop", max_prompt_tokens=3)
    kept = _fitting(short)
    assert 0 < len(kept) < short.venv.num_samples
    make(model, envs=short, validation_env=short, batch_size=1, evaluate_every=5).learn(40)
    short.venv.episodes.fits = lambda index: False
    with pytest.raises(DataError, match="No prompt has at most max_prompt_tokens=3 tokens"):
        _fitting(short)
