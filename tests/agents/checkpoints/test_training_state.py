"""An algorithm that was saved, at whatever step, goes on as if it had never stopped."""

import json
import pickle
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback
from stable_baselines3.common.logger import KVWriter
from stable_baselines3.common.vec_env import VecCheckNan

from agents import A2C, PPO, SFT, TransformerPolicy, make_vec_env
from agents.checkpoints.random_state import random_state, set_random_state
from agents.learning.optimizers import MuonAdam
from tests.agents.tiny import MODELS

ENV = "test/Letters-v0"
FORMAT_1 = Path(__file__).parent / "format-1"
OPTIONS = {
    PPO: {"batch_size": 16, "kl_coef": 0.1},
    A2C: {},
    SFT: {"batch_size": 3, "evaluate_every": 3, "validation_env": ENV},
}


class Lines(BaseCallback, KVWriter):
    """Keeps what is logged, but for what measures time."""

    def __init__(self):
        BaseCallback.__init__(self)
        self.lines = []

    def _on_training_start(self):
        self.logger.output_formats.append(self)

    def _on_step(self):
        return True

    def write(self, key_values, key_excluded, step=0):
        timeless = {k: v for k, v in key_values.items() if k not in ("time/fps", "time/time_elapsed")}
        self.lines.append(json.dumps({name: float(value) for name, value in timeless.items()}))  # NaN equals NaN so

    def close(self):
        pass


def make(cls, model="gpt2", envs=None, optimizer=torch.optim.Adam):
    kwargs = {"model": MODELS[model], "optimizer_class": optimizer}
    envs = envs or make_vec_env(ENV, num_envs=4)
    return cls(TransformerPolicy, envs, learning_rate=3e-3, policy_kwargs=kwargs, seed=0, **OPTIONS[cls])


def assert_equal(one, other):
    for name, weight in one.policy.state_dict().items():
        assert torch.equal(weight, other.policy.state_dict()[name]), name
    for mine, its in zip(one.policy.parameters(), other.policy.parameters(), strict=True):
        moments, its_moments = one.policy.optimizer.state[mine], other.policy.optimizer.state[its]
        assert moments.keys() == its_moments.keys()
        assert all(torch.equal(moments[name], its_moments[name]) for name in moments)
    for name, tensor in one.training_state().tensors.items():
        torch.testing.assert_close(
            other.training_state().tensors[name], tensor, rtol=0, atol=0, equal_nan=True, msg=name
        )


