"""Programs that answer in every wrong way, and in the right one; and rewards in processes of their own."""

import copy
import os
import pickle
import sys
import time

import pytest

from textgym.core import Sample
from textgym.errors import ConfigError, RewardError
from textgym.rewards import make_reward, outside
from textgym.rewards.command import CommandReward
from textgym.rewards.isolated import Isolated
from textgym.rewards.judge import judge

SAMPLES = [Sample(f"prompt {i}", ("a cat sat",)) for i in range(5)]
RESPONSES = ["", "a", "é\n", "aaa\ud800", "aaaa"]
READ = "import json, os, sys, time\nfor n, line in enumerate(sys.stdin):\n    q = json.loads(line)\n"
GOOD = "print(json.dumps({'scores': [len(t) / 10 for t in q['responses']]}), flush=True)"


@pytest.fixture
def program(monkeypatch):
    """Make rewards of programs ``body`` of which runs for each question, and end them."""
    monkeypatch.setattr(outside, "FIRST_PAUSE", 0.01)
    made = []

    def make(body, before="", **options):
        made.append(CommandReward([sys.executable, "-c", before + READ + "    " + body], **options))
        return made[-1]

    yield make
    for reward in made:
        reward.close()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_one_program_answers_all_batches(program):
    reward = program("open(sys.argv[0] if 0 else os.devnull); " + GOOD, batch_size=2)
    for _ in range(2):
        assert judge(reward, RESPONSES, SAMPLES).tolist() == [0, 0.1, 0.2, 0.4, 0.4]
    assert len(reward._idle) == 1


def test_workers_keep_the_order(program):
    reward = program(GOOD, batch_size=1, workers=2)
    assert judge(reward, RESPONSES, SAMPLES).tolist() == [0, 0.1, 0.2, 0.4, 0.4]
    assert len(reward._idle) == 2


def test_a_question_of_many_megabytes_does_not_block(program):
    reward = program(GOOD, before="import time; time.sleep(0.2)\n", bounds=(0, 1e9))
    assert judge(reward, ["a" * 5_000_000], SAMPLES[:1]).tolist() == [500_000]


def test_a_program_that_hangs_is_killed_with_its_children(program, tmp_path):
    note = tmp_path / "child"
    body = (
        "import subprocess; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    reward = program(body, timeout=5, retries=0)
    with pytest.raises(RewardError, match="gave no answer within 5 s"):
        judge(reward, RESPONSES, SAMPLES)
    deadline = time.monotonic() + 10
    while alive(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(note.read_text()))


def test_a_program_that_was_killed_is_named_and_replaced(program):
    reward = program("os.kill(os.getpid(), 9) if n == 1 else " + GOOD, retries=0)
    assert judge(reward, ["a"], SAMPLES[:1]).tolist() == [0.1]
    with pytest.raises(RewardError, match=r"the program .* was killed by SIGKILL\."):
        judge(reward, ["a"], SAMPLES[:1])
    assert judge(reward, ["a"], SAMPLES[:1]).tolist() == [0.1]
    patient = program("os.kill(os.getpid(), 9) if n == 1 else " + GOOD, retries=1)
    for _ in range(4):  # every second question kills a program, and another one answers
        assert judge(patient, ["a"], SAMPLES[:1]).tolist() == [0.1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('lost')", r"ended with code 1\. Its last words: .*KeyError: 'lost'"),
        ("sys.exit(3)", r"ended with code 3\."),
        ("print('hello', flush=True)", "the answer is no JSON: .* got b'hello'"),
        ("print('{\"scores\": [1]}', flush=True)", "the answer must have 5 scores, one for each response, got 1"),
        ('print(\'{"error": "no"}\', flush=True)', "the other side says: no"),
        ("print('x' * 2**21, flush=True)", "answers with more than 1048576 bytes"),
        ("print('{\"scores\": [0, 0, 0, Infinity, 0]}', flush=True)", "broke its contract at row 3 .*'prompt 3'"),
    ],
)
def test_wrong_programs_are_errors_that_say_what_came(program, body, message):
    with pytest.raises(RewardError, match=message):
        judge(program(body, retries=0), RESPONSES, SAMPLES)


def test_senseless_commands_are_refused():
    with pytest.raises(RewardError, match=r"the program 'no-such-program' cannot be started: .*No such file"):
        judge(CommandReward("no-such-program --x"), ["a"], SAMPLES[:1])
    for command in ("", [], "'", 5, ["a\0b"], [1]):
        with pytest.raises(ConfigError, match="The command of a reward"):
            CommandReward(command)


def test_a_text_may_start_a_program_only_where_that_was_permitted(monkeypatch):
    monkeypatch.setattr("textgym.permissions._permitted", [])
    with pytest.raises(
        ConfigError, match=r"'touch /tmp/x' would start a program, .* in code, pass CommandReward\(command\)"
    ):
        make_reward("0.5*command(command='touch /tmp/x')")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda reward: pickle.loads(pickle.dumps(reward))])
def test_copies_start_programs_of_their_own(program, copied):
    reward = program(GOOD)
    judge(reward, ["a"], SAMPLES[:1])
    twin = copied(reward)
    assert twin._idle == []
    assert judge(twin, ["a"], SAMPLES[:1]).tolist() == [0.1]
    twin.close()


# --- rewards in processes of their own -------------------------------------------------------------------------------


def test_an_isolated_reward_is_the_reward_itself():
    texts = ["a cat sat", "a cat", "", "a dog sat there", "\ud800"]
    inner = make_reward("0.5*bleu + 0.5*chrf")
    reward = make_reward("isolated(spec='0.5*bleu + 0.5*chrf', workers=2, batch_size=2)")
    try:
        assert judge(reward, texts, SAMPLES).tolist() == judge(inner, texts, SAMPLES).tolist()
        assert (reward.name, reward.bounds, reward.scale) == (inner.name, inner.bounds, inner.scale)
        assert reward.signature == inner.signature
        assert reward.needs_references
    finally:
        reward.close()


def test_an_error_in_the_other_process_comes_with_its_words():
    with pytest.raises(ConfigError, match=r"cannot be made in a process of its own: Unknown reward 'blue'"):
        Isolated("blue")
    reward = Isolated("bleu")
    try:
        with pytest.raises(RewardError, match="the other side says: The reward 'bleu' needs at least one reference"):
            judge(reward, ["a"], [Sample("p")])
        assert judge(reward, ["a cat sat"], SAMPLES[:1]).tolist() == [1.0]
    finally:
        reward.close()


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(ConfigError, match="made of text or a dict of JSON values"):
        Isolated(print)
    with pytest.raises(ConfigError, match="leave them out"):
        Isolated("bleu", name="x")
