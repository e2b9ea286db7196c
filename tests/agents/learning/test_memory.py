"""The memory of an update is bounded by parts, and halved where it runs out, with the gradient as it was."""

import numpy as np
import pytest
import torch

from agents import A2C, GRPO, PPO, SFT, TransformerPolicy, make_vec_env
from tests.agents.tiny import MODELS
from textgym.errors import ConfigError

ENV = "test/Letters-v0"
OPTIONS = {
    PPO: {"batch_size": 20, "n_epochs": 3, "rollout_responses": 16},
    A2C: {"rollout_responses": 16},
    SFT: {},
    GRPO: {"responses_per_prompt": 2},
}

NO_DROPOUT = {"gpt2": {"resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}, "t5": {"dropout_rate": 0}}


def made(cls, model="gpt2", **options):
    envs = make_vec_env(ENV, num_envs=8)
    given = {
        "policy_kwargs": {"model": MODELS[model] | NO_DROPOUT[model]},
        "learning_rate": 1e-2,
        "seed": 3,
        "device": "cpu",
    }
    return cls(TransformerPolicy, envs, **(given | OPTIONS[cls] | options))


def collected(algorithm):
    _, callback = algorithm._setup_learn(10_000)
    assert algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
    return algorithm


def weights(algorithm):
    return torch.cat([p.detach().flatten() for p in algorithm.policy.parameters()])


def updated(algorithm):
    """Learn from one rollout, or from two batches of demonstrations; return the weights."""
    torch.manual_seed(5)
    if isinstance(algorithm, SFT):
        algorithm.learn(40)
    else:
        collected(algorithm)
        torch.manual_seed(6)
        algorithm.train()
    return weights(algorithm)


@pytest.mark.parametrize("cls", [PPO, A2C, SFT])
@pytest.mark.parametrize("model", ["gpt2", "t5"])
@pytest.mark.parametrize("part_size", [1, 7])
def test_what_is_learned_does_not_depend_on_parts(cls, model, part_size):
    whole, parts = made(cls, model), made(cls, model, part_size=part_size)
    assert parts.policy.network.part_size == part_size
    torch.testing.assert_close(updated(parts), updated(whole), atol=2e-5, rtol=0)


class Failing:
    """Lets passes of a policy's network fail where they hold more than so many tokens, after the first ones."""

    def __init__(self, algorithm, monkeypatch, most, after=0, error=None):
        self.network, self.most, self.after = algorithm.policy.network, most, after
        self.error = error or torch.OutOfMemoryError("CUDA out of memory")
        self.passes, self.failures = 0, 0
        self.plain = self.network.own_states
        monkeypatch.setattr(self.network, "own_states", self)

    def __call__(self, prompts, responses, own):
        self.passes += 1
        if self.passes > self.after and len(own) * own.sum(dim=1).max() > self.most:
            self.failures += 1
            raise self.error
        return self.plain(prompts, responses, own)


@pytest.mark.parametrize(("cls", "after"), [(PPO, 0), (PPO, 5), (A2C, 0), (SFT, 0), (SFT, 1)])
def test_where_memory_runs_out_learning_goes_on_in_smaller_parts_to_the_same_weights(cls, after, monkeypatch, capsys):
    expected = updated(made(cls))
    algorithm = made(cls, verbose=1)
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
    failing = Failing(algorithm, monkeypatch, {PPO: 18, A2C: 50, SFT: 13}[cls], after, error)
    torch.testing.assert_close(updated(algorithm), expected, atol=2e-5, rtol=0)
    assert failing.failures == 1
    assert algorithm.part_size == algorithm.policy.network.part_size
    told = capsys.readouterr().out
    assert told.count("Memory ran out in an update") == 1
    assert f"part_size={algorithm.part_size} avoids the detour" in told
    if cls is PPO:
        assert algorithm.n_epochs == 3


@pytest.mark.parametrize("cls", [PPO, A2C, SFT])
def test_memory_that_runs_out_twice_and_other_errors_are_errors(cls, monkeypatch):
    algorithm = made(cls)
    failing = Failing(algorithm, monkeypatch, 0)
    with pytest.raises(torch.OutOfMemoryError):
        updated(algorithm)
    assert failing.failures == 2
    failing.error = RuntimeError("something else")
    with pytest.raises(RuntimeError, match="something else"):
        updated(algorithm)


@pytest.mark.parametrize("cls", [PPO, A2C])
def test_memory_that_runs_out_in_a_step_of_the_optimizer_is_an_error_lest_weights_move_twice(cls):
    class Full(torch.optim.SGD):
        steps = 0

        def step(self, closure=None):
            super().step(closure)
            Full.steps += 1
            raise torch.OutOfMemoryError("CUDA out of memory")

    model = {"model": MODELS["gpt2"] | NO_DROPOUT["gpt2"], "optimizer_class": Full}
    with pytest.raises(torch.OutOfMemoryError):
        updated(made(cls, policy_kwargs=model))
    assert Full.steps == 1


@pytest.mark.parametrize("cls", [PPO, A2C, SFT, GRPO])
def test_a_checkpoint_keeps_the_size_of_parts_for_which_memory_is_enough(cls, monkeypatch, tmp_path):
    algorithm = made(cls)
    Failing(algorithm, monkeypatch, {PPO: 18, A2C: 50, SFT: 13, GRPO: 50}[cls])
    updated(algorithm)
    assert algorithm.part_size is not None
    algorithm.save(tmp_path / "saved")
    loaded = cls.load(tmp_path / "saved", env=make_vec_env(ENV, num_envs=8), device="cpu")
    assert loaded.part_size == algorithm.part_size
    assert loaded.policy.network.part_size == algorithm.policy.network.part_size


def kept_bytes(algorithm):
    """Return how many bytes of activations one minibatch keeps for its backward pass."""
    minibatch = next(iter(algorithm.rollout_buffer.get(None)))
    weights = {parameter.data_ptr() for parameter in algorithm.policy.parameters()}
    kept = []

    def note(tensor):
        if tensor.data_ptr() not in weights:
            kept.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        algorithm.policy.evaluate_actions(minibatch.observations, minibatch.actions)
    return sum(kept)


def test_parts_keep_little():
    whole = collected(made(A2C, rollout_responses=64))
    parts = collected(made(A2C, rollout_responses=64, part_size=24))
    assert kept_bytes(parts) < 0.1 * kept_bytes(whole)


@pytest.mark.parametrize("cls", [PPO, A2C, SFT])
def test_a_part_has_at_least_one_token(cls):
    with pytest.raises(ConfigError, match="part_size must be at least 1, or None"):
        made(cls, part_size=0)


def test_a_broken_off_epoch_goes_on_where_it_was():
    buffer = collected(made(PPO)).rollout_buffer
    steps = buffer.steps(20)
    done = [next(steps), next(steps)]  # the second one is not over
    steps.close()
    left = buffer.left
    np.testing.assert_array_equal(left[0], done[1])
    buffer.drawn = left
    again = list(buffer.steps(20))
    assert buffer.epochs == 2
    assert sorted(np.concatenate([done[0], *again]).tolist()) == list(range(16))
