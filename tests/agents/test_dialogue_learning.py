"""Learning in dialogues: only the agent's own tokens are actions, and the numbers are those of single steps."""

import logging
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.logger import Logger

import tests.talks  # noqa: F401  (registers the environments)
from agents import A2C, PPO, TransformerPolicy, make_vec_env
from tests.agents.tiny import MODELS, sharpen
from textgym.errors import ConfigError

ENV = "tests/TalkStrict-v0"  # at least two tokens a turn
LANES = 4


def learner(cls: Any = PPO, model: str = "gpt2", env: str = ENV, **options: Any) -> Any:
    envs = make_vec_env(env, num_envs=LANES)
    kwargs = {"model": MODELS[model], "temperature": 1.3}
    options = {"rollout_responses": 2 * LANES, **({"batch_size": 64} if cls is PPO else {}), **options}
    made = cls(TransformerPolicy, envs, policy_kwargs=kwargs, seed=3, learning_rate=1e-3, **options)
    sharpen(made.policy, 0.5 if model == "t5" else 3.0)
    return made


def collect(algorithm: Any) -> list[dict[str, Any]]:
    """Collect one rollout; return what each step saw and did."""
    steps: list[dict[str, Any]] = []
    _, callback = algorithm._setup_learn(1)
    envs = algorithm.env

    def recorded(actions: np.ndarray) -> None:
        steps.append({"obs": algorithm._last_obs.copy(), "actions": actions.copy(), "own": envs.venv.own()})
        original(actions)

    original, envs.step_async = envs.step_async, recorded
    algorithm.collect_rollouts(envs, callback, algorithm.rollout_buffer, algorithm.n_steps)
    envs.step_async = original
    return steps


@pytest.mark.parametrize("model", ["gpt2", "t5", "llama"])
@pytest.mark.parametrize("cls", [PPO, A2C])
def test_log_probabilities_in_the_buffer_are_those_of_single_observations(cls: Any, model: str) -> None:
    algorithm = learner(cls, model)
    steps = collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    single = []
    for step in steps:
        actions = torch.as_tensor(step["actions"]).flatten()
        with torch.no_grad():
            values, log_probs, _ = algorithm.policy.evaluate_actions(torch.as_tensor(step["obs"]), actions)
        single.append((actions.numpy(), log_probs.numpy(), values[:, 0].numpy()))
    by_lane = [np.stack(part, axis=1).reshape(-1) for part in zip(*single, strict=True)]  # lane by lane, step by step
    own = experience.own
    P = algorithm.observation_space.max_prompt_tokens
    np.testing.assert_array_equal(experience.observations[:, P:][own], by_lane[0])
    np.testing.assert_allclose(experience.log_probs[own], by_lane[1], atol=1e-5)
    np.testing.assert_allclose(experience.values[own], by_lane[2], atol=1e-5)
    context = (experience.observations[:, P:] >= 0) & ~own
    assert context.sum() > 20  # the user spoke
    for array in (experience.log_probs, experience.values, experience.rewards, algorithm.rollout_buffer.row_advantages):
        assert (array[~own] == 0).all()


@pytest.mark.parametrize("model", ["gpt2", "t5"])
def test_own_columns_of_whole_dialogues_are_those_that_the_environment_tells(model: str) -> None:
    algorithm = learner(model=model)
    told: list[np.ndarray] = []
    step_wait = algorithm.env.step_wait

    def listening() -> Any:
        result = step_wait()
        told.extend(info["own"] for info in result[3] if "finish" in info)
        return result

    algorithm.env.step_wait = listening
    collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    whole = {row.tobytes() for row in told}
    assert len(told) > LANES
    assert sum(row.tobytes() in whole for row in experience.own) >= len(told)


@pytest.mark.parametrize("model", ["gpt2", "t5"])
@pytest.mark.parametrize("cls", [PPO, A2C])
def test_the_ratio_before_the_first_update_is_one(cls: Any, model: str) -> None:
    algorithm = learner(cls, model)
    collect(algorithm)
    for batch in algorithm.rollout_buffer.get(64):
        with torch.no_grad():
            values, log_probs, _ = algorithm.policy.evaluate_actions(batch.observations, batch.actions)
        ratio = (log_probs - batch.old_log_prob).exp().numpy()
        np.testing.assert_allclose(ratio, 1.0, atol=1e-5)
        np.testing.assert_allclose(values[:, 0].numpy(), batch.old_values.numpy(), atol=1e-5)


def gradient(algorithm: Any) -> torch.Tensor:
    """Return the gradient of a surrogate and a value loss over the whole rollout."""
    algorithm.policy.optimizer.zero_grad()
    for batch in algorithm.rollout_buffer.get(None):
        values, log_probs, entropies = algorithm.policy.evaluate_actions(batch.observations, batch.actions)
        ratio = (log_probs - batch.old_log_prob).exp()
        loss = -(ratio * batch.advantages).mean() - 0.01 * entropies.mean()
        (loss + ((values[:, 0] - batch.returns) ** 2).mean()).backward()
    return torch.cat([p.grad.flatten() for p in algorithm.policy.parameters() if p.grad is not None])


