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
from statistics import fmean
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


def counts(lines: list[dict[str, Any]]) -> str:
    """Return in how many seeds learning has raised BLEU over the warm start, as a Markdown table."""
    columns = ("", "sampled: intervals apart", "greedy: not below", "mean gain, sampled", "mean gain, greedy")
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    return "\n".join([head, *(_counts(name, lines) for name in ("PPO", "constant reward"))])


def _counts(name: str, lines: list[dict[str, Any]]) -> str:
    pairs = {
        mode: [(_bleu(line["rows"]["warm start"], mode), _bleu(line["rows"][name], mode)) for line in lines]
        for mode in ("greedy", "sampled")
    }
    apart = sum(after["corpus_interval"][0] > before["corpus_interval"][1] for before, after in pairs["sampled"])
    kept = sum(after["corpus"] >= before["corpus"] for before, after in pairs["greedy"])
    gains = {mode: fmean(after["corpus"] - before["corpus"] for before, after in pairs[mode]) for mode in pairs}
    of = f"of {len(lines)}"
    return f"| {name} | {apart} {of} | {kept} {of} | {gains['sampled']:+.1f} | {gains['greedy']:+.1f} |"


def _cell(row: dict[str, Any] | None, mode: str) -> str:
    if row is None:
        return "-"
    score = _bleu(row, mode)
    low, high = score["corpus_interval"]
    return f"{score['corpus']:.1f} [{low:.1f}, {high:.1f}]"


def _bleu(row: dict[str, Any], mode: str) -> dict[str, Any]:
    score: dict[str, Any] = next(score for score in row[mode]["scores"] if score["name"] == "bleu")
    return score


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
    print(f"{table(read_lines())}\n\n{counts(read_lines())}")


if __name__ == "__main__":
    main()
