"""The checkpoints on the way of a phase: which are kept, and what a death in the middle of saving leaves."""

import itertools
import json
import shutil

from agents import PPO, TransformerPolicy, make_vec_env
from agents.checkpoints.checkpoint import save_algorithm
from agents.checkpoints.folders import open_folder
from agents.checkpoints.step_folders import StepFolders
from agents.runs.phase import phases_of
from agents.runs.phase_learning import Learning
from agents.runs.resume_point import find_point
from agents.runs.run_folder import RunFolder
from agents.runs.stop_request import StopRequest
from tests.agents.faults import dies_at
from tests.agents.interrupted import small

TINY = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 16}


def test_the_last_and_the_best_are_kept(tmp_path):
    steps = StepFolders(tmp_path)
    merits = {5: 0.1, 20: 0.9, 100: None, 1000: 0.9, 1_000_000_000: 0.2, 2_000_000_000: 0.3}
    for step, merit in merits.items():
        steps.folder(step).mkdir()
        (steps.folder(step) / "run.json").write_text(json.dumps({"merit": merit}))
    (tmp_path / "step_000000007").mkdir()  # cannot tell its merit
    (tmp_path / "step_000000020.damaged").mkdir()
    kept = [(4, [2_000_000_000, 1_000_000_000, 1000, 100]), (2, [2_000_000_000, 1_000_000_000, 1000])]
    assert [path.name for path in steps.newest_first()][-2:] == ["step_000000007", "step_000000005"]
    for keep_last, expected in kept:
        steps.prune(keep_last)
        assert steps.newest_first() == [steps.folder(step) for step in expected]
    assert (tmp_path / "step_000000020.damaged").is_dir()


def test_a_death_at_any_change_of_the_disk_in_a_save_loses_that_save_at_most(tmp_path, monkeypatch):
    config = small(tmp_path, ("warm_start.enabled", "false"), ("checkpoints.keep_last", "1"))
    envs = make_vec_env("test/Letters-v0", num_envs=2)
    options = {"batch_size": 8, "kl_coef": 0.1, "policy_kwargs": {"model": TINY}, "seed": 0}
    algorithm = PPO(TransformerPolicy, envs, **options).learn(20)
    (phase,) = phases_of(config)
    saved = algorithm.num_timesteps

    def run_at(path):
        run = RunFolder(path)
        return run, Learning(run, config, phase, None, False, StopRequest(), print)

    run, learning = run_at(tmp_path / "run")
    run.checkpoints.mkdir(parents=True)
    run.metrics().write({"step": saved})
    learning._save_step(algorithm)
    algorithm.num_timesteps += 10  # as if it had learned
    old, new = (f"step_{step:09d}" for step in (saved, saved + 10))
    found = []
    for number in itertools.count(1):
        again, learning = run_at(shutil.copytree(run.path, tmp_path / str(number)))
        died = dies_at(number, lambda learning=learning: learning._save_step(algorithm), monkeypatch)
        told = []
        point = find_point(again, [phase], told.append)
        assert told == []
        found.append(point.path.name)
        again.sweep()
        assert {path.name for path in again.steps(phase.checkpoint).path.iterdir()} <= {old, new}
        if not died:
            break
    assert len(found) > 60
    assert found == sorted(found)
    assert set(found) == {old, new}
    for step in (old, new):
        assert PPO.load(next(tmp_path.glob(f"*/checkpoints/steps/*/{step}"))).num_timesteps == int(step[5:])
    assert [path.name for path in again.steps(phase.checkpoint).newest_first()] == [new]


def test_a_checkpoint_can_be_written_over_one_of_the_same_step(tmp_path):
    envs = make_vec_env("test/Letters-v0", num_envs=2)
    algorithm = PPO(TransformerPolicy, envs, batch_size=8, policy_kwargs={"model": TINY})
    for note in ("one", "two"):
        save_algorithm(algorithm, tmp_path / "step_000000001", {"run.json": note})
    folder, _ = open_folder(tmp_path / "step_000000001")
    assert json.loads((folder / "run.json").read_text()) == "two"
