"""One iteration of GRPO, with several responses to each prompt and a reference, against TRL's trainer."""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from agents import GRPO, TransformerPolicy
from agents.vec_env import TextVecEnv
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.trl_trainer import make_trainer
from benchmarks.throughput.workload import GPT2, WORDS, arguments
from textgym.vector import TextGenerationVectorEnv

PROMPTS, GROUP, PROMPT, RESPONSE = 16, 4, 32, 64
BETA, RATE = 0.04, 1e-5
TARGET = 1.9


class Iteration:
    """One iteration of ours: a rollout and an update."""

    def __init__(self) -> None:
        native = TextGenerationVectorEnv(num_envs=PROMPTS, autoreset_mode="SameStep", **arguments(PROMPT, RESPONSE))
        self.algorithm = GRPO(
            TransformerPolicy,
            TextVecEnv(native),
            responses_per_prompt=GROUP,
            kl_coef=BETA,
            learning_rate=RATE,
            policy_kwargs={"model": GPT2},
            seed=0,
            device="cpu",
        )
        self.callback = self.algorithm._setup_learn(10**9)[1]

    def __call__(self) -> None:
        """Learn from one rollout."""
        algorithm = self.algorithm
        assert algorithm.env is not None
        algorithm.collect_rollouts(algorithm.env, self.callback, algorithm.rollout_buffer, algorithm.n_steps)
        algorithm.train()


class Interleaved(TrainerCallback):
    """Lets ours take a turn after every step of TRL's, and notes the CPU seconds of both."""

    def __init__(self, ours: Iteration) -> None:
        self.iterate = ours
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self._since = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note how long TRL took since our last turn; take a turn."""
        now = time.process_time()
        self.theirs.append(now - self._since)
        self.iterate()
        self._since = time.process_time()
        self.ours.append(self._since - now)


def compare(repeats: int) -> Comparison:
    """Time whole iterations of both, in turn; the first of each is not counted."""
    turns = Interleaved(Iteration())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TRL's own
        algorithm = turns.iterate.algorithm
        task = algorithm.env.venv.episodes.task  # type: ignore[union-attr]
        make_trainer(
            Path(folder),
            algorithm.policy.network.model,  # type: ignore[arg-type,union-attr]
            WORDS,
            [" ".join(sample.prompt.split()[:PROMPT]) for sample in task.samples("train")],
            rows=PROMPTS * GROUP,
            response=RESPONSE,
            group=GROUP,
            steps=repeats + 1,
            beta=BETA,
            rate=RATE,
            callbacks=[turns],
        ).train()
    return Comparison(
        name="GRPO iteration",
        setting=f"{PROMPTS} prompts of {PROMPT} tokens, {GROUP} responses of {RESPONSE}, reference model, one update",
        other="TRL GRPOTrainer",
        unit="response tokens",
        work=PROMPTS * GROUP * RESPONSE,
        ours=turns.ours[1:],
        theirs=turns.theirs[1:],
        target=TARGET,
    )
