"""What reinforcement adds on Multi30k: ``python -m benchmarks.multi30k_study RUNS DATA --jobs 2``.

One warm start, stopped at its plateau, is shared by all; from it PPO, A2C and, as the control of Choshen et al. (2020),
PPO with a constant reward each learn from as many tokens as they get through in 30 minutes on a quiet core, three seeds
each. No budget is in seconds, so that a busy machine changes no number. DATA is the folder that ``python -m
benchmarks.multi30k`` writes.

Before and after: BLEU, chrF and length of greedy and of sampled responses, entropy, and KL divergence from the warm
start, on validation and on test. One JSON line a cell goes to ``results/multi30k_study.jsonl``; a cell that has its
line is not run again, and one that was interrupted goes on where it was. With --minutes the command stops after so
long; given again, it goes on.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from benchmarks.study import Runner, Settings, Study
from benchmarks.study_table import study_table
from benchmarks.textgym_command import TextgymCommand

RESULTS = Path(__file__).parent / "results" / "multi30k_study.jsonl"

COMMON: Settings = {
    "preset": "multi30k",
    "warm_start.max_seconds": "null",
    "reinforcement.max_seconds": "null",
    "evaluation.curve_every_seconds": "600",
    "evaluation.examples": "0",
}
WARM_START: Settings = {"warm_start.total_timesteps": "9_000_000", "warm_start.patience": "20"}
TOKENS = "4_500_000"  # at 2,350 to 2,600 a second, as A2C and PPO learn on one core of 2026, half an hour
PPO: Settings = {"reinforcement.total_timesteps": TOKENS}
A2C: Settings = {
    "reinforcement.algorithm": "A2C",
    "reinforcement.total_timesteps": TOKENS,
    # one step on all tokens of a rollout: smaller rollouts, so that there are as many steps as PPO takes
    "num_envs": "64",
    "reinforcement.options": "{learning_rate: 2e-4, gae_lambda: 0.95, max_grad_norm: 1.0, kl_coef: 0.02}",
}
LEARNERS: Mapping[str, Settings] = {
    "PPO": PPO,
    "A2C": A2C,
    "constant reward": PPO | {"reinforcement.constant_reward": "true"},
}


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="where the run folders go; a finished warm start may stand in it")
    parser.add_argument("data", type=Path, help="the folder of benchmarks.multi30k")
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time, one core each")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 3), metavar=("FIRST", "END"))
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of lines (default: %(default)s)")
    arguments = parser.parse_args()
    study = Study(
        runs=arguments.runs.resolve(),
        results=arguments.results,
        common={**COMMON, "env_kwargs.data": str(arguments.data.resolve())},
        warm_start=WARM_START,
        learners=LEARNERS,
        seeds=tuple(range(*arguments.seeds)),
    )
    signal.signal(signal.SIGTERM, _terminate)
    finished = Runner(study, TextgymCommand(arguments.minutes)).run(arguments.jobs)
    print(study_table(study))
    if not finished:
        sys.exit("something is left to be done: the same command goes on with it")


def _terminate(*_: object) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    main()
