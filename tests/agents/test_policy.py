"""The policy serves Stable-Baselines3's interfaces, and refuses what would silently break token ids."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecCheckNan, VecFrameStack, VecMonitor, VecNormalize

from agents import A2C, PPO, SFT, TransformerPolicy, make_vec_env
from agents.learning.token_progress import TokenProgressBar
from tests.agents.tiny import MODELS
from textgym import TokenSpace
from textgym.errors import ConfigError, ModelError

ENV = "test/Letters-v0"
GPT2 = {"model": MODELS["gpt2"]}


def make(cls: Any = PPO, env: Any = None, **options: Any) -> Any:
    env = make_vec_env(ENV, num_envs=4) if env is None else env
    sizes = {"batch_size": 12} if cls is PPO else {}
    return cls(TransformerPolicy, env, policy_kwargs=GPT2, seed=0, **(sizes | options))


def test_stock_algorithms_train_the_policy(model: dict[str, Any]) -> None:
    stock = stable_baselines3.PPO(
        TransformerPolicy,
        make_vec_env(ENV, num_envs=4),
        n_steps=6,
        batch_size=12,
        policy_kwargs={"model": model},
        seed=0,
    )
    before = [p.clone() for p in stock.policy.parameters()]
    stock.learn(48)
    assert any((a - b).abs().max() > 0 for a, b in zip(before, stock.policy.parameters(), strict=True))


def test_stock_algorithms_train_on_a_single_environment() -> None:
    stock = stable_baselines3.A2C(TransformerPolicy, gym.make(ENV), policy_kwargs=dict(GPT2))
    stock.learn(10)
    assert stock.num_timesteps == 10


@pytest.mark.parametrize("cls", [PPO, A2C])
def test_learn_counts_tokens_and_fills_the_statistics(cls: Any) -> None:
    algorithm = make(cls).learn(100)
    assert 100 <= algorithm.num_timesteps < 100 + 4 * 6
    lengths = [info["l"] for info in algorithm.ep_info_buffer]
    assert sum(lengths) == algorithm.num_timesteps
    assert all(0 <= info["r"] <= 1 for info in algorithm.ep_info_buffer)


@pytest.mark.filterwarnings("ignore::tqdm.TqdmExperimentalWarning")  # the bar of Stable-Baselines3
def test_progress_bar_and_callbacks_work(tmp_path: Any) -> None:
    evaluation = EvalCallback(
        make_vec_env(ENV, num_envs=2), eval_freq=6, n_eval_episodes=4, best_model_save_path=str(tmp_path)
    )
    make().learn(60, progress_bar=True, callback=evaluation)
    assert np.isfinite(evaluation.last_mean_reward)
    assert isinstance(PPO.load(tmp_path / "best_model"), PPO)


def test_a_callback_can_stop_learning() -> None:
    from stable_baselines3.common.callbacks import StopTrainingOnMaxEpisodes

    algorithm = make().learn(10_000, callback=StopTrainingOnMaxEpisodes(max_episodes=3))
    assert algorithm.num_timesteps < 100


def test_evaluate_policy_and_predict_work() -> None:
    algorithm = make()
    mean, _ = evaluate_policy(algorithm, make_vec_env(ENV, num_envs=2), n_eval_episodes=6)
    assert 0 <= mean <= 1
    observation, _ = gym.make(ENV).reset(seed=0)
    action, _ = algorithm.predict(observation, deterministic=True)
    assert int(action) in range(algorithm.action_space.n)


def test_the_distribution_obeys_the_mask() -> None:
    algorithm = make(env=make_vec_env(ENV, num_envs=4, min_new_tokens=2))
    observations = torch.as_tensor(algorithm.env.reset())
    probabilities = algorithm.policy.get_distribution(observations).distribution.probs
    allowed = algorithm.env.venv.action_masks()
    assert (probabilities.detach().numpy()[~allowed] == 0).all()
    assert (probabilities.detach().numpy()[allowed] > 0).all()


def test_ids_and_native_environments_are_adapted() -> None:
    assert make(env=ENV, batch_size=128).n_envs == 64
    assert make(env=gym.make_vec(ENV, num_envs=4, autoreset_mode="SameStep")).n_envs == 4


def test_several_responses_per_lane_make_one_rollout() -> None:
    algorithm = make(rollout_responses=12, batch_size=24).learn(1)
    assert len(algorithm.rollout_buffer.experience.own) == 12


@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_wrappers_that_might_matter_are_stepped_with_one_notice(capsys: pytest.CaptureFixture[str]) -> None:
    algorithm = make(env=VecMonitor(make_vec_env(ENV, num_envs=4)), verbose=1, kl_coef=0.1).learn(60)
    assert capsys.readouterr().out.count("steps VecMonitor token by token, which is slow") == 1
    assert algorithm.num_timesteps >= 60
    quick = make(env=VecCheckNan(make_vec_env(ENV, num_envs=4)), verbose=1).learn(60)
    assert "token by token" not in capsys.readouterr().out
    assert quick.num_timesteps >= 60


def test_rewards_can_be_normalised() -> None:
    make(env=VecNormalize(make_vec_env(ENV, num_envs=4), norm_obs=False)).learn(30)


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (VecNormalize, r"VecNormalize\(norm_obs=True\) turns token ids into fractions"),
        (lambda env: VecFrameStack(env, 2), "must be a TokenSpace"),
    ],
)
def test_wrappers_that_break_token_ids_are_refused(wrap: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(env=wrap(make_vec_env(ENV, num_envs=4)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 25}, r"batch_size counts tokens .* 4 responses x 6 tokens = 24; got 25"),
        ({"batch_size": 1}, "must lie between 2 and"),
        ({"rollout_responses": 6}, "multiple of the 4 lanes, got 6"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_a_model_is_built(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.policy.make_network", lambda *_: pytest.fail("a model was built"))
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_a_discount_that_differs_from_gamma_is_refused() -> None:
    shaped = make_vec_env(ENV, num_envs=4, shaping="potential", discount=0.9)
    with pytest.raises(ConfigError, match=r"discount=0.9, the algorithm's gamma is 1.0"):
        make(env=shaped)
    make(env=shaped, gamma=0.9)


SPACE = TokenSpace(9, 4, 4, eos_id=0)


@pytest.mark.parametrize(
    ("observation_space", "action_space", "kwargs", "message"),
    [
        (spaces.Box(0, 1, (4,)), spaces.Discrete(9), GPT2, "observations are a TokenSpace"),
        (SPACE, spaces.Discrete(8), GPT2, r"Actions must be Discrete\(9\)"),
        (SPACE, spaces.Discrete(9), {}, "needs a model"),
        (SPACE, spaces.Discrete(9), GPT2 | {"use_sde": True}, "use_sde is for continuous actions"),
        (SPACE, spaces.Discrete(9), GPT2 | {"temperature": 0.0}, "temperature must be positive"),
    ],
)
def test_arguments_that_cannot_work_are_refused(
    observation_space: Any, action_space: Any, kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TransformerPolicy(observation_space, action_space, lambda _: 1e-3, **kwargs)


def test_dropout_stays_off_while_learning_by_reinforcement() -> None:
    algorithm = make()
    algorithm.policy.set_training_mode(True)
    assert not any(module.training for module in algorithm.policy.modules())


def test_surplus_rows_of_a_larger_model_are_hidden() -> None:
    network = make().policy.network
    assert network.model.config.vocab_size == network.space.vocab_size + 1
    assert network.logits(torch.zeros(1, 32)).shape == (1, network.space.vocab_size)


@pytest.mark.parametrize(
    "wrap", [VecNormalize, lambda env: VecMonitor(VecNormalize(env))], ids=["normalised", "normalised-inside"]
)
@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_normalised_token_ids_are_refused_under_wrappers_and_by_stock_algorithms(wrap: Any) -> None:
    with pytest.raises(ConfigError, match=r"VecNormalize\(norm_obs=True\)"):
        make(env=wrap(make_vec_env(ENV, num_envs=4)))
    stock = stable_baselines3.PPO(
        TransformerPolicy, wrap(make_vec_env(ENV, num_envs=4)), n_steps=6, batch_size=12, policy_kwargs=dict(GPT2)
    )
    with pytest.raises(ConfigError, match=r"token ids, got torch.float32"):
        stock.learn(24)


@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_a_discount_that_differs_from_gamma_is_refused_under_wrappers() -> None:
    shaped = {"shaping": "potential", "discount": 0.9}
    for env in (VecMonitor(make_vec_env(ENV, num_envs=4, **shaped)), gym.make(ENV, **shaped)):
        with pytest.raises(ConfigError, match=r"discount=0.9, the algorithm's gamma is 1.0"):
            make(env=env, batch_size=6)


def test_a2c_refuses_a_rollout_whose_advantages_have_no_deviation() -> None:
    lane = make_vec_env(ENV, num_envs=1, max_new_tokens=1)
    with pytest.raises(ConfigError, match=r"rollout_responses=2 or more"):
        make(A2C, lane)
    algorithm = make(A2C, lane, normalize_advantage=False).learn(3)
    assert all(torch.isfinite(weight).all() for weight in algorithm.policy.parameters())


def test_a_policy_that_has_diverged_is_noticed() -> None:
    algorithm = make()
    with torch.no_grad():
        next(algorithm.policy.network.model.parameters()).fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite: learning has diverged"):
        algorithm.learn(30)


def test_learning_goes_on_after_somebody_else_stepped_the_lanes() -> None:
    algorithm = make().learn(30)
    evaluate_policy(algorithm, algorithm.get_env(), n_eval_episodes=5)
    seen = algorithm.num_timesteps
    assert algorithm.learn(30, reset_num_timesteps=False).num_timesteps >= seen + 30


@pytest.mark.filterwarnings("ignore::tqdm.TqdmExperimentalWarning")
@pytest.mark.parametrize(("cls", "sizes"), [(PPO, {"rollout_responses": 16, "batch_size": 48}), (SFT, {})])
def test_the_progress_bar_counts_tokens(cls: Any, sizes: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    monkeypatch.setattr(
        TokenProgressBar, "_on_training_end", lambda self: (moved.append(self.pbar.n), self.pbar.close())
    )
    algorithm = make(cls, **sizes)
    for _ in range(2):
        before = algorithm.num_timesteps
        algorithm.learn(100, progress_bar=True, reset_num_timesteps=False)
        assert moved[-1] == algorithm.num_timesteps - before
