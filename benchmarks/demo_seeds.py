"""The demo over several seeds, each with its control: ``python -m benchmarks.demo_seeds RUNS --seeds 0 10 --jobs 2``.

For every seed the demo is run as ``textgym demo`` runs it, then reinforcement once more from the same warm start with a
constant reward (the control of Choshen et al., 2020). One JSON line a seed goes to ``results/demo_seeds.jsonl``; a seed
that has its line is not run again. The time limits are lifted and the token budgets kept, so that a busy machine
changes no number. The row of the continued warm start, whose budget is the time that reinforcement took, is added by
``--continued``.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "demo_seeds.jsonl"
ROWS = ("untrained", "warm start", "warm start continued", "PPO", "constant reward")


def run_seed(seed: int, folder: Path, continued: bool) -> dict[str, Any]:
    """Run one seed and its control; return its line."""
    demo, control = folder / f"seed-{seed}", folder / f"seed-{seed}-constant"
    common = ["--seed", str(seed), "--evaluation.examples", "0"]
    limits = ["--warm_start.max_seconds", "100000", "--reinforcement.max_seconds", "100000"]
    more = ["--evaluation.continued_warm_start", str(continued).lower()]
    _textgym("train", "--preset", "demo", *common, *limits, *more, "--run_folder", str(demo))
    warm = ["--model", str(demo / "checkpoints" / "warm-start"), "--warm_start.enabled", "false"]
    constant = ["--reinforcement.constant_reward", "true", "--evaluation.continued_warm_start", "false"]
    _textgym("train", "--preset", "demo", *common, *limits, *warm, *constant, "--run_folder", str(control))
    evaluation = json.loads((demo / "evaluation.json").read_text())
    evaluation["rows"]["constant reward"] = json.loads((control / "evaluation.json").read_text())["rows"]["PPO"]
    return {"seed": seed, **evaluation}


def _textgym(*arguments: str) -> None:
    command = [sys.executable, "-c", "import sys; from textgym.cli import main; sys.exit(main())", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def table(lines: list[dict[str, Any]]) -> str:
    """Return every seed's BLEU, greedy and sampled, with 95% intervals, as a Markdown table."""
    head = "| seed | mode | " + " | ".join(ROWS) + " |\n|" + "---|" * (len(ROWS) + 2)
    body = [
        f"| {line['seed']} | {mode} | " + " | ".join(_cell(line["rows"].get(name), mode) for name in ROWS) + " |"
        for line in sorted(lines, key=lambda line: int(line["seed"]))
        for mode in ("greedy", "sampled")
    ]
    return "\n".join([head, *body])


def _cell(row: dict[str, Any] | None, mode: str) -> str:
    if row is None:
        return "-"
    score = next(score for score in row[mode]["scores"] if score["name"] == "bleu")
    low, high = score["corpus_interval"]
    return f"{score['corpus']:.1f} [{low:.1f}, {high:.1f}]"


def read_lines() -> list[dict[str, Any]]:
    """Return the lines that are there already."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.is_file() else []


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="where the run folders go")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10), metavar=("FIRST", "END"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--continued", action="store_true")
    arguments = parser.parse_args()
    done = {line["seed"] for line in read_lines()}
    missing = [seed for seed in range(*arguments.seeds) if seed not in done]
    RESULTS.parent.mkdir(exist_ok=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for line in pool.map(lambda seed: run_seed(seed, arguments.runs, arguments.continued), missing):
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(f"seed {line['seed']} done", flush=True)
    print(table(read_lines()))


if __name__ == "__main__":
    main()
