"""Learners of other libraries take editing environments as they are: both forms of actions, masked and not."""

import json
from typing import Any

import numpy as np
import pytest
import stable_baselines3
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy
from stable_baselines3.common.env_util import make_vec_env as stock_make_vec_env
from stable_baselines3.common.monitor import Monitor

from agents import make_vec_env
from tests.editing.tiny import SAMPLES, some_edits, tiny
from textgym.editing import EditActions
from textgym.editing.env import EditEnv
from textgym.editing.vector import EditVectorEnv

ID = "tests/TinyEdits-v0"


def trained(algorithm: Any, steps: int = 128) -> Any:
    before = [p.clone() for p in algorithm.policy.parameters()]
    algorithm.learn(steps)
    assert any((a - b).abs().max() > 0 for a, b in zip(before, algorithm.policy.parameters(), strict=True))
    return algorithm


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("native", [False, True])
def test_stock_ppo_trains_on_both_forms_of_actions(flat: bool, native: bool) -> None:
    stock = make_vec_env(ID, num_envs=4, flat=flat) if native else stock_make_vec_env(lambda: tiny(flat=flat), n_envs=4)
    trained(stable_baselines3.PPO("MlpPolicy", stock, n_steps=16, batch_size=32, n_epochs=2, seed=0))


@pytest.mark.parametrize("native", [False, True])
def test_maskable_ppo_never_makes_an_illegal_flat_edit(native: bool) -> None:
    envs = make_vec_env(ID, num_envs=4, flat=True) if native else stock_make_vec_env(lambda: tiny(flat=True), n_envs=4)
    refused: list[dict[str, Any]] = []
    step = envs.step_wait

    def watched() -> Any:
        result = step()
        refused.extend(info for info in result[3] if info.get("invalid_action"))
        return result

    envs.step_wait = watched  # type: ignore[method-assign]
    algorithm = trained(MaskablePPO("MlpPolicy", envs, n_steps=16, batch_size=32, n_epochs=2, seed=0))
    assert refused == []
    mean, _ = evaluate_policy(algorithm, Monitor(tiny(flat=True)), n_eval_episodes=4)
    assert -1 <= mean <= 1


def test_maskable_ppo_takes_the_masks_of_three_numbers() -> None:
    envs = make_vec_env(ID, num_envs=4)
    trained(MaskablePPO("MlpPolicy", envs, n_steps=16, batch_size=32, n_epochs=2, seed=0))
    space = envs.observation_space
    for masks in envs.env_method("action_masks"):
        assert masks.shape == (sum(EditActions(space).space.nvec),)


def test_steps_agree_with_dummy_vec_env_and_monitor() -> None:
    ours = make_vec_env(ID, num_envs=5, on_length="truncate")
    stock = stock_make_vec_env(ID, n_envs=5, env_kwargs={"on_length": "truncate", "render_mode": None})
    for envs in (ours, stock):
        envs.seed(11)
    np.testing.assert_array_equal(ours.reset(), stock.reset())
    ended = 0
    for actions in some_edits(ours.venv, 60, 5):
        (o1, r1, d1, i1), (o2, r2, d2, i2) = ours.step(actions), stock.step(actions)
        np.testing.assert_array_equal(o1, o2)
        np.testing.assert_array_equal(r1, r2)
        np.testing.assert_array_equal(d1, d2)
        for one, other in zip(i1, i2, strict=True):
            assert one.get("invalid_action") == other.get("invalid_action")
            if "episode" in other:
                ended += 1
                np.testing.assert_array_equal(one["terminal_observation"], other["terminal_observation"])
                assert {k: one["episode"][k] for k in "rl"} == {k: other["episode"][k] for k in "rl"}
                assert [one[k] for k in ("response", "score", "edits")] == [
                    other[k] for k in ("response", "score", "edits")
                ]
    assert ended > 10


def test_the_description_tells_drafts_apart() -> None:
    def description(**arguments: Any) -> dict[str, Any]:
        told = make_vec_env(EditVectorEnv("tiny-edits", autoreset_mode="SameStep", **arguments)).description
        assert json.loads(json.dumps(told)) == told
        return told

    plain = description()
    others = [{"draft": "prompt"}, {"edit_cost": 0.1}, {"flat": True}, {"max_edits": 3}, {"kinds": ["delete"]}]
    others += [{"draft": "corrupted"}, {"draft": "corrupted", "corruption": {"seed": 1}}]
    told = [plain, *(description(**arguments) for arguments in others)]
    assert len({json.dumps(one, sort_keys=True) for one in told}) == len(told)


def test_dqn_takes_flat_edits() -> None:
    algorithm = stable_baselines3.DQN("MlpPolicy", tiny(flat=True), learning_starts=8, buffer_size=100, seed=0)
    trained(algorithm, 60)


@pytest.mark.slow
def test_maskable_ppo_learns_to_edit() -> None:
    options: dict[str, Any] = {"flat": True, "kinds": ["delete"]}
    envs = make_vec_env(EditVectorEnv("tiny-edits", num_envs=32, autoreset_mode="SameStep", **options))
    algorithm = MaskablePPO("MlpPolicy", envs, n_steps=16, batch_size=128, gamma=1.0, learning_rate=1e-3, seed=0)
    algorithm.learn(20_000)
    env, gains, best = EditEnv("tiny-edits", **options), [], []
    for index in range(len(SAMPLES)):
        observation, _ = env.reset(options={"index": index})
        shown = env.demonstration()
        total, over = 0.0, False
        while not over:
            action, _ = algorithm.predict(observation, action_masks=env.action_masks(), deterministic=True)
            observation, reward, terminated, truncated, _ = env.step(action)
            total, over = total + reward, terminated or truncated
        gains.append(total)
        env.reset(options={"index": index})
        best.append(sum(env.step(action)[1] for action in shown))
    assert np.mean(gains) >= np.mean(best) - 0.02
