import json
import re
from types import SimpleNamespace

import pytest

from agents.commands import demo, evaluate, find_subject
from agents.commands import train as train_command
from agents.config.config_reader import read_config
from agents.config.run_config import RunConfig
from agents.runs.run_folder import RunFolder, default_path
from agents.runs.setup import constant_reward, make_setup
from agents.runs.warmup_decay import WarmupDecay
from agents.train import train
from tests.agents.tiny import MODELS
from textgym import Sample
from textgym.errors import ConfigError

ENV = "tests.agents.tiny:test/Letters-v0"  # with its module, so that another process can make it too
TINY = f"""
env: {ENV}
num_envs: 8
model: {json.dumps(MODELS["gpt2"])}
warm_start: {{learning_rate: 1e-2, batch_size: 8, total_timesteps: 4000, evaluate_every: 10, patience: 3}}
reinforcement: {{total_timesteps: 600, options: {{rollout_responses: 16, batch_size: 32, kl_coef: 0}}}}
evaluation: {{rewards: [edit_similarity, bleu], num_samples: 8, curve_every_seconds: 0.5, curve_samples: 8}}
"""


def tiny(tmp_path, *overrides):
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return read_config(RunConfig, [file], overrides)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, and what it said."""
    folder = tmp_path_factory.mktemp("runs")
    said = []
    path = train(tiny(folder, ("run_folder", str(folder / "run"))), said.append)
    return RunFolder(path), "\n".join(said)


def test_a_run_folder_holds_everything_that_the_design_names(run):
    folder, _ = run
    assert {path.name for path in folder.path.iterdir()} == {
        "config.yaml",
        "manifest.json",
        "metrics.jsonl",
        "metrics-continued.jsonl",
        "evaluation.json",
        "responses",
        "learning_curve.png",
        "checkpoints",
    }
    assert {path.name for path in folder.checkpoints.iterdir()} == {
        "warm-start",
        "warm-start-continued",
        "reinforcement",
    }
    assert folder.last_checkpoint().name == "reinforcement"
    assert (folder.path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_warm_start_learns_the_task_and_reinforcement_keeps_it(run):
    rows = json.loads((run[0].path / "evaluation.json").read_text())["rows"]
    assert list(rows) == ["untrained", "warm start", "warm start continued", "PPO"]
    score = {name: row["greedy"]["scores"][0]["corpus"] for name, row in rows.items()}
    assert score["untrained"] < 0.5
    assert min(score["warm start"], score["warm start continued"], score["PPO"]) > 0.9


def test_the_continued_warm_start_learned_as_long_as_reinforcement(run):
    seconds = json.loads((run[0].path / "evaluation.json").read_text())["seconds"]
    lines = list(run[0].metrics("metrics-continued.jsonl").read())
    assert {line["phase"] for line in lines} == {"warm start continued"}
    assert lines[-1]["seconds"] == pytest.approx(seconds["PPO"], abs=1.0)
    assert lines[-1]["step"] > lines[0]["step"] > 0


def test_metrics_lines_parse_and_tell_what_was_learned(run):
    lines = [json.loads(line) for line in (run[0].path / "metrics.jsonl").read_text().splitlines()]
    by_phase = {phase: [line for line in lines if line["phase"] == phase] for phase in ("warm start", "PPO")}
    assert len(by_phase["warm start"]) + len(by_phase["PPO"]) == len(lines)
    rollouts = [line for line in by_phase["PPO"] if "rollout/ep_rew_mean" in line]
    assert {"rollout/ep_len_mean", "rollout/kl_per_response", "tokens_per_second", "seconds"} <= set(rollouts[-1])
    assert {"train/approx_kl", "train/loss", "train/entropy_loss"} <= set(rollouts[-1])
    assert [line["step"] for line in rollouts] == sorted(line["step"] for line in rollouts)
    assert all("validation/edit_similarity/greedy" in by_phase[phase][0] for phase in by_phase)


def test_the_manifest_tells_where_the_numbers_come_from(run):
    manifest = json.loads((run[0].path / "manifest.json").read_text())
    assert manifest["versions"]["torch"]
    assert manifest["data"]["train"]["count"] == 8
    assert manifest["tokenizer"].startswith("char")
    assert manifest["judges"]["bleu"][1].startswith("bleu|corpus")
    assert manifest["seeds"]["run"] == 0
    assert manifest["parameters"] > 10_000
    assert manifest["command"]


def test_the_summary_has_the_table_the_signatures_and_the_episodes(run):
    said = run[1]
    assert "8 samples of test/Letters-v0, split 'test'; 95% bootstrap intervals" in said.replace(ENV, "test/Letters-v0")
    assert "bleu corpus: bleu|corpus|" in said
    assert "sampled at temperature 1  edit_similarity corpus" in said
    assert said.count("warm start continued") >= 3
    assert str(run[0].path / "learning_curve.png") in said


def test_the_stored_configuration_makes_the_same_run_again(run, tmp_path):
    again = read_config(RunConfig, [run[0].path / "config.yaml"], [("run_folder", str(tmp_path / "x"))])
    assert again == tiny(tmp_path, ("run_folder", str(tmp_path / "x")))


def test_eval_scores_a_run_as_its_table_does(run, capsys):
    assert evaluate([str(run[0].path), "--rewards", "edit_similarity,bleu", "--num-samples", "8", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    expected = json.loads((run[0].path / "evaluation.json").read_text())["rows"]["PPO"]["greedy"]
    assert report["scores"] == expected["scores"]
    assert evaluate([str(run[0].checkpoints / "warm-start"), "--sampled"]) == 0
    assert "sampled at temperature 1" in capsys.readouterr().out


def test_eval_scores_a_checkpoint_outside_of_its_run_and_a_model_folder(run, tmp_path, capsys):
    moved = tmp_path / "moved"
    (run[0].checkpoints / "reinforcement").rename(moved)
    try:
        assert evaluate([str(moved), "--env", ENV]) == 0
        assert "edit_similarity sentence" in capsys.readouterr().out
        with pytest.raises(
            ConfigError, match=r"not a run folder or a checkpoint in one: name the environment with --env"
        ):
            evaluate([str(moved)])
        assert find_subject(str(moved), ENV).env == ENV
    finally:
        moved.rename(run[0].checkpoints / "reinforcement")


def test_an_occupied_run_folder_is_refused(run):
    with pytest.raises(ConfigError, match="exists and is not empty: choose another one"):
        train(tiny(run[0].path.parent, ("run_folder", str(run[0].path))))


def test_a_run_without_checkpoint_says_so(tmp_path):
    with pytest.raises(ConfigError, match="has no checkpoint yet"):
        RunFolder(tmp_path).last_checkpoint()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("env", "textgym/Translatio-v0", r"Translati"),
        ("env_kwargs", "{rewrd: bleu}", r"'rewrd'.*Did you mean 'reward'"),
        ("evaluation.split", "tst", r"no split 'tst'.*'test'"),
        ("evaluation.rewards", "[blue]", r"'blue'.*Did you mean 'bleu'"),
        (
            "reinforcement.options.learning_rte",
            "1",
            r"options\.learning_rte is not an argument of PPO.*'learning_rate'",
        ),
        ("reinforcement.options.n_epochs", "x", r"reinforcement\.options\.n_epochs must be a whole number, got 'x'"),
        ("reinforcement.options.learning_rate", "x", r"options\.learning_rate must be a number, got 'x'"),
        ("reinforcement.options.seed", "1", r"reinforcement\.options\.seed is set by the training run"),
        ("reinforcement.options.rollout_responses", "9", r"rollout_responses must be a multiple of the 8 lanes"),
        ("reinforcement.options.batch_size", "1", r"batch_size counts tokens"),
        ("reinforcement.options.learning_rate", "-1", r"options\.learning_rate must be positive, got -1"),
        ("temperature", ".inf", r"temperature must be positive and finite, got inf"),
        ("truncation.top_p", "1.5", r"top_p is a probability in \(0, 1\], got 1.5"),
        ("lora.ranks", "8", r"lora has no option 'ranks'\. Did you mean 'rank'"),
        ("device", "cuda77", r"device 'cuda77' cannot be used"),
        ("model.n_layr", "1", r"gpt2 has no option 'n_layr'\. Did you mean 'n_layer'"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(tmp_path, key, value, message):
    folder = tmp_path / "run"
    with pytest.raises(Exception, match=message):
        train(tiny(tmp_path, ("run_folder", str(folder)), (key, value)))
    assert not folder.exists()


def test_reinforcement_alone_with_a_constant_reward(tmp_path):
    said = []
    overrides = [("warm_start.enabled", "false"), ("reinforcement.constant_reward", "true")]
    overrides += [("reinforcement.algorithm", "A2C"), ("reinforcement.options", "{}"), ("evaluation.examples", "0")]
    path = train(tiny(tmp_path, ("run_folder", str(tmp_path / "run")), *overrides), said.append)
    lines = [line for line in RunFolder(path).metrics().read() if "rollout/ep_rew_mean" in line]
    assert {line["rollout/ep_rew_mean"] for line in lines} == {1.0}
    assert list(json.loads((path / "evaluation.json").read_text())["rows"]) == ["untrained", "A2C"]
    assert "responses differ" not in "\n".join(said)


def test_groups_adapters_and_truncation_go_through_a_whole_run(tmp_path):
    pytest.importorskip("peft", reason="the extra 'lora' is not installed")
    overrides = [("reinforcement.algorithm", "GRPO"), ("reinforcement.total_timesteps", "200")]
    overrides += [("reinforcement.options", "{kl_coef: 0.05, slots: 7, part_size: 20}"), ("evaluation.examples", "0")]
    overrides += [("lora", "{rank: 2}"), ("truncation", "{top_p: 0.9}")]
    path = train(tiny(tmp_path, ("run_folder", str(tmp_path / "run")), *overrides), lambda line: None)
    for phase in ("warm-start", "reinforcement"):
        kwargs = json.loads((path / "checkpoints" / phase / "policy.json").read_text())["kwargs"]
        assert kwargs["lora"]["rank"] == 2
        assert kwargs["truncation"]["top_p"] == 0.9
    rows = json.loads((path / "evaluation.json").read_text())["rows"]
    assert "GRPO" in rows


def test_only_the_paid_environment_of_the_control_has_the_constant_reward(tmp_path):
    setup = make_setup(tiny(tmp_path, ("reinforcement.constant_reward", "true")))
    assert setup.train_env.venv.episodes.reward.name == "edit_similarity"
    assert setup.paid_env.venv.episodes.reward(["x"], [Sample("a", ("b",))]) == [constant_reward("x", Sample("a"))]


def test_a_failed_continuation_is_reported_and_the_rest_goes_on(tmp_path):
    said = []
    elsewhere = ("env", "test/Letters-v0")  # known here, and not to the other process, which imports no test
    path = train(tiny(tmp_path, ("run_folder", str(tmp_path / "run")), elsewhere), said.append)
    evaluation = json.loads((path / "evaluation.json").read_text())
    assert list(evaluation["rows"]) == ["untrained", "warm start", "PPO"]
    problem = r"warm start failed: exit code 1, .*Namespace.*\(see .*warm-start-continued\.log\)"
    assert re.search(problem, evaluation["problem"])
    assert re.search(f"warning: the continued {problem}", "\n".join(said))


def test_objects_in_a_configuration_are_refused_before_anything_is_made(tmp_path):
    config = RunConfig(ENV, env_kwargs={"reward": constant_reward}, run_folder=str(tmp_path / "run"))
    with pytest.raises(ConfigError, match=r"got <function constant_reward.*register_reward"):
        train(config)
    assert not (tmp_path / "run").exists()


def test_the_learning_rate_rises_and_falls_with_tokens_or_time(monkeypatch):
    schedule = WarmupDecay(2.0, warmup_fraction=0.1, max_seconds=100)
    assert [schedule(1 - done) for done in (0, 0.05, 0.1, 0.55, 1)] == pytest.approx([0, 1, 2, 1, 0])
    schedule.watch = SimpleNamespace(seconds=55.0)  # half of the time from its tenth on
    assert schedule(1.0) == pytest.approx(2 * 0.5 / 0.9)
    assert schedule(0.1) == pytest.approx(0.2 / 0.9)
    for seconds in (100.0, 300.0):
        schedule.watch.seconds = seconds
        assert schedule(1.0) == 0.0


def test_a_clock_that_is_behind_the_tokens_changes_nothing():
    schedule = WarmupDecay(2.0, warmup_fraction=0.1, max_seconds=100)
    alone = [schedule(1 - done / 50) for done in range(51)]
    schedule.watch = SimpleNamespace(seconds=0.0)
    for done, rate in enumerate(alone):
        schedule.watch.seconds = 0.9 * done * 2 + 9.9
        assert schedule(1 - done / 50) == rate


def test_the_run_folder_is_named_after_environment_time_and_seed(tmp_path):
    assert re.fullmatch(r"runs/Letters-v0-\d{8}T\d{6}Z-s0", str(default_path(tiny(tmp_path))))


def test_train_and_demo_make_their_configuration(tmp_path, monkeypatch, capsys):
    made = []
    monkeypatch.setattr("agents.train.train", made.append)
    assert demo(["--seed", "3", "--constant-reward", "--run-folder", str(tmp_path)]) == 0
    assert train_command([ENV, "--preset", "demo", "--seed", "4"]) == 0
    assert [(c.env, c.seed, c.reinforcement.constant_reward, c.run_folder) for c in made] == [
        ("textgym/Translation-v0", 3, True, str(tmp_path)),
        (ENV, 4, False, None),
    ]
    assert train_command([ENV, "--print_config"]) == 0
    assert f"env: {ENV}" in capsys.readouterr().out
    assert train_command(["--help"]) == 0
    assert "usage: textgym train" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"unrecognized arguments: --sed: see textgym demo --help"):
        demo(["--sed"])


def test_eval_scores_a_plain_model_folder(shared_data, capsys):
    assert evaluate([str(shared_data / "stories260k"), "--env", ENV, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["count"] == 8
    assert 0 <= report["scores"][0]["corpus"] < 0.9
