"""Entropy and KL along responses equal torch's and, summed over every response that there is, the exact divergence."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from agents import PPO, TransformerPolicy, make_vec_env, measure_drift
from agents.evaluation import drift as drift_module
from agents.evaluation.drift import along_responses
from agents.models.decoding import Sampled
from agents.models.pretrained import make_network
from tests.agents.tiny import MODELS, sharpen
from textgym import TokenSpace
from textgym.errors import ConfigError

ENV = "test/Letters-v0"


def make(model: dict[str, Any], seed: int, **space: Any) -> PPO:
    envs = make_vec_env(ENV, num_envs=4, **space)
    algorithm = PPO(TransformerPolicy, envs, batch_size=12, policy_kwargs={"model": model}, seed=seed)
    sharpen(algorithm.policy, 2.0)
    return algorithm


@torch.no_grad()
def test_sums_agree_with_torch_token_by_token(model: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_module, "LARGEST_PASS", 20)  # several passes
    policy, other = (make(model, seed, min_new_tokens=2).policy for seed in (0, 1))
    prompts = torch.tensor([[-1, -1, -1, -1, 0, 1, 2], [-1, -1, -1, -1, -1, -1, 3]])
    torch.manual_seed(0)
    responses = Sampled().write(policy.network, prompts)
    lengths, entropies, divergences = along_responses(policy.network, other.network, prompts, responses)
    for row in range(2):
        count = int((responses[row] >= 0).sum())
        states = [torch.cat([prompts[row], responses[row, :k], torch.full((6 - k,), -1)]) for k in range(count)]
        ours, theirs = (
            Categorical(logits=p.get_distribution(torch.stack(states)).distribution.logits) for p in (policy, other)
        )
        assert lengths[row] == count
        assert entropies[row] == pytest.approx(float(ours.entropy().sum()), abs=1e-4)
        assert divergences[row] == pytest.approx(float(kl_divergence(ours, theirs).sum()), abs=1e-4)


def test_weighted_by_probability_all_responses_give_the_divergence_of_whole_responses(model: dict[str, Any]) -> None:
    space = TokenSpace(4, 3, 3, eos_id=3, banned_tokens=[2])
    torch.manual_seed(0)
    networks = [make_network(model, space) for _ in range(2)]
    for one in networks:
        for weight in one.model.parameters():
            weight.data.mul_(3.0)
    every = [
        [*ids, *[-1] * (3 - len(ids))]
        for length in range(1, 4)
        for ids in itertools.product((0, 1, 3), repeat=length)
        if 3 not in ids[:-1] and (ids[-1] == 3 or length == 3)
    ]
    responses = torch.tensor(every)
    prompts = torch.tensor([[-1, 0, 1]]).expand(len(every), 3)
    with torch.no_grad():
        own = responses >= 0
        log_probs = [torch.zeros(len(every), 3, dtype=torch.float64) for _ in networks]
        for one, sums in zip(networks, log_probs, strict=True):
            sums[own] = one.evaluate_sequences(
                torch.cat([prompts, responses], 1), own, responses[own]
            ).log_probs.double()
    ours, theirs = (sums.sum(dim=1) for sums in log_probs)
    assert float(ours.exp().sum()) == pytest.approx(1, abs=1e-5)
    exact = float((ours.exp() * (ours - theirs)).sum())
    assert exact > 0.01
    _, _, divergences = along_responses(*networks, prompts, responses)
    assert float((ours.exp().numpy() * divergences).sum()) == pytest.approx(exact, abs=1e-5)


def test_a_policy_has_not_moved_from_itself(tmp_path: Path, model: dict[str, Any]) -> None:
    algorithm = make(model, 0)
    algorithm.save(tmp_path / "c")
    drift = measure_drift(algorithm, tmp_path / "c", ENV, split="train", seed=3)
    assert drift.kl_per_token == drift.kl_per_response == pytest.approx((0, 0, 0), abs=1e-5)
    assert drift.entropy_per_token.low < drift.entropy_per_token.value < drift.entropy_per_token.high
    assert drift.count == 8
    assert drift.mode == "sampled at temperature 1"


@pytest.mark.parametrize("decoding", ["greedy", "sampled"])
def test_per_response_is_per_token_times_the_length_and_batches_change_nothing(
    model: dict[str, Any], decoding: str
) -> None:
    policy, other = make(model, 0), make(model, 1)
    one, same = (measure_drift(policy, other, ENV, split="train", decoding=decoding, batch_size=b) for b in (100, 3))
    assert one.kl_per_response.value == pytest.approx(one.kl_per_token.value * one.mean_length)
    assert one.kl_per_response == pytest.approx(same.kl_per_response, abs=1e-5)
    assert one.to_json()["entropy_per_token"][0] == one.entropy_per_token.value


def test_a_choice_by_reward_and_another_vocabulary_are_refused() -> None:
    algorithm = make(MODELS["gpt2"], 0)
    with pytest.raises(ConfigError, match="a best of n is chosen by a reward"):
        measure_drift(algorithm, algorithm, ENV, decoding="best_of")
    with pytest.raises(ConfigError, match="The policy was made for"):
        measure_drift(algorithm, make(MODELS["gpt2"], 0, max_new_tokens=4), ENV)
