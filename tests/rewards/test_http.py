"""A server on this machine that answers in every wrong way, and in the right one."""

import json
import pickle
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from textgym.core import Sample
from textgym.errors import ConfigError, RewardError
from textgym.permissions import permit
from textgym.rewards import make_reward, outside
from textgym.rewards.http import HttpReward
from textgym.rewards.judge import judge

SAMPLES = [Sample(f"prompt {i}", ("a", "b"), {"id": i, "set": {1}}) for i in range(5)]
RESPONSES = ["", "a", "aa\ud800", "aaa", "aaaa"]


class Server(ThreadingHTTPServer):
    """Replies with what ``script`` gives for the n-th request: a status, headers and a body, or a function."""

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.questions = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/score?x=1"

    def handle_error(self, request, client_address):
        """A client that goes away is no error here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.questions.append((self.path, dict(self.headers), question))
        reply = self.server.script(len(self.server.questions) - 1, question)
        if callable(reply):
            reply(self)
            return
        status, headers, body = reply
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def good(question):
    return 200, {}, json.dumps({"scores": [len(text) / 10 for text in question["responses"]]}).encode()


@pytest.fixture
def serve(monkeypatch):
    """Start servers, and end them; pauses between attempts are short."""
    monkeypatch.setattr(outside, "FIRST_PAUSE", 0.01)
    servers = []

    def start(script):
        server = Server(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_scores_come_in_batches_and_in_order(serve):
    server = serve(lambda n, question: good(question))
    reward = HttpReward(server.url, batch_size=2, headers={"Authorization": "Bearer secret"})
    assert judge(reward, RESPONSES, SAMPLES).tolist() == [0, 0.1, 0.3, 0.3, 0.4]
    assert [len(question["responses"]) for _, _, question in server.questions] == [2, 2, 1]
    path, headers, question = server.questions[0]
    assert (path, headers["Authorization"]) == ("/score?x=1", "Bearer secret")
    assert question["prompts"] == ["prompt 0", "prompt 1"]
    assert question["references"] == [["a", "b"]] * 2
    assert question["metadata"] == [{"id": 0, "set": "{1}"}, {"id": 1, "set": "{1}"}]
    assert "secret" not in repr(reward) + reward.signature


def test_several_questions_at_a_time_keep_the_order(serve):
    server = serve(lambda n, question: good(question))
    reward = HttpReward(server.url, batch_size=1, workers=3)
    assert judge(reward, RESPONSES * 4, SAMPLES * 4).tolist() == [0, 0.1, 0.3, 0.3, 0.4] * 4


def test_it_is_a_reward_by_name_in_expressions(serve):
    server = serve(lambda n, question: good(question))
    reward = make_reward(f"1 - 0.5*cached(http(url='{server.url}', batch_size=10))")
    for _ in range(2):
        assert reward(RESPONSES, SAMPLES) == pytest.approx([1, 0.95, 0.85, 0.85, 0.8])
    assert len(server.questions) == 1
    assert reward.bounds == (0.5, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_when_it_says(serve, status):
    server = serve(lambda n, question: (status, {"Retry-After": "0"}, b"busy") if n < 2 else good(question))
    assert judge(HttpReward(server.url), ["aaa"], SAMPLES[:1]).tolist() == [0.3]
    assert len(server.questions) == 3


def drop(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"scores"')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("fault", [drop, cut_off])
def test_a_connection_that_breaks_is_tried_again(serve, fault):
    server = serve(lambda n, question: fault if n < 1 else good(question))
    assert judge(HttpReward(server.url), ["aaa"], SAMPLES[:1]).tolist() == [0.3]
    assert len(server.questions) == 2


@pytest.mark.parametrize(
    ("reply", "asked", "message"),
    [
        ((500, {}, b"oops"), 4, r"answers with status 500 .*: b'oops'\. \(4 attempts\)"),
        ((404, {}, b"where?"), 1, r"answers with status 404 .*: b'where\?'\."),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), 1, "answers with status 302"),
        ((200, {}, b"<html>"), 1, "the answer is no JSON: .* got b'<html>'"),
        ((200, {}, b"[1]"), 1, r"the answer must be \{\"scores\": \[\.\.\.\]\}, got b'\[1\]'"),
        ((200, {}, b'{"scores": [1, 1]}'), 1, "the answer must have 1 scores, one for each response, got 2"),
        ((200, {}, b'{"scores": []}'), 1, "the answer must have 1 scores, one for each response, got 0"),
        ((200, {}, b'{"error": "no such model"}'), 1, "the other side says: no such model"),
        ((200, {}, b" " * (2**20 + 1)), 1, "answers with more than 1048576 bytes"),
        ((200, {}, b"[" * 100_000), 1, "the answer is no JSON"),
        ((200, {}, b'{"scores": [NaN]}'), 1, r"'http' broke its contract at row 0 .*: scores must be finite, got nan"),
        ((200, {}, b'{"scores": [2]}'), 1, r"broke its contract at row 0 .*: scores must lie in \[0, 1\], got 2"),
        (
            (200, {}, b'{"scores": [null]}'),
            1,
            "broke its contract at row 0 .*: each score must be one real number, got None",
        ),
        (
            (200, {}, b'{"scores": ["1"]}'),
            1,
            "broke its contract at row 0 .*: each score must be one real number, got str",
        ),
    ],
)
def test_wrong_answers_are_errors_that_say_what_came(serve, reply, asked, message):
    server = serve(lambda n, question: reply)
    with pytest.raises(RewardError, match=message):
        judge(HttpReward(server.url), ["a"], SAMPLES[:1])
    assert len(server.questions) == asked


def trickle(handler):
    """One byte of a header at a time, each well within a socket's own timeout."""
    for _ in range(200):
        handler.wfile.write(b"X")
        handler.wfile.flush()
        time.sleep(0.02)


