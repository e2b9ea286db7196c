"""Checkpoints are folders of safetensors and JSON, complete or absent, and exact."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize
from transformers import AutoModelForCausalLM

from agents import A2C, PPO, SFT, TransformerPolicy, make_vec_env
from agents.checkpoints.folders import open_folder, write_folder
from textgym.errors import CheckpointError, ConfigError, ModelError

ENV = "test/Letters-v0"


def learned(model: dict[str, Any], cls: Any = PPO, **options: Any) -> Any:
    sizes = {"batch_size": 16} if cls is PPO else {}
    algorithm = cls(
        TransformerPolicy,
        make_vec_env(ENV, num_envs=4),
        learning_rate=1e-3,
        policy_kwargs={"model": model, "temperature": 0.8},
        seed=0,
        **sizes,
        **options,
    )
    return algorithm.learn(50)


def assert_same_weights(one: Any, other: Any) -> None:
    for name, weight in one.policy.state_dict().items():
        torch.testing.assert_close(weight, other.policy.state_dict()[name], rtol=0, atol=0, msg=name)


@pytest.mark.parametrize("cls", [PPO, A2C, SFT])
def test_load_gives_back_what_was_saved(tmp_path: Path, model: dict[str, Any], cls: Any) -> None:
    algorithm = learned(model, cls)
    algorithm.save(tmp_path / "run" / "best.zip")
    again = cls.load(tmp_path / "run" / "best", env=make_vec_env(ENV, num_envs=4))
    assert_same_weights(algorithm, again)
    assert again.policy.network.temperature == 0.8
    assert again.num_timesteps == algorithm.num_timesteps
    for old, new in zip(algorithm.policy.parameters(), again.policy.parameters(), strict=True):
        for key, value in algorithm.policy.optimizer.state[old].items():
            torch.testing.assert_close(value, again.policy.optimizer.state[new][key], rtol=0, atol=0)
    again.learn(50, reset_num_timesteps=False)
    assert again.num_timesteps > algorithm.num_timesteps


def test_load_without_environment_predicts(tmp_path: Path, model: dict[str, Any]) -> None:
    algorithm = learned(model)
    algorithm.save(tmp_path / "c")
    observations = algorithm.env.reset()
    expected, _ = algorithm.predict(observations, deterministic=True)
    actions, _ = PPO.load(tmp_path / "c").predict(observations, deterministic=True)
    assert actions.tolist() == expected.tolist()
    policy = TransformerPolicy.load(tmp_path / "c")
    assert policy.predict(observations, deterministic=True)[0].tolist() == expected.tolist()


def test_the_reference_policy_is_kept(tmp_path: Path, model: dict[str, Any]) -> None:
    algorithm = learned(model, kl_coef=0.1)
    algorithm.save(tmp_path / "c")
    again = PPO.load(tmp_path / "c", env=make_vec_env(ENV, num_envs=4))
    for name, weight in algorithm.reference.network.model.state_dict().items():
        torch.testing.assert_close(weight, again.reference.network.model.state_dict()[name], rtol=0, atol=0)
    assert_same_weights(algorithm, again)


def test_a_policy_saves_by_itself(tmp_path: Path, model: dict[str, Any]) -> None:
    algorithm = learned(model)
    algorithm.policy.save(tmp_path / "policy")
    again = TransformerPolicy.load(tmp_path / "policy")
    for name, weight in algorithm.policy.state_dict().items():
        torch.testing.assert_close(weight, again.state_dict()[name], rtol=0, atol=0)


def test_the_model_is_a_plain_hugging_face_folder(tmp_path: Path) -> None:
    from tests.agents.tiny import MODELS

    algorithm = learned(MODELS["gpt2"])
    algorithm.save(tmp_path / "c")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "c" / "model")
    torch.testing.assert_close(model.lm_head.weight, algorithm.policy.network.model.lm_head.weight, rtol=0, atol=0)


def test_one_algorithm_starts_from_the_weights_of_another(tmp_path: Path, model: dict[str, Any]) -> None:
    taught = learned(model, SFT)
    taught.save(tmp_path / "sft")
    envs = make_vec_env(ENV, num_envs=4)
    algorithm = PPO(TransformerPolicy, envs, batch_size=16, policy_kwargs={"model": str(tmp_path / "sft")})
    assert_same_weights(taught, algorithm)
    with pytest.raises(CheckpointError, match=r"holds agents.SFT, not agents.PPO.*policy_kwargs=dict\(model="):
        PPO.load(tmp_path / "sft")


def test_a_value_head_of_another_size_is_refused(tmp_path: Path, model: dict[str, Any]) -> None:
    learned(model).save(tmp_path / "c")
    kwargs = {"model": str(tmp_path / "c"), "value_hidden": 8}
    with pytest.raises(ModelError, match=r"does not fit value_hidden=8: pass value_hidden as it was, or .*model"):
        PPO(TransformerPolicy, make_vec_env(ENV, num_envs=4), batch_size=16, policy_kwargs=kwargs)
    kwargs["model"] = str(tmp_path / "c" / "model")
    PPO(TransformerPolicy, make_vec_env(ENV, num_envs=4), batch_size=16, policy_kwargs=kwargs)


def test_the_checkpoint_callback_writes_folders(tmp_path: Path, model: dict[str, Any]) -> None:
    envs = make_vec_env(ENV, num_envs=4)
    algorithm = PPO(TransformerPolicy, envs, batch_size=16, policy_kwargs={"model": model})
    algorithm.learn(60, callback=CheckpointCallback(save_freq=5, save_path=str(tmp_path)))
    folders = sorted(tmp_path.iterdir())
    assert folders
    for folder in folders:
        PPO.load(folder)
    assert not [f for f in tmp_path.rglob("*") if f.suffix in (".zip", ".pkl", ".pt", ".pth", ".bin")]


def test_a_changed_file_is_named(tmp_path: Path, model: dict[str, Any]) -> None:
    learned(model).save(tmp_path / "c")
    weights = tmp_path / "c" / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(
        CheckpointError, match=r"model.safetensors has changed since it was written: expected \w{64}, found"
    ):
        PPO.load(tmp_path / "c")
    weights.unlink()
    with pytest.raises(CheckpointError, match="found no file"):
        PPO.load(tmp_path / "c")


def test_folders_that_are_no_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not a checkpoint: it has no manifest.json"):
        PPO.load(tmp_path / "none")
    write_folder(tmp_path / "c", "agents.PPO", lambda folder: None)
    manifest = json.loads((tmp_path / "c" / "manifest.json").read_text())
    (tmp_path / "c" / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(CheckpointError, match="has format 99, newer than 2"):
        open_folder(tmp_path / "c")


def test_a_failing_write_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    write_folder(tmp_path / "c", "test", lambda folder: (folder / "a").write_text("1"))

    def fail(folder: Path) -> None:
        (folder / "a").write_text("2")
        raise OSError("disk full")

    with pytest.raises(CheckpointError, match=r"c could not be written: disk full\. What stood there before is kept."):
        write_folder(tmp_path / "c", "test", fail)
    assert (open_folder(tmp_path / "c")[0] / "a").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    write_folder(tmp_path / "c", "test", lambda folder: (folder / "a").write_text("3"))
    assert (open_folder(tmp_path / "c")[0] / "a").read_text() == "3"


def test_a_replacement_cut_between_its_renames_is_recovered(tmp_path: Path) -> None:
    write_folder(tmp_path / "c", "test", lambda folder: (folder / "a").write_text("1"))
    (tmp_path / "c").rename(tmp_path / ".old-c")
    assert (open_folder(tmp_path / "c")[0] / "a").read_text() == "1"


def test_functions_are_asked_for_when_loading(tmp_path: Path, model: dict[str, Any]) -> None:
    envs = make_vec_env(ENV, num_envs=4)
    algorithm = PPO(TransformerPolicy, envs, batch_size=16, clip_range=lambda _: 0.1, policy_kwargs={"model": model})
    algorithm.save(tmp_path / "c")
    with pytest.raises(
        CheckpointError, match="made with a function as clip_range, which is not stored: pass clip_range="
    ):
        PPO.load(tmp_path / "c", env=envs)
    PPO.load(tmp_path / "c").predict(envs.reset())  # who only predicts needs no schedule
    assert PPO.load(tmp_path / "c", clip_range=0.2).clip_range(1.0) == 0.2
    PPO.load(tmp_path / "c").predict(envs.reset())  # who only predicts needs no schedule


def test_optimizers_are_stored_by_name(tmp_path: Path, model: dict[str, Any]) -> None:
    envs = make_vec_env(ENV, num_envs=4)
    kwargs = {"model": model, "optimizer_class": torch.optim.AdamW}
    PPO(TransformerPolicy, envs, batch_size=16, policy_kwargs=kwargs).save(tmp_path / "c")
    assert isinstance(PPO.load(tmp_path / "c").policy.optimizer, torch.optim.AdamW)


def test_nothing_but_a_checkpoint_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years of work")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text('{"created": "2026"}')
    for name in ("notes", "run", "notes/thesis.txt"):
        with pytest.raises(CheckpointError, match="exists and is no checkpoint"):
            write_folder(tmp_path / name, "test", lambda folder: None)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(CheckpointError, match="those of a run stand in its folder 'checkpoints'"):
        open_folder(tmp_path / "run")


def test_an_environment_can_be_given_after_loading(tmp_path: Path, model: dict[str, Any]) -> None:
    learned(model, rollout_responses=8).save(tmp_path / "c")
    again = PPO.load(tmp_path / "c")
    again.set_env(make_vec_env(ENV, num_envs=4))
    again.learn(30)
    assert len(again.rollout_buffer.experience.own) == 8
    with pytest.raises(ConfigError, match="norm_obs"):
        again.set_env(VecNormalize(make_vec_env(ENV, num_envs=4)))


class OwnAdam(torch.optim.Adam):
    """An optimizer that torch.optim does not have."""


def test_an_optimizer_of_ones_own_is_given_when_loading(tmp_path: Path, model: dict[str, Any]) -> None:
    kwargs = {"model": model, "optimizer_class": OwnAdam}
    PPO(TransformerPolicy, make_vec_env(ENV, num_envs=4), batch_size=16, policy_kwargs=kwargs).save(tmp_path / "c")
    with pytest.raises(CheckpointError, match=r"names the optimizer 'OwnAdam'"):
        PPO.load(tmp_path / "c")
    again = PPO.load(tmp_path / "c", policy_kwargs={"optimizer_class": OwnAdam})
    assert type(again.policy.optimizer) is OwnAdam


@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_the_tokenizer_is_saved_under_wrappers(tmp_path: Path, model: dict[str, Any]) -> None:
    envs = VecMonitor(make_vec_env(ENV, num_envs=4))
    PPO(TransformerPolicy, envs, batch_size=16, policy_kwargs={"model": model}).save(tmp_path / "c")
    expected = make_vec_env(ENV, num_envs=1).venv.episodes.tokenizer.to_json()
    assert json.loads((tmp_path / "c" / "tokenizer.json").read_text()) == json.loads(json.dumps(expected))
