import io
import re
import time
from types import SimpleNamespace

from agents import PPO, TransformerPolicy, make_vec_env
from agents.runs.callbacks import MetricsWriter, Stopwatch, TimeLimit
from agents.runs.metrics_file import MetricsFile
from agents.runs.progress import ProgressBar
from tests.agents.tiny import MODELS


def learn(*callbacks, tokens=2000):
    envs = make_vec_env("test/Letters-v0", num_envs=8)
    model = PPO(TransformerPolicy, envs, batch_size=16, policy_kwargs={"model": MODELS["gpt2"]}, seed=0)
    return model.learn(tokens, callback=list(callbacks))


def test_a_time_limit_stops_learning_and_leaves_pauses_out():
    model = learn(TimeLimit(0.3), tokens=10**9)
    assert 0 < model.num_timesteps < 10**6
    watch = Stopwatch()
    with watch.pause():
        time.sleep(0.2)
    assert watch.seconds < 0.1


def test_metrics_that_are_not_finite_are_null(tmp_path):
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    writer = MetricsWriter(metrics, "here", Stopwatch())
    writer.model = SimpleNamespace(num_timesteps=5)
    writer.num_timesteps, writer.first_step = 5, 0
    writer.on_log({"train/explained_variance": float("nan"), "x": 1.5})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"cut')
    (line,) = metrics.read()
    assert (line["phase"], line["step"], line["train/explained_variance"], line["x"]) == ("here", 5, None, 1.5)


def test_nothing_listens_to_the_logger_after_learning(tmp_path):
    model = learn(MetricsWriter(MetricsFile(tmp_path / "m.jsonl"), "PPO", Stopwatch()), tokens=100)
    assert model.logger.output_formats == []


def test_without_a_terminal_progress_is_plain_lines(monkeypatch):
    monkeypatch.setattr("agents.runs.progress.LINE_SECONDS", 0.1)
    stream = io.StringIO()
    learn(ProgressBar("PPO", 400, None, Stopwatch(), stream), tokens=400)
    lines = stream.getvalue().splitlines()
    assert re.fullmatch(r"PPO 100% \d+ s  reward \d\.\d+  length \d\.\d  KL .*  loss .*  [\d,]+ tokens/s", lines[-1])
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_on_a_terminal_progress_is_a_bar(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    learn(ProgressBar("PPO", 200, None, Stopwatch(), stream), tokens=200)
    assert "100%" in stream.getvalue()
    assert "tokens/s" in stream.getvalue()
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is shown again


def test_a_time_limit_counts_anew_when_learning_starts_again():
    limit = TimeLimit(1.0)
    assert learn(limit, tokens=10**9).num_timesteps > 0
    assert learn(limit, tokens=1).num_timesteps > 8  # a limit that is over stops at the first of eight lanes' tokens
