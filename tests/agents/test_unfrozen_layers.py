"""Where the lower layers do not learn, the reference is a copy of the upper ones, in the passes of the rollout."""

import pytest
import torch

from agents import A2C, GRPO, PPO, RLOO, TransformerPolicy, make_vec_env
from agents.learning.reference import ReferencePolicy
from agents.models.branch import stack_of
from tests.agents.tiny import MODELS, sharpen
from textgym.errors import ConfigError

OPTIONS = {
    PPO: {"batch_size": 8, "rollout_responses": 8, "kl_coef": 0.2, "n_epochs": 2},
    A2C: {"rollout_responses": 8, "kl_coef": 0.2},
    GRPO: {"responses_per_prompt": 4, "kl_coef": 0.2, "slots": 3},
    RLOO: {"responses_per_prompt": 4, "kl_coef": 0.2},
}


def made(algorithm, model="gpt2", **options):
    envs = make_vec_env("test/Letters-v0", num_envs=4)
    kwargs = {"model": MODELS[model], "unfrozen_layers": 1}
    result = algorithm(
        TransformerPolicy, envs, policy_kwargs=kwargs, seed=0, learning_rate=3e-3, **OPTIONS[algorithm] | options
    )
    sharpen(result.policy, 2.0)
    result.reference = ReferencePolicy(result.policy.network)  # of the sharpened weights
    return result


def weights(algorithm):
    return torch.nn.utils.parameters_to_vector(algorithm.policy.network.model.parameters()).detach()


@pytest.mark.parametrize(("algorithm", "model"), [*((name, "gpt2") for name in OPTIONS), (GRPO, "t5"), (PPO, "bart")])
def test_learning_is_that_with_a_copy_of_the_whole_model(algorithm, model):
    ours, copied = made(algorithm, model), made(algorithm, model)
    copied.policy.network.unfrozen_layers = None
    copied.reference = ReferencePolicy(copied.policy.network)
    for learner in (ours, copied):
        for group in learner.policy.optimizer.param_groups:
            group["eps"] = 1.0  # else Adam would make a large step of the last bit of a gradient that is nothing
    assert ours.reference.branch is not None
    assert copied.reference.branch is None
    before = weights(ours)
    passes = []
    ours.reference._log_probs = lambda *given: passes.append(given)
    for learner in (ours, copied):
        learner.set_random_seed(1)
        learner.learn(60)
    assert not passes  # the reference computed beside the policy alone
    assert (weights(ours) - before).abs().max() > 1e-4
    torch.testing.assert_close(weights(ours), weights(copied), atol=1e-5, rtol=1e-4)


def test_only_the_uppermost_layers_and_the_value_head_learn():
    algorithm = made(PPO)
    network = algorithm.policy.network
    own = set(stack_of(network.model)[1][-1].parameters()) | set(network.value_head.parameters())
    assert {weight for weight in algorithm.policy.parameters() if weight.requires_grad} == own
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    algorithm.learn(60)
    moved = {name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name, weight in network.named_parameters() if weight in own}


def test_a_reference_that_is_only_measured_passes_by_itself():
    algorithm = made(PPO, kl_coef=0.0)
    seen = []
    log_ratio = algorithm.reference.log_ratio
    algorithm.reference.log_ratio = lambda experience: seen.append(log_ratio(experience)) or seen[-1]
    algorithm.learn(60)
    assert abs(seen[0]).max() < 1e-5
    assert abs(seen[-1]).max() > 1e-4


@pytest.mark.parametrize("algorithm", [PPO, GRPO])
def test_a_checkpoint_keeps_the_reference(algorithm, tmp_path):
    whole = made(algorithm)
    whole.learn(60)
    whole.learn(60, reset_num_timesteps=False)
    half = made(algorithm)
    half.learn(60)
    half.save(tmp_path / "half")
    again = algorithm.load(tmp_path / "half", env=make_vec_env("test/Letters-v0", num_envs=4))
    for name, weight in again.reference.branch.state_dict().items():
        assert torch.equal(weight, half.reference.branch.state_dict()[name])
    again.learn(60, reset_num_timesteps=False)
    assert torch.equal(weights(again), weights(whole))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unfrozen_layers": 0}, "unfrozen_layers must be at least 1, or None for all, got 0"),
        ({"unfrozen_layers": 1, "lora": {"rank": 2}}, "leave unfrozen_layers out"),
    ],
)
def test_what_cannot_be(options, message):
    envs = make_vec_env("test/Letters-v0", num_envs=4)
    with pytest.raises(ConfigError, match=message):
        PPO(TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"], **options}, batch_size=8)
