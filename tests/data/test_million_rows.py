"""A million rows of each format: what opening and the first episodes cost, in a process of their own.

``pytest -m slow -s tests/data/test_million_rows.py`` prints seconds and megabytes.
"""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is read from /proc"),
]

ROWS = 1_000_000
WORDS = ["the", "a", "man", "woman", "dog", "runs", "near", "house", "Straße", "grün", "tree", "naïve", "quickly"]
PROGRAM = """
import json, os, re, sys, time
import gymnasium as gym, textgym
from textgym.data import lazy
try:
    import pyarrow.parquet
except ImportError:
    pass
parsed = 0
def counted(self, raw, parse=lazy.LazySamples._parse):
    global parsed
    parsed += 1
    return parse(self, raw)
lazy.LazySamples._parse = counted
def peak():  # kB; the resource module would tell the parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = peak()
begun, used = time.perf_counter(), time.process_time()
make = lambda: gym.make(
    "textgym/Translation-v0", data=json.loads(sys.argv[1]), tokenizer="byte", max_prompt_tokens=200, max_new_tokens=2
).unwrapped
env = make()
opened, opened_cpu = time.perf_counter() - begun, time.process_time() - used
at_opening, rows = parsed, env.num_samples
env.reset(seed=0)
after = peak()
used = time.process_time()
for seed in range(500):
    env.reset(seed=seed)
reset = (time.process_time() - used) / 500
print(json.dumps({"rows": rows, "seconds": opened, "cpu": opened_cpu, "mb": (after - before) / 1024,
                  "parsed": at_opening, "reset_us": reset * 1e6}))
"""


def texts():
    dice = random.Random(0)
    phrases = [" ".join(dice.choices(WORDS, k=10)) for _ in range(1_000)]
    for i in range(ROWS):
        yield f"{phrases[i % 997]} {i} {phrases[i % 7]}", phrases[i % 991]


def write_jsonl(path: Path) -> object:
    with open(path / "rows.jsonl", "w", encoding="utf-8") as file:
        for prompt, reference in texts():
            file.write(json.dumps({"prompt": prompt, "references": [reference]}, ensure_ascii=False) + "\n")
    return str(path / "rows.jsonl")


def write_csv(path: Path, suffix: str = ".csv", **dialect) -> object:
    with open(path / f"rows{suffix}", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, **dialect).writerows([("prompt", "references"), *texts()])
    return str(path / f"rows{suffix}")


def write_tsv(path: Path) -> object:
    return write_csv(path, ".tsv", delimiter="\t")


def write_quoted_csv(path: Path) -> object:
    return write_csv(path, quoting=csv.QUOTE_ALL)


def write_parallel(path: Path, gz: str = "") -> object:
    names = [str(path / f"train.{language}{gz}") for language in ("en", "de")]
    for column, name in enumerate(names):
        text = "".join(f"{row[column]}\n" for row in texts()).encode()
        Path(name).write_bytes(gzip.compress(text, 1) if gz else text)
    return {"prompt": names[0], "references": [names[1]]}


def write_parallel_gz(path: Path) -> object:
    return write_parallel(path, ".gz")


def write_parquet(path: Path, rows: int = 10_000) -> object:
    pyarrow = pytest.importorskip("pyarrow", reason='parquet needs pip install "textgym[hub]"')
    import pyarrow.parquet as pq

    prompts, references = zip(*texts(), strict=True)
    table = pyarrow.table({"prompt": prompts, "references": references})
    pq.write_table(table, path / "rows.parquet", row_group_size=rows)
    return str(path / "rows.parquet")


def write_parquet_in_one_group(path: Path) -> object:
    return write_parquet(path, ROWS)


@pytest.mark.parametrize(
    "write",
    [
        write_jsonl,
        write_csv,
        write_quoted_csv,
        write_tsv,
        write_parallel,
        write_parallel_gz,
        write_parquet,
        write_parquet_in_one_group,
    ],
)
def test_a_million_rows_open_without_being_read(write, tmp_path):
    data = json.dumps(write(tmp_path))
    cache = {"TEXTGYM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", PROGRAM, data], capture_output=True, text=True, env=os.environ | cache)
    assert out.returncode == 0, out.stderr
    told = json.loads(out.stdout)
    print(f"\n{write.__name__}: " + ", ".join(f"{name} {value:,.2f}" for name, value in told.items()))
    assert told["rows"] == ROWS
    assert told["parsed"] <= 10_000 + 2  # the checked ones, and the sample of the environment's own check
    assert told["mb"] < 300 + 24  # the index is 8 MB for each file
