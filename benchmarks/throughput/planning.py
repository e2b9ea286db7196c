"""``python -m benchmarks.throughput.planning``: what ``textgym plan`` says beside what runs take.

Each case runs three iterations, rollout and update, in a process of its own. Counted is what the process grows by, at
its peak, over what it holds with the environment made and everything imported; planned is the peak of both phases.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from agents.planning.plan import make_plan
from agents.planning.workload import Workload, workload_of
from agents.runs.setup import LEARNERS
from benchmarks.throughput import resident
from benchmarks.throughput.workload import FreeReward, Words
from textgym import TokenSpace
from textgym.vector import TextGenerationVectorEnv

GPT2_4M = {"model_type": "gpt2", "n_layer": 4, "n_embd": 256, "n_head": 4, "n_positions": 256}
GPT2_20M = {"model_type": "gpt2", "n_layer": 2, "n_embd": 384, "n_head": 6, "n_positions": 256}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 704,
    "max_position_embeddings": 256,
}
T5 = {"model_type": "t5", "d_model": 256, "d_kv": 64, "d_ff": 1024, "num_layers": 4, "num_heads": 4}
TINY = {"model_type": "gpt2", "n_layer": 1, "n_embd": 32, "n_head": 2, "n_positions": 64}
ITERATIONS, TARGET = 3, 0.25  # of the measured peak
RESULTS = Path(__file__).parents[1] / "results" / "planning.jsonl"


@dataclass(frozen=True)
class Case:
    """A run.

    Attributes:
        model: From scratch.
        vocabulary: V, about.
        tokens: P and T.
        algorithm: The learner's name.
        lanes: Prompts of a rollout.
        options: Of the algorithm.
        kwargs: Of the policy.
    """

    model: dict[str, Any]
    vocabulary: int
    tokens: tuple[int, int]
    algorithm: str
    lanes: int
    options: dict[str, Any] = field(default_factory=dict)
    kwargs: dict[str, Any] = field(default_factory=dict)

    def environment(self, ends: bool = False) -> Any:
        """Return the lanes; responses are of full length, unless an end of text ``ends`` them."""
        from agents.vec_env import TextVecEnv

        task = Words(*self.tokens, self.vocabulary)
        return TextVecEnv(
            TextGenerationVectorEnv(
                num_envs=self.lanes, autoreset_mode="SameStep", task=task, reward=FreeReward(), stop_at_eos=ends
            )
        )

    def algorithm_in(self, env: Any) -> Any:
        """Return the algorithm, about to learn."""
        from agents import TransformerPolicy

        kwargs = {"model": self.model, **self.kwargs}
        learner = LEARNERS[self.algorithm]
        algorithm: Any = learner(TransformerPolicy, env, policy_kwargs=kwargs, seed=0, device="cpu", **self.options)
        algorithm.callback_of_learning = algorithm._setup_learn(10**9)[1]
        return algorithm

    def workload(self, space: TokenSpace) -> Workload:
        """Return what is planned."""
        from agents.config.run_config import ReinforcementConfig, RunConfig

        config = RunConfig(
            env="",
            model=self.model,
            num_envs=self.lanes,
            lora=self.kwargs.get("lora", {}),
            engine=self.kwargs.get("engine", {}),
            reinforcement=ReinforcementConfig(algorithm=self.algorithm, options=self.options),  # type: ignore[arg-type]
        )
        return workload_of(config, space, self.options, imitates=False)


KL = {"kl_coef": 0.1}
CASES = {
    "GPT-2 4M, vocabulary 3.5k, PPO": Case(GPT2_4M, 3500, (32, 64), "PPO", 64, KL | {"batch_size": 1024}),
    "GPT-2 4M, vocabulary 3.5k, GRPO": Case(GPT2_4M, 3500, (32, 64), "GRPO", 16, KL),
    "GPT-2 23M, vocabulary 50k, PPO": Case(GPT2_20M, 50_000, (32, 64), "PPO", 16, KL | {"batch_size": 512}),
    "GPT-2 23M, vocabulary 50k, GRPO": Case(GPT2_20M, 50_000, (32, 64), "GRPO", 4, KL),
    "Llama 7M, grouped heads, vocabulary 8k, PPO": Case(LLAMA, 8000, (64, 64), "PPO", 32, KL | {"batch_size": 1024}),
    "Llama 7M, grouped heads, vocabulary 8k, GRPO": Case(LLAMA, 8000, (64, 64), "GRPO", 8, KL | {"slots": 16}),
    "T5 10M, vocabulary 8k, PPO": Case(T5, 8000, (64, 32), "PPO", 32, KL | {"batch_size": 512}),
    "T5 10M, vocabulary 8k, GRPO in parts": Case(T5, 8000, (64, 32), "GRPO", 8, KL | {"part_size": 512}),
    "GPT-2 4M, GRPO, checkpointed": Case(
        GPT2_4M, 3500, (32, 64), "GRPO", 16, KL, {"engine": {"checkpoint_activations": True}}
    ),
    "GPT-2 4M, GRPO, LoRA": Case(GPT2_4M, 3500, (32, 64), "GRPO", 16, KL, {"lora": {"rank": 8}}),
}


def main() -> None:
    """Plan and measure, print a table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, help="measure one case in this process, and print it as JSON")
    parser.add_argument("--only", default="", help="only the cases with this in their names")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measured(CASES[options.case])))
        return
    lines = []
    for name in CASES:
        if options.only in name:
            lines.append({"case": name, **_in_a_process(name)})
            print(_row(lines[-1]), flush=True)
    options.results.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def measured(case: Case) -> dict[str, Any]:
    """Return the megabytes that were planned, those that a run took, and the error as a share of these."""
    torch.set_num_threads(1)
    _warm_up()
    env = case.environment()
    before = resident.settle()
    algorithm = case.algorithm_in(env)
    for _ in range(ITERATIONS):
        iterate(algorithm)
    taken = resident.peak() - before
    space = env.observation_space
    del algorithm, env
    plan = make_plan(case.workload(space), 10**15)
    return {
        "planned": {peak.phase: round(peak.total / 1e6, 1) for peak in plan.peaks},
        "megabytes": {"planned": round(plan.peak / 1e6, 1), "measured": round(taken / 1e6, 1)},
        "error": round(plan.peak / taken - 1, 3),
        "target": TARGET,
    }


def iterate(algorithm: Any) -> None:
    """Write a rollout and learn from it."""
    callback = algorithm.callback_of_learning
    algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
    algorithm.train()


def _warm_up() -> None:
    """Let everything be imported and every library be ready, on a model that is too small to count."""
    case = Case(TINY, 20, (8, 8), "PPO", 4, KL | {"batch_size": 16})
    iterate(case.algorithm_in(case.environment()))


def _in_a_process(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.throughput.planning", "--case", name]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def _row(line: dict[str, Any]) -> str:
    sizes = line["megabytes"]
    return f"| {line['case']} | {sizes['planned']:.0f} MB | {sizes['measured']:.0f} MB | {100 * line['error']:+.0f}% |"


if __name__ == "__main__":
    main()