def test_the_gradient_does_not_depend_on_what_stands_at_the_users_columns_but_as_context() -> None:
    algorithm = learner()
    collect(algorithm)
    experience = algorithm.rollout_buffer.experience
    torch.manual_seed(0)
    before = gradient(algorithm)
    assert before.abs().max() > 0
    for array in (experience.log_probs, experience.values, experience.rewards):
        array[~experience.own] = 7.0
    algorithm.rollout_buffer.add_experience(experience)
    torch.manual_seed(0)
    torch.testing.assert_close(gradient(algorithm), before)
    P = algorithm.observation_space.max_prompt_tokens
    context = (experience.observations[:, P:] >= 0) & ~experience.own
    experience.observations[:, P:][context] = 2  # as context they do count
    torch.manual_seed(0)
    assert not torch.allclose(gradient(algorithm), before)


@pytest.mark.parametrize("cls", [PPO, A2C])
@pytest.mark.parametrize("env", ["tests/Talk-v0", "tests/TalkTurns-v0", ENV])
def test_the_algorithms_learn_and_tell_once_that_they_step(cls: Any, env: str, caplog: Any) -> None:
    algorithm = learner(cls, env=env, kl_coef=0.1)
    said: list[str] = []
    algorithm.set_logger(_Listening(said))
    before = [p.clone() for p in algorithm.policy.parameters()]
    algorithm.learn(3 * LANES * algorithm.n_steps)
    assert any(not torch.equal(p, q) for p, q in zip(before, algorithm.policy.parameters(), strict=True))
    assert all(p.isfinite().all() for p in algorithm.policy.parameters())
    notices = [line for line in said if "token by token" in line]
    assert notices == [
        f"{cls.__name__} steps TextVecEnv token by token, which is slow: in a dialogue, what comes next is not known "
        "before the policy has spoken."
    ]


class _Listening(Logger):
    def __init__(self, said: list[str]) -> None:
        super().__init__(None, [])
        self.said = said

    def log(self, *args: Any, level: int = logging.INFO) -> None:
        self.said.append(" ".join(map(str, args)))


@pytest.mark.parametrize("env", ["tests/Talk-v0", "textgym/TaskDialogue-v0"])
def test_stock_stable_baselines3_learns(env: str) -> None:
    envs = make_vec_env(env, num_envs=LANES, max_new_tokens=20, max_turn_tokens=4, max_prompt_tokens=16)
    kwargs = {"model": MODELS["gpt2"]}
    algorithm = stable_baselines3.PPO(
        TransformerPolicy, envs, n_steps=16, batch_size=16, n_epochs=1, policy_kwargs=kwargs, seed=0, device="cpu"
    )
    before = [p.clone() for p in algorithm.policy.parameters()]
    algorithm.learn(2 * 16 * LANES)
    assert any(not torch.equal(p, q) for p, q in zip(before, algorithm.policy.parameters(), strict=True))


def test_maskable_ppo_gets_the_masks_of_the_present_turns() -> None:
    sb3_contrib = pytest.importorskip("sb3_contrib")
    from sb3_contrib.common.maskable.utils import get_action_masks

    envs = make_vec_env(ENV, num_envs=2)
    envs.reset()
    masks = get_action_masks(envs)
    eos = envs.observation_space.eos_id
    assert masks.shape == (2, envs.action_space.n)
    assert not masks[:, eos].any()
    assert sb3_contrib.__version__


@pytest.mark.slow
def test_learning_improves_a_policy() -> None:
    """One-letter words: the policy learns to say h, the goal of half of the test split's dialogues, and to stop."""
    envs = make_vec_env("tests/Talk-v0", num_envs=16, split="test", max_turn_tokens=3, max_new_tokens=16)
    algorithm = A2C(
        TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"]}, seed=0, learning_rate=3e-3, ent_coef=0.01
    )
    algorithm.learn(1500)
    first = algorithm.merit()
    algorithm.learn(14_000, reset_num_timesteps=False)
    assert first is not None
    assert algorithm.merit() > first + 0.2


def test_supervised_learning_says_that_a_dialogue_has_no_demonstrations() -> None:
    from agents import SFT

    sft = SFT(TransformerPolicy, make_vec_env(ENV, num_envs=2), policy_kwargs={"model": MODELS["gpt2"]})
    with pytest.raises(ConfigError, match=r"A dialogue has no demonstrations\(\)"):
        sft.learn(10)


def test_a_checkpoint_in_mid_dialogue_goes_on_identically(tmp_path: Any) -> None:
    def weights(algorithm: Any) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in algorithm.policy.parameters()])

    straight = learner()
    steps = straight.n_steps * LANES
    straight.learn(2 * steps)
    resumed = learner()
    resumed.learn(steps)
    resumed.save(tmp_path / "a")
    again = PPO.load(tmp_path / "a", env=make_vec_env(ENV, num_envs=LANES))
    again.learn(steps, reset_num_timesteps=False)
    torch.testing.assert_close(weights(again), weights(straight), rtol=0, atol=0)