@pytest.mark.parametrize(
    ("cls", "model", "optimizer"),
    [
        (PPO, "t5", torch.optim.Adam),
        (PPO, "gpt2", MuonAdam),
        (A2C, "gpt2", torch.optim.RMSprop),
        (SFT, "gpt2", MuonAdam),
    ],
)
def test_checkpoints_of_stable_baselines3s_callback_go_on_to_the_last_bit(tmp_path, cls, model, optimizer):
    envs = VecCheckNan(make_vec_env(ENV, num_envs=4)) if cls is A2C else None
    lines = Lines()
    whole = make(cls, model, envs, optimizer).learn(200, [CheckpointCallback(4, str(tmp_path)), lines], log_interval=1)
    folders = sorted(tmp_path.iterdir(), key=lambda path: int(path.name.split("_")[2]))
    for folder in (folders[len(folders) // 3], folders[-1]):  # in PPO and A2C they were written in mid-rollout
        np.random.seed(1), random.seed(1), torch.manual_seed(1)  # noqa: NPY002
        again = cls.load(folder, env=make_vec_env(ENV, num_envs=4), **_live(cls))
        done, later = again.num_timesteps, Lines()
        again.learn(200 - done, later, log_interval=1, reset_num_timesteps=False)
        assert_equal(whole, again)
        assert later.lines == lines.lines[-len(later.lines) :]
    assert 0 < done < 200


def _live(cls):
    return {"validation_env": make_vec_env(ENV, num_envs=4)} if cls is SFT else {}


def test_saving_what_was_only_loaded_keeps_its_state(tmp_path):
    whole = make(PPO).learn(100, CheckpointCallback(5, str(tmp_path)))
    folder = min(tmp_path.iterdir(), key=lambda path: int(path.name.split("_")[2]))
    PPO.load(folder, env=make_vec_env(ENV, num_envs=4)).save(tmp_path / "copy")
    again = PPO.load(tmp_path / "copy", env=make_vec_env(ENV, num_envs=4))
    again.learn(100 - again.num_timesteps, reset_num_timesteps=False)
    assert_equal(whole, again)


def test_another_seed_or_a_new_count_begins_anew(tmp_path):
    make(PPO).learn(60).save(tmp_path / "c")
    prompts = []
    for changes, resets in (({}, False), ({"seed": 5}, False), ({}, True)):
        again = PPO.load(tmp_path / "c", env=make_vec_env(ENV, num_envs=4), **changes)
        again.learn(1, reset_num_timesteps=resets)
        prompts.append(again.rollout_buffer.experience.observations[:, :7].tolist())
    assert prompts[0] != prompts[2]
    assert prompts[1] != prompts[2]
    fresh = make(PPO).learn(1)
    assert prompts[2] == fresh.rollout_buffer.experience.observations[:, :7].tolist()


@pytest.mark.parametrize(
    ("other", "told"),
    [({"num_envs": 8}, "num_envs"), ({"num_envs": 4, "max_prompt_tokens": 8}, "space"), ({"reward": "bleu"}, "reward")],
)
def test_in_another_environment_new_episodes_begin_and_that_is_told(tmp_path, capsys, other, told):
    make(PPO).learn(60).save(tmp_path / "c")
    again = PPO.load(tmp_path / "c", env=make_vec_env(ENV, **({"num_envs": 4} | other)), verbose=1)
    again.learn(1, reset_num_timesteps=False)
    assert f"The environment is not that of the checkpoint (it differs in {told}" in capsys.readouterr().out
    assert again.num_timesteps > 60


def test_a_checkpoint_of_format_1_opens_and_learns_on(tmp_path):
    shutil.copytree(FORMAT_1, tmp_path / "c")
    envs = make_vec_env(ENV, num_envs=2)
    observations = envs.reset()
    old = PPO.load(tmp_path / "c", env=envs)
    assert (old.num_timesteps, old.kl_coef) == (41, 0.1)
    assert old.predict(observations, deterministic=True)[0].shape == (2,)
    assert old.learn(10, reset_num_timesteps=False).num_timesteps > 41


def test_the_state_of_every_generator_comes_back():
    for _ in range(2):  # with and without a second normal number in waiting
        random.gauss(0, 1), np.random.standard_normal()  # noqa: NPY002
        state = random_state()
        drawn = [draw() for _ in range(2) for draw in DRAWS]
        set_random_state(state)
        assert [draw() for _ in range(2) for draw in DRAWS] == drawn


DRAWS = (
    random.random,
    lambda: random.gauss(0, 1),
    lambda: np.random.standard_normal(),  # noqa: NPY002
    lambda: int(np.random.randint(10**9)),  # noqa: NPY002
    lambda: torch.rand(1).item(),
)


class Unpickled:
    """What the interpreter tells of every object that is unpickled."""

    names: list = []  # noqa: RUF012
    listening = False

    @classmethod
    def hear(cls, event, arguments):
        if cls.listening and event == "pickle.find_class":
            cls.names.append(arguments)


sys.addaudithook(Unpickled.hear)


@pytest.mark.parametrize("cls", [PPO, SFT])
def test_loading_and_going_on_unpickle_nothing(tmp_path, cls):
    make(cls).learn(60).save(tmp_path / "c")
    Unpickled.listening = True
    try:
        cls.load(tmp_path / "c", env=make_vec_env(ENV, num_envs=4), **_live(cls)).learn(20, reset_num_timesteps=False)
        assert Unpickled.names == []
        pickle.loads(pickle.dumps(Path("x")))
        assert Unpickled.names  # it does hear
    finally:
        Unpickled.listening = False
        Unpickled.names.clear()