def trickle_body(handler):
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    trickle(handler)


@pytest.mark.parametrize("fault", [trickle, trickle_body, lambda handler: time.sleep(2)])
def test_a_server_that_takes_its_time_is_cut_off(serve, fault):
    server = serve(lambda n, question: fault)
    start = time.monotonic()
    with pytest.raises(RewardError, match=r"gave no whole answer within 0\.2 s|timed out"):
        judge(HttpReward(server.url, timeout=0.2, retries=0), ["a"], SAMPLES[:1])
    assert time.monotonic() - start < 2  # ten times the limit, for a busy machine


def test_patience_bounds_all_attempts_and_the_pauses_that_a_server_asks_for(serve):
    server = serve(lambda n, question: (503, {"Retry-After": "3600"}, b""))
    start = time.monotonic()
    with pytest.raises(RewardError, match="status 503"):
        judge(HttpReward(server.url, patience=0.3), ["a"], SAMPLES[:1])
    assert time.monotonic() - start < 10
    assert len(server.questions) == 1  # an hour is longer than the patience


def test_nobody_there():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(RewardError, match=rf"the server 127\.0\.0\.1:{port}: ConnectionRefusedError"):
        judge(HttpReward(f"http://127.0.0.1:{port}", retries=0), ["a"], SAMPLES[:1])


def test_on_error_floor_counts_and_gives_up_after_five_in_a_row(serve):
    server = serve(lambda n, question: (500, {}, b"") if n != 3 else good(question))
    reward = HttpReward(server.url, batch_size=1, retries=0, on_error="floor", bounds=(-1, 1))
    with pytest.warns(UserWarning, match="The reward 'http' gave no scores: 1 responses get -1"):
        scores = judge(reward, RESPONSES, SAMPLES)
    assert scores.tolist() == [-1, -1, -1, 0.3, -1]  # one answer starts the count anew
    assert reward.faults == 4
    told = pytest.raises(RewardError, match="gave no scores 5 times in a row, so it is asked no more")
    with pytest.warns(UserWarning, match="gave no scores"), told:
        judge(reward, RESPONSES, SAMPLES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://x/"}, "The url of a reward is http://host:port/path"),
        ({"url": "http://user:pw@127.0.0.1/"}, "without a user name"),
        ({"url": "http://127.0.0.1:99999/"}, "cannot be read: Port out of range"),
        ({"url": 5}, "The url of a reward"),
        ({"url": "http://127.0.0.1/", "tiemout": 3}, "has no option 'tiemout'. Did you mean 'timeout'?"),
        ({"url": "http://127.0.0.1/", "timeout": 0}, "timeout is in seconds, above 0"),
        ({"url": "http://127.0.0.1/", "batch_size": 0}, "batch_size must be at least 1, got 0."),
        ({"url": "http://127.0.0.1/", "bounds": (1, 0)}, "The lower bound must be below the upper one"),
        ({"url": "http://127.0.0.1/", "bounds": 1}, "bounds are two numbers"),
        ({"url": "http://127.0.0.1/", "on_error": "skip"}, "on_error cannot be 'skip'."),
        ({"url": "http://127.0.0.1/", "on_error": "floor", "bounds": (-np.inf, 1)}, "needs a finite lower bound"),
    ],
)
def test_senseless_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        HttpReward(**options)
    assert "pw" not in str(caught.value)


def test_a_text_may_name_another_machine_only_where_that_was_permitted(monkeypatch):
    monkeypatch.setattr("textgym.permissions._permitted", [])
    text = "0.5*http(url='https://judge.example/score')"
    with pytest.raises(ConfigError, match=r"'https://judge\.example/score' would send texts to another machine"):
        make_reward(text)
    HttpReward("https://judge.example/score")  # in code, nothing is asked before there is a response
    permit(text)
    assert make_reward(text).bounds == (0, 0.5)
    with pytest.raises(ConfigError, match="another machine"):
        make_reward("http(url='https://judge.example/score/all')")


def test_it_pickles(serve):
    server = serve(lambda n, question: good(question))
    reward = pickle.loads(pickle.dumps(HttpReward(server.url)))
    assert judge(reward, ["a"], SAMPLES[:1]).tolist() == [0.1]
