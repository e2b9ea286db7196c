"""Data sets of the hub, through the real library and a hub on this machine; and without a network."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from textgym import make_task
from textgym.data import load_data
from textgym.errors import ConfigError

datasets = pytest.importorskip("datasets", reason='the hub needs pip install "textgym[hub]"')

from tests.data.fake_hub import COMMIT, serve  # noqa: E402

LIKE = make_task("translation")

# the library reads its settings when it is imported, so that each hub needs a process of its own
PROGRAM = """
import json, pickle, sys
from textgym import make_task
from textgym.data import fingerprint, load_data
from textgym.errors import TextGymError
told = []
for data, options in json.loads(sys.argv[1]):
    try:
        task = load_data("hub:" + data, make_task("translation"), **options)
        again = pickle.loads(pickle.dumps(task))
        told.append({
            "origin": task.origin, "size": len(pickle.dumps(task)), "fingerprint": fingerprint(task, "train"),
            "rows": {split: [(s.prompt, *s.references) for s in again.samples(split)] for split in task.splits},
        })
    except TextGymError as error:
        told.append(f"{type(error).__name__}: {error}")
print(json.dumps(told))
"""


def ask(home, address, calls, **settings):
    """Load data in a process that knows the hub at an address; return what came of each call."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_OFFLINE"))}
    own |= {"HF_HOME": str(home), "HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-c", PROGRAM, json.dumps(calls)]
    out = subprocess.run(program, capture_output=True, text=True, env=own | settings)
    assert out.returncode == 0, out.stderr
    assert "Retry" not in out.stderr  # each try of the library would take longer than the one before
    return json.loads(out.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def online(home):
    calls = {
        "plain": ("user/name", {}),
        "commit": ("user/name", {"revision": COMMIT}),
        "tag": ("user/name", {"revision": "v2"}),
        "config": ("user/name", {"config": "other"}),
        "absent": ("user/nobody", {}),
        "script": ("user/script", {}),
        "archive": ("user/archive", {}),
    }
    return dict(zip(calls, ask(home, serve(), list(calls.values())), strict=True))


ROWS = {"train": [["a", "x"], ["b", "y"]], "validation": [["c", "z"]]}
ORIGIN = {"hub": "user/name", "config": "default", "revision": COMMIT}


@pytest.mark.parametrize("call", ["plain", "commit"])
def test_splits_are_read_and_what_was_resolved_is_recorded(online, call):
    told = online[call]
    assert (told["rows"], told["origin"]) == (ROWS, ORIGIN)
    assert told["fingerprint"] == f"hub:user/name@{COMMIT}:default:train"
    assert told["size"] < 10_000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("tag", "DataError: The data set 'user/name' of the hub has no revision 'v2': check revision="),
        ("config", "DataError: The data set 'user/name' of the hub cannot be used: BuilderConfig 'other' not found"),
        ("absent", "DataError: The hub has no data set 'user/nobody', or does not show it to you"),
        (
            "script",
            "DataError: The data set 'user/script' of the hub is a script, and scripts are never run: try revis",
        ),
        ("archive", "DataError: The data set 'user/archive' of the hub"),
    ],
)
def test_what_the_hub_does_not_have_or_may_not_be_read_is_told(online, call, message):
    assert online[call].startswith(message)


@pytest.mark.parametrize(
    ("address", "settings"),
    [("http://127.0.0.1:9", {}), ("http://hub.invalid", {"HF_HUB_OFFLINE": "1"})],
    ids=["no network", "offline mode"],
)
def test_without_a_network_the_cache_serves_and_what_it_lacks_is_told_at_once(online, home, address, settings):
    calls = [("user/name", {}), ("user/name", {"revision": COMMIT}), ("user/name", {"revision": "b" * 40})]
    calls += [("user/name", {"revision": "v2"}), ("user/other", {"config": "big"})]
    cached, pinned, moved, tag, absent = ask(home, address, calls, **settings)
    for told in (cached, pinned):
        assert (told["rows"], told["origin"]) == (ROWS, ORIGIN)
    assert f"the cache holds 'user/name' at {COMMIT}, not at revision='{'b' * 40}': pass that commit" in moved
    assert f"at {COMMIT}, which may or may not be revision='v2'" in tag
    assert absent.startswith("DataError: The hub cannot be reached (")
    assert f"and {home}/datasets does not hold the data set 'user/other'" in absent
    assert "datasets.load_dataset('user/other', 'big')" in absent
    assert "put its parquet files into a folder as train.parquet" in absent


@pytest.mark.parametrize("name", ["", "a/b/c", "../etc/passwd", "user/..", "/etc", "user/na me", "user/"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(ConfigError, match="names no data set of the hub: write hub:user/name"):
        load_data(f"hub:{name}", LIKE)


def test_options_of_the_hub_are_refused_elsewhere():
    with pytest.raises(ConfigError, match="config= and revision= belong to a data set of the hub"):
        load_data([{"prompt": "a", "reference": "b"}], LIKE, revision="main")
