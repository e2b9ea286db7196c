"""One iteration of GRPO or RLOO, with several responses to each prompt and a reference, against TRL's trainers."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback

from agents import GRPO, RLOO, TransformerPolicy
from agents.algorithms.grouped import GroupedOnPolicy
from agents.vec_env import TextVecEnv
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.ending import ForcedEnds, end_at, rate
from benchmarks.throughput.models import FUSED, Model
from benchmarks.throughput.trl_trainer import FreeReward, Kind, Setting, make_trainer
from benchmarks.throughput.workload import arguments
from textgym.vector import TextGenerationVectorEnv

PROMPTS, GROUP, PROMPT, RESPONSE = 16, 4, 32, 64
BETA, RATE = 0.04, 1e-5
ALGORITHMS: dict[Kind, type[GroupedOnPolicy]] = {"grpo": GRPO, "rloo": RLOO}
TARGETS = {(False, False): 1.9, (False, True): 1.6, (True, False): 2.8, (True, True): 2.3}  # by ends and tuned


class Iteration:
    """One iteration of ours: a rollout and an update, by the optimizer that TRL has.

    Args:
        kind: The algorithm.
        model: The model.
        shape: Prompts, P and T.
        ends: Whether responses end by themselves.
        options: Further ones of the algorithm.
    """

    def __init__(
        self, kind: Kind, model: Model, shape: tuple[int, int, int] | None = None, ends: bool = False, **options: Any
    ) -> None:
        prompts, prompt, response = shape or (PROMPTS // model.fewer, PROMPT, RESPONSE)
        given = arguments(prompt, response, words=model.words, ends=ends)
        native = TextGenerationVectorEnv(num_envs=prompts, autoreset_mode="SameStep", **given)
        algorithm: Any = ALGORITHMS[kind](
            TransformerPolicy,
            TextVecEnv(native),
            responses_per_prompt=GROUP,
            kl_coef=BETA,
            learning_rate=RATE,
            policy_kwargs={
                "model": model.found(),
                "optimizer_class": torch.optim.AdamW,
                "optimizer_kwargs": {"fused": True, "weight_decay": 0.0},
            },
            seed=0,
            device="cpu",
            **options,
        )
        self.algorithm = algorithm
        self.callback = algorithm._setup_learn(10**9)[1]
        self.model: PreTrainedModel = algorithm.policy.network.model
        self._eos = native.episodes.space.eos_id if ends else None
        self._end = rate(response), callable(model.source)

    def let_end(self) -> None:
        """Change the heads of policy and reference so that responses end, if they shall."""
        if self._eos is not None:
            probability, pretrained = self._end
            for network in (self.algorithm.policy.network, self.algorithm.reference.network):
                end_at(network.model, self._eos, probability, pretrained=pretrained)

    @property
    def texts(self) -> list[str]:
        """All prompts."""
        samples = self.algorithm.env.venv.episodes.task.samples("train")
        return [sample.prompt for sample in samples]

    @property
    def lengths(self) -> torch.Tensor:
        """Tokens of each response of the latest rollout, int64 [B]."""
        return torch.as_tensor(self.algorithm.rollout_buffer.experience.own.sum(axis=1))

    def __call__(self) -> None:
        """Learn from one rollout."""
        algorithm = self.algorithm
        algorithm.collect_rollouts(algorithm.env, self.callback, algorithm.rollout_buffer, algorithm.n_steps)
        algorithm.train()


class Interleaved(TrainerCallback):
    """Lets ours take a turn before every step of TRL's, and notes the CPU seconds of both.

    Args:
        ours: An iteration of ours.
        ends: Told where the responses of ours ended.
    """

    def __init__(self, ours: Iteration, ends: ForcedEnds) -> None:
        self.iterate, self.ends = ours, ends
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self.tokens: list[int] = []
        self._since = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Take the first turn."""
        self._turn()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note how long TRL took since our last turn; take a turn, unless that was the end."""
        self.theirs.append(time.process_time() - self._since)
        if state.global_step < state.max_steps:
            self._turn()

    def _turn(self) -> None:
        start = time.process_time()
        self.iterate()
        self._since = time.process_time()
        self.ours.append(self._since - start)
        self.ends.lengths = self.iterate.lengths
        self.tokens.append(int(self.ends.lengths.sum()))


def compare(kind: Kind, model: Model, repeats: int, ends: bool = False, tuned: bool = False) -> list[Comparison]:
    """Time whole iterations of both, in turn; the first of each is not counted.

    Args:
        kind: The algorithm.
        model: The model.
        repeats: Measurements of each side.
        ends: Whether responses end by themselves, TRL's at the lengths of ours.
        tuned: How the C allocator of this process was started, which is for the caller to see to.
    """
    forced, reward = ForcedEnds(eos=0), FreeReward()
    turns = Interleaved(Iteration(kind, model, ends=ends), forced)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TRL's own
        setting = Setting(
            model.words,
            rows=PROMPTS // model.fewer * GROUP,
            response=RESPONSE,
            beta=BETA,
            group=GROUP,
            steps=repeats + 1,
            rate=RATE,
            ends=forced if ends else None,
        )
        texts = [f"{text} w0" for text in turns.iterate.texts]  # ours has a separator there
        trainer = make_trainer(kind, Path(folder), turns.iterate.model, texts, setting, reward, [turns])
        turns.iterate.let_end()
        trainer.train()
    return [_comparison(kind, model, turns, reward.tokens, ends, tuned)]


def _comparison(
    kind: Kind, model: Model, turns: Interleaved, tokens: Sequence[int], ends: bool, tuned: bool
) -> Comparison:
    counts = turns.tokens[1:]
    mean, prompts = sum(counts) / len(counts), PROMPTS // model.fewer
    responses = f"{mean / prompts / GROUP:.1f} of at most {RESPONSE} tokens in the mean" if ends else f"{RESPONSE}"
    allocator = "tuned" if tuned else "default"
    return Comparison(
        name=f"{kind.upper()} iteration, {'variable' if ends else 'fixed'} length, {allocator} allocator",
        setting=f"{prompts} prompts of {PROMPT} tokens, {GROUP} responses of {responses}, reference, one update",
        other=f"TRL {kind.upper()}Trainer" + (", forced to the same lengths" if ends else ""),
        unit="response tokens",
        work=round(mean, 1),
        ours=[s * mean / n for s, n in zip(turns.ours[1:], counts, strict=True)],
        theirs=[s * mean / n for s, n in zip(turns.theirs[1:], counts, strict=True)],
        target=None if model.name == FUSED else TARGETS[ends, tuned],
        model=model.title,
        done={"ours": sum(counts), "theirs": sum(tokens[1:])},
    )
