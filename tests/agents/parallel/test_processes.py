"""What one process is, what is refused in several, and that alone nothing of it is needed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from agents import PPO, SFT, TransformerPolicy
from agents.commands.training import parse_train
from agents.models.network import TextNetwork
from agents.parallel import current, joined
from agents.parallel.peers import Peers
from agents.parallel.processes import ALONE, Processes, present
from agents.parallel.whole_rollout import WholeRollout, play_together
from agents.vec_env import make_vec_env
from tests.agents.tiny import MODELS
from tests.conftest import ROOT
from tests.test_architecture import under, violations
from textgym.errors import ConfigError, MissingExtraError
from textgym.responses import Scores

PRESETS = ROOT / "agents" / "presets" / "accelerate"
LETTERS = "tests.agents.tiny:test/Letters-v0"


class Second(Processes):
    """The second of two processes, of which the first sends what is given."""

    rank, count = 1, 2

    def __init__(self, first=None):
        self.first = first

    def joined(self, array):
        return np.concatenate([np.zeros_like(array), array])

    def values(self, value):
        return [self.first, value]


def test_a_process_alone_joins_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as processes:
        assert processes is current() is ALONE
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined() as processes:
        assert processes is ALONE


def test_alone_nothing_of_several_processes_is_imported():
    def importers(imported):
        found = violations(lambda module, name, now: under(module, "agents") and under(name, imported) and now)
        return {line.partition(" imports ")[0] for line in found}

    assert importers("accelerate") == importers("agents.parallel.sharded_pass") == {"agents.parallel.many"}
    assert importers("agents.parallel.many") == set()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ACCELERATE_MIXED_PRECISION", "bf16", "--engine.precision"),
        ("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3", "fsdp.yaml"),
        ("ACCELERATE_DEEPSPEED_ZERO_STAGE", "1", "keeps more"),
        ("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "cpu", "never tried"),
        ("ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE", "nvme", "never tried"),
        ("ACCELERATE_DEEPSPEED_CONFIG_FILE", "ds.json", "follows from the run's configuration"),
        ("ACCELERATE_GRADIENT_CLIPPING", "0.5", "max_grad_norm"),
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4", "batch_size"),
        ("FSDP_VERSION", "1", "version 1"),
        ("FSDP_OFFLOAD_PARAMS", "true", "never tried"),
        ("FSDP_AUTO_WRAP_POLICY", "TRANSFORMER_BASED_WRAP", "layers by themselves"),
    ],
)
def test_what_the_launcher_must_not_decide_is_refused(monkeypatch, name, value, why):
    for told in (("WORLD_SIZE", "2"), ("RANK", "0"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1"), (name, value)):
        monkeypatch.setenv(*told)
    with pytest.raises(ConfigError, match=f"{name}={value}.*{why}"), joined():
        pass


@pytest.mark.parametrize("count", ["2", "two"])
def test_a_number_of_processes_without_a_launcher_is_told_in_a_sentence(monkeypatch, count):
    monkeypatch.setenv("WORLD_SIZE", count)
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=f"WORLD_SIZE={count} .*RANK.*accelerate launch, or unset"), joined():
        pass


def test_a_missing_deepspeed_is_told_in_a_sentence(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    with pytest.raises(MissingExtraError, match=r"needs the package deepspeed.*textgym\[deepspeed\]"), joined():
        pass


def test_lanes_that_do_not_divide_are_refused_with_a_number_that_does():
    with present(Second()), pytest.raises(ConfigError, match=r"multiple of the 2 processes .* got 5: choose 4"):
        make_vec_env(LETTERS, num_envs=5)


def test_a_process_has_its_lanes_with_their_seeds():
    alone = make_vec_env(LETTERS, num_envs=4)
    with present(Second()):
        mine = make_vec_env(LETTERS, num_envs=4)
    assert (mine.num_envs, mine.first_lane, mine.all_lanes) == (2, 2, 4)
    for env in (alone, mine):
        env.seed(7)
    np.testing.assert_array_equal(mine.reset(), alone.reset()[2:])
    assert mine.description == alone.description


def test_lanes_that_were_made_for_other_processes_are_refused_since_all_would_play_the_same():
    alone = make_vec_env(LETTERS, num_envs=4)
    with present(Second()), pytest.raises(ConfigError, match=r"by 1 processes, and 2 learn here: .*joined\(\) block"):
        play_together(TextNetwork, alone, 4)


class Asked(Processes):
    """The second of two processes, where a callback of the first asks to stop in its first rollout, after 3 tokens."""

    def any(self, wish):
        return True

    def of_first(self, value):
        return 3


@pytest.mark.parametrize("cls", [PPO, SFT])
def test_where_a_callback_asks_one_process_to_stop_all_do(cls):
    with present(Asked()):
        options = {"rollout_responses": 8, "batch_size": 16} if cls is PPO else {"batch_size": 8}
        env = make_vec_env(LETTERS, num_envs=4)
        algorithm = cls(
            TransformerPolicy, env, seed=0, device="cpu", policy_kwargs={"model": MODELS["gpt2"]}, **options
        )
        algorithm.learn(1000)
    assert algorithm.num_timesteps == 3 if cls is PPO else algorithm.num_timesteps < 30
    assert algorithm._n_updates == (1 if cls is SFT else 0)


def test_a_snapshot_is_that_of_all_lanes_and_each_takes_its_own():
    alone = make_vec_env(LETTERS, num_envs=4)
    alone.seed(7)
    alone.reset()
    whole = alone.snapshot()
    first = {"episodes": {"lanes": whole["episodes"]["lanes"][:2]}, "returns": [0.0, 0.0], "lengths": [0, 0]}
    with present(Second(first)):
        mine = make_vec_env(LETTERS, num_envs=4)
        mine.seed(7)
        observations = mine.reset()
        assert mine.snapshot() == whole
        np.testing.assert_array_equal(mine.restore(whole), observations)


def test_the_rows_of_a_rollout_stand_where_one_process_has_them():
    infos = {"finish": np.array(["b"] * 8, object)}
    own = Scores(np.arange(8.0)[:, None] + 1, np.ones(8, bool), np.zeros(8, bool), infos)
    whole = WholeRollout(Second({"finish": ["a"] * 8}), rounds=2).scores(own)  # two lanes of four, G = 2, played twice
    assert whole.rewards[:, 0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8]
    assert "".join(whole.infos["finish"]) == "aaaabbbb" * 2


def test_a_reward_that_learns_from_what_it_judges_is_refused():
    with present(Second()), pytest.raises(ConfigError, match="something else in each"):
        make_vec_env(LETTERS, num_envs=4, reward="running_norm(edit_similarity)")


def test_several_processes_need_a_seed():
    with pytest.raises(ConfigError, match="give the algorithm a seed"):
        Second().check_seed(None)
    ALONE.check_seed(None)


def test_the_process_that_has_ended_is_named():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    peers = Peers([Peers.this(), Peers.this() | {"pid": ended.pid}])
    assert peers.missing(5) == f"Process 1 of 2 (pid {ended.pid}) ended in mid-run."


def test_settings_may_be_written_without_dashes():
    request = parse_train(["num_envs=8", "--seed", "3", "reinforcement.options={kl_coef: 0.1}"])
    assert request.overrides == [("num_envs", "8"), ("seed", "3"), ("reinforcement.options", "{kl_coef: 0.1}")]


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_for_the_launcher_is_one_that_accelerate_reads(path: Path):
    config_args = pytest.importorskip("accelerate.commands.config.config_args")
    config = config_args.load_config_from_file(str(path))
    assert config.mixed_precision == "no"
    assert config.num_processes > 1
    assert yaml.safe_load(path.read_text())["main_process_port"] == 0
