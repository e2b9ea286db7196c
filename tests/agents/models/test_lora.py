"""Adapters: they alone learn, the reference is the model without them, and checkpoints go on from them."""

import copy

import pytest
import torch

from agents import GRPO, PPO, TransformerPolicy, make_vec_env
from agents.learning.reference import ReferencePolicy
from agents.models.lora import Lora, adapters_off, has_moved, make_lora
from tests.agents.tiny import MODELS
from textgym.errors import ConfigError, ModelError

pytest.importorskip("peft", reason="the extra 'lora' is not installed")
ENV = "test/Letters-v0"
LORA = {"rank": 4, "alpha": 8.0}


def made(cls=PPO, model="gpt2", lora=LORA, **options):
    source = MODELS.get(model, model) if isinstance(model, str) else model
    sizes = {"batch_size": 24} if cls is PPO else {}
    kwargs = {"model": source, "lora": lora}
    envs = make_vec_env(ENV, num_envs=8)
    return cls(TransformerPolicy, envs, policy_kwargs=kwargs, learning_rate=1e-2, seed=0, **sizes, **options)


def observations():
    space = make_vec_env(ENV, num_envs=1).observation_space
    space.seed(0)
    return torch.as_tensor([space.sample().tolist() for _ in range(9)])


def logits(policy):
    with torch.no_grad():
        return policy.get_distribution(observations()).distribution.logits


@pytest.mark.parametrize("model", ["gpt2", "llama", "t5", "bart"])
def test_adapters_change_nothing_until_they_learn_and_then_they_alone_move(model):
    algorithm, plain = made(model=model), made(model=model, lora=None)
    torch.testing.assert_close(logits(algorithm.policy), logits(plain.policy))
    before = {name: value.clone() for name, value in algorithm.policy.named_parameters()}
    algorithm.learn(200)
    moved = {name for name, value in algorithm.policy.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert all("lora_" in name or "value_head" in name for name in moved)
    assert has_moved(algorithm.policy.network.model)
    learning = [p for group in algorithm.policy.optimizer.param_groups for p in group["params"]]
    assert sum(p.numel() for p in learning) < sum(p.numel() for p in plain.policy.parameters()) / 2


def test_the_reference_is_the_model_with_its_adapters_off():
    algorithm, copied = made(kl_coef=0.1), made(kl_coef=0.1)
    assert algorithm.reference.network is algorithm.policy.network
    copied.reference = ReferencePolicy(copied.policy.network, shared=False)
    for one in (algorithm, copied):
        torch.manual_seed(1)
        one.learn(300)
    torch.testing.assert_close(logits(algorithm.policy), logits(copied.policy), atol=1e-5, rtol=1e-5)
    experience = algorithm.rollout_buffer.experience
    ratio = algorithm.reference.log_ratio(experience)
    assert abs(ratio).max() > 1e-3
    torch.testing.assert_close(
        torch.as_tensor(ratio), torch.as_tensor(copied.reference.log_ratio(experience)), atol=1e-5, rtol=1e-4
    )


def test_adapters_are_on_again_after_an_error():
    network = made().policy.network
    with pytest.raises(RuntimeError), adapters_off(network.model):
        raise RuntimeError
    assert not any(getattr(module, "_disable_adapters", False) for module in network.model.modules())


@pytest.mark.parametrize("cls", [PPO, GRPO])
def test_learning_goes_on_from_a_checkpoint_to_the_last_bit(cls, tmp_path):
    whole = made(cls, kl_coef=0.05)
    whole.learn(200)
    whole.save(tmp_path / "half")
    whole.learn(200, reset_num_timesteps=False)
    half = cls.load(tmp_path / "half", env=make_vec_env(ENV, num_envs=8))
    assert half.reference.network is half.policy.network
    half.learn(200, reset_num_timesteps=False)
    for (name, one), (_, other) in zip(whole.policy.named_parameters(), half.policy.named_parameters(), strict=True):
        assert torch.equal(one, other), name


def test_a_reference_that_had_adapters_goes_on_from_a_checkpoint(tmp_path):
    first = made()
    first.learn(200)
    first.save(tmp_path / "first")
    second = made(model=str(tmp_path / "first"), kl_coef=0.05)
    assert not second.reference.shared
    torch.testing.assert_close(logits(second.policy), logits(first.policy))
    second.learn(200)
    second.save(tmp_path / "second")
    second.learn(200, reset_num_timesteps=False)
    again = PPO.load(tmp_path / "second", env=make_vec_env(ENV, num_envs=8))
    again.learn(200, reset_num_timesteps=False)
    assert torch.equal(logits(second.policy), logits(again.policy))


@pytest.mark.parametrize("lora", [None, {"rank": 2}])
def test_a_checkpoint_with_adapters_is_a_model_for_any_policy(lora, tmp_path):
    first = made()
    first.learn(200)
    first.save(tmp_path / "first")
    policy = made(model=str(tmp_path / "first"), lora=lora).policy
    torch.testing.assert_close(logits(policy), logits(first.policy), atol=1e-5, rtol=1e-5)
    assert policy.network.lora == make_lora(lora)
    assert torch.equal(logits(TransformerPolicy.load(tmp_path / "first")), logits(first.policy))


def test_a_copy_of_a_policy_has_adapters_of_its_own():
    policy = made().policy
    twin = copy.deepcopy(policy)
    with adapters_off(twin.network.model):
        assert not any(getattr(module, "_disable_adapters", False) for module in policy.network.model.modules())


@pytest.mark.parametrize(
    ("lora", "error", "message"),
    [
        ({"rank": 0}, ConfigError, "lora.rank must be at least 1"),
        ({"alpha": 0}, ConfigError, "lora.alpha must be positive"),
        ({"ranks": 8}, ConfigError, "Did you mean 'rank'"),
        (8, ConfigError, "lora must be a dict"),
        ({"targets": ["nothing"]}, ModelError, "takes no adapters at"),
    ],
)
def test_adapters_that_cannot_be(lora, error, message):
    with pytest.raises(error, match=message):
        made(lora=lora)


def test_targets_survive_json():
    assert make_lora(Lora(targets=["c_attn"]).to_json()) == Lora(targets=("c_attn",))
