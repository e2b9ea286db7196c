"""GRPO and RLOO: they learn, their gradient does not depend on how a step is cut, and they go on from checkpoints."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecNormalize

from agents import A2C, GRPO, PPO, RLOO, PointerPolicy, TransformerPolicy, make_vec_env
from agents.learning.returns import group_advantages, leave_one_out_advantages
from agents.learning.token_batch import Judged, parts_of
from tests.agents.tiny import MODELS, sharpen
from textgym.errors import ConfigError, ModelError

ENV = "test/Letters-v0"
ALGORITHMS = [GRPO, RLOO]


def made(cls, num_envs=4, model="gpt2", env=None, seed=3, **options):
    envs = make_vec_env(ENV, num_envs=num_envs, **(env or {}))
    kwargs = {"model": MODELS[model]} | options.pop("policy", {})
    return cls(TransformerPolicy, envs, policy_kwargs=kwargs, seed=seed, learning_rate=1e-3, **options)


def collected(algorithm):
    _, callback = algorithm._setup_learn(10_000)
    buffer = algorithm.rollout_buffer
    assert algorithm.collect_rollouts(algorithm.env, callback, buffer, algorithm.n_steps)
    return buffer.experience


def gradients(algorithm):
    """Return the gradients of one step on the rollout in the buffer, whose weights do not move."""
    algorithm.policy.optimizer.step = lambda: None
    torch.manual_seed(0)
    algorithm.train()
    return {name: p.grad.clone() for name, p in algorithm.policy.named_parameters() if p.grad is not None}


def test_advantages_compare_a_response_with_its_group():
    returns = np.array([1.0, 0.0, 0.5, 0.5, 2.0, 2.0, 2.0, 2.0], dtype=np.float32)
    scaled = group_advantages(returns, 4)
    std = np.std([1, 0, 0.5, 0.5], ddof=1)
    np.testing.assert_allclose(scaled[:4], np.array([0.5, -0.5, 0, 0]) / (std + 1e-4), rtol=1e-6)
    np.testing.assert_array_equal(scaled[4:], 0)
    np.testing.assert_allclose(group_advantages(returns, 4, scale=False)[:4], [0.5, -0.5, 0, 0])
    np.testing.assert_allclose(leave_one_out_advantages(returns, 4)[:4], [1 - 1 / 3, -2 / 3, 0, 0], rtol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 7, 11])
@pytest.mark.parametrize("paid", [0.7, 100.1, -1 / 3])
def test_responses_that_are_paid_alike_have_no_advantage_whatever_a_mean_rounds(paid, size):
    returns = np.full(2 * size, paid, dtype=np.float32)
    for advantages in (group_advantages(returns, size), leave_one_out_advantages(returns, size)):
        np.testing.assert_array_equal(advantages, 0)


@pytest.mark.parametrize("cls", ALGORITHMS)
@pytest.mark.parametrize("model", ["gpt2", "t5"])
def test_the_responses_to_one_prompt_stand_side_by_side(cls, model):
    algorithm = made(cls, model=model, responses_per_prompt=3, rollout_responses=24)
    experience = collected(algorithm)
    assert len(experience.own) == 24
    prompts = experience.observations[:, :7].reshape(8, 3, 7)
    np.testing.assert_array_equal(prompts, prompts[:, :1].repeat(3, axis=1))
    assert len(np.unique(prompts[:, 0], axis=0)) > 2


@pytest.mark.parametrize("cls", ALGORITHMS)
@pytest.mark.parametrize("model", ["gpt2", "t5"])
def test_the_ratio_before_the_first_update_is_one(cls, model):
    algorithm = made(cls, model=model, policy={"temperature": 1.3}, env={"min_new_tokens": 2})
    sharpen(algorithm.policy, 0.5 if model == "t5" else 3.0)
    algorithm.judged(collected(algorithm))
    algorithm.policy.optimizer.step = lambda: None
    algorithm.train()
    logged = algorithm.logger.name_to_value
    assert logged["train/approx_kl"] == pytest.approx(0, abs=1e-8)
    assert logged["train/clip_fraction"] == 0


@pytest.mark.parametrize("options", [{"mean": "tokens"}, {"mean": "responses"}, {"mean": "limit"}, {"kl_coef": 0.1}])
def test_the_gradient_does_not_depend_on_how_a_step_is_cut(options):
    whole = made(GRPO, responses_per_prompt=4, rollout_responses=16, ent_coef=0.01, **options)
    collected(whole)
    expected = gradients(whole)
    for part_size in (1, 7, 20):
        whole.part_size = part_size
        for name, gradient in gradients(whole).items():
            torch.testing.assert_close(gradient, expected[name], atol=1e-6, rtol=0)


def test_the_gradient_of_rloo_does_not_depend_on_how_a_step_is_cut():
    whole = made(RLOO, responses_per_prompt=4, rollout_responses=16)
    collected(whole)
    expected = gradients(whole)
    whole.part_size = 6
    for name, gradient in gradients(whole).items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-6, rtol=0)


@pytest.mark.parametrize("most", [1, 5, 12, 100, None])
def test_parts_hold_every_response_once_and_no_more_tokens_than_asked(most):
    sizes = np.array([3, 9, 1, 4, 4, 2, 7, 9])
    rows = np.array([6, 1, 0, 3, 7, 2])
    parts = parts_of(rows, sizes, most)
    assert sorted(np.concatenate(parts).tolist()) == sorted(rows.tolist())
    if most is None:
        assert len(parts) == 1
    for part in parts if most else ():
        assert len(part) == 1 or len(part) * sizes[part].max() <= most


def test_a_step_has_the_responses_of_all_parts():
    algorithm = made(GRPO, responses_per_prompt=2, rollout_responses=16)
    experience = collected(algorithm)
    judged = Judged(experience, np.arange(16, dtype=np.float32), np.zeros_like(experience.log_probs))
    seen = []
    for rows in algorithm.rollout_buffer.steps(20):
        parts = judged.parts(rows, 10, torch.device("cpu"))
        assert sum(len(part.actions) for part in parts) == parts[0].step_tokens
        assert sum(len(part.advantages) for part in parts) == parts[0].step_responses
        seen += [advantage for part in parts for advantage in part.advantages.tolist()]
    assert sorted(seen) == list(range(16))


@pytest.mark.parametrize("cls", [PPO, A2C, GRPO, RLOO])
def test_slots_change_nothing_but_the_memory(cls):
    options = {"rollout_responses": 32, "policy": {"temperature": 1.3}} | ({"batch_size": 64} if cls is PPO else {})
    rollouts = [collected(made(cls, slots=slots, **options)) for slots in (None, 5)]
    for name in ("observations", "own", "rewards"):
        np.testing.assert_array_equal(*(getattr(rollout, name) for rollout in rollouts))
    for name in ("log_probs", "values"):
        np.testing.assert_allclose(*(getattr(rollout, name) for rollout in rollouts), atol=1e-5)


@pytest.mark.parametrize(("cls", "seed"), [(GRPO, 5), (RLOO, 4)])  # not all seeds learn as much in so few tokens
def test_learning_raises_the_reward(cls, seed):
    algorithm = made(cls, num_envs=8, responses_per_prompt=8, kl_coef=0.001, seed=seed)
    algorithm.learning_rate = 4e-3
    algorithm._setup_lr_schedule()
    collected(algorithm)
    before = np.mean([episode["r"] for episode in algorithm.ep_info_buffer])
    algorithm.learn(20_000)
    after = np.mean([episode["r"] for episode in algorithm.ep_info_buffer])
    assert after > before + 0.15


@pytest.mark.parametrize("cls", ALGORITHMS)
def test_learning_goes_on_from_a_checkpoint_to_the_last_bit(cls, tmp_path):
    def weights(algorithm):
        return torch.cat([p.detach().flatten() for p in algorithm.policy.parameters()])

    whole = made(cls, kl_coef=0.05)
    whole.learn(150)
    whole.save(tmp_path / "half")
    whole.learn(150, reset_num_timesteps=False)
    half = cls.load(tmp_path / "half", env=make_vec_env(ENV, num_envs=4))
    half.learn(150, reset_num_timesteps=False)
    assert torch.equal(weights(whole), weights(half))
    assert half.rollout_responses == whole.rollout_responses


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"responses_per_prompt": 1}, "at least 2 to compare, got 1"),
        ({"rollout_responses": 12}, "multiple of responses_per_prompt=4 times the number of lanes, 16, got 12"),
        ({"slots": 0}, "slots must be at least 1, or None"),
        ({"part_size": 0}, "part_size must be at least 1"),
        ({"n_epochs": 0}, "n_epochs must be at least 1"),
        ({"clip_range": 0.0}, "clip_range"),
        ({"batch_size": 10_000}, "batch_size counts tokens"),
        ({"batch_size": 20.5}, "batch_size must be a whole number"),
        ({"kl_coef": -0.1}, "kl_coef weighs a distance"),
        ({"kl_coef": float("nan")}, "kl_coef"),
        ({"ent_coef": float("nan")}, "ent_coef must be"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be positive"),
    ],
)
@pytest.mark.parametrize("cls", ALGORITHMS)
def test_arguments_that_cannot_be(cls, options, message):
    with pytest.raises(ConfigError, match=message):
        made(cls, **options)


@pytest.mark.parametrize("cls", [GRPO, RLOO, PPO, A2C])
def test_edits_are_not_whole_responses(cls):
    with pytest.raises(ConfigError, match="Drafts are edited step by step"):
        cls(PointerPolicy, make_vec_env("textgym/Edit-v0", num_envs=4), policy_kwargs={"model": {"model_type": "bert"}})


@pytest.mark.parametrize("cls", ALGORITHMS)
def test_a_rate_that_falls_to_zero_does_not_fall_below(cls):
    algorithm = made(cls)
    algorithm.learning_rate = lambda remaining: 1e-3 * remaining
    algorithm._setup_lr_schedule()
    algorithm.learn(50)
    assert algorithm.num_timesteps > 50
    assert algorithm.logger.name_to_value["train/learning_rate"] == 0


def test_an_unknown_mean_is_refused():
    with pytest.raises(ConfigError, match=r"mean cannot be 'token'. Did you mean 'tokens'"):
        made(GRPO, mean="token")


@pytest.mark.parametrize("cls", ALGORITHMS)
def test_wrappers_cannot_ask_for_several_responses(cls):
    envs = VecNormalize(make_vec_env(ENV, num_envs=4), norm_obs=False)
    with pytest.raises(ConfigError, match="which wrappers cannot ask for"):
        cls(TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"]})


def failing(algorithm, monkeypatch, times, error):
    """Let the first passes of an update that are too large fail; return the numbers of responses of all passes."""
    evaluate, seen = algorithm.policy.evaluate_actions, []

    def limited(sequences, actions):
        seen.append(len(sequences.own))
        if len(seen) <= times:
            raise error
        return evaluate(sequences, actions)

    monkeypatch.setattr(algorithm.policy, "evaluate_actions", limited)
    return seen


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: ...")],
)
def test_an_update_without_memory_is_made_in_smaller_parts_with_the_same_gradient(error, monkeypatch, capsys):
    algorithm = made(GRPO, responses_per_prompt=4, rollout_responses=16, verbose=1)
    collected(algorithm)
    expected = gradients(algorithm)
    seen = failing(algorithm, monkeypatch, 1, error)
    for name, gradient in gradients(algorithm).items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-6, rtol=0)
    assert seen[0] == 16
    assert max(seen[1:]) <= 10
    assert "Memory ran out in an update" in capsys.readouterr().out
    assert algorithm.part_size is not None


def test_memory_that_runs_out_twice_is_an_error(monkeypatch):
    algorithm = made(GRPO)
    collected(algorithm)
    failing(algorithm, monkeypatch, 2, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(torch.OutOfMemoryError):
        algorithm.train()


def test_other_errors_are_not_taken_for_it(monkeypatch):
    algorithm = made(GRPO)
    collected(algorithm)
    seen = failing(algorithm, monkeypatch, 1, RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        algorithm.train()
    assert len(seen) == 1


@pytest.mark.parametrize("cls", ALGORITHMS)
def test_a_ratio_that_overflows_is_told_and_moves_no_weight(cls):
    """A policy went far since the rollout: exp(100) is no float32, and times an advantage below 0 it is the loss."""
    algorithm = made(cls)
    experience = collected(algorithm)
    experience.rewards[:, 0] = np.arange(len(experience.own))
    experience.log_probs[experience.own] -= 100
    before = [weight.clone() for weight in algorithm.policy.parameters()]
    with pytest.raises(ModelError, match=r"gradient of a step of .* is not finite.*smaller learning_rate"):
        algorithm.train()
    assert all(torch.equal(*pair) for pair in zip(before, algorithm.policy.parameters(), strict=True))
