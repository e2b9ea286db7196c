"""The peak memory of an update of GRPO beside TRL's, at a large vocabulary.

Both sides compute loss and gradient of 32 responses of 128 tokens at once, with the same model of 30M parameters, each
in a process of its own. Counted is what the process grows by, at its peak, over what it holds before.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.models import gpt2

WORDS, PROMPT, RESPONSE, ROWS, KL = 50_000, 32, 128, 32, 0.04
MODEL = gpt2(6, 384)
TARGET = 0.5  # of TRL's


def main() -> None:
    """Measure one side in this process, and print megabytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=sorted(SIDES))
    print(json.dumps({"megabytes": measured(SIDES[parser.parse_args().side])}))


def compare(repeats: int) -> list[Comparison]:
    """Measure both sides, in turn."""
    grown: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side, values in grown.items():
            values.append(_in_a_process(side))
    return [
        Comparison(
            name="memory of an update, at its peak",
            setting=f"GRPO's loss and gradient of {ROWS} responses of {RESPONSE} tokens to {PROMPT}, at once",
            other="TRL GRPOTrainer",
            unit="MB",
            work=1.0,
            ours=grown["ours"],
            theirs=grown["trl"],
            target=TARGET,
            at_most=True,
            model="GPT-2 6 x 384, V 50k",
            cost_unit="MB",
        )
    ]


def measured(prepare: Callable[[Any], Callable[[], Any]]) -> float:
    """Return by how many megabytes the process grows while an update's gradient is computed."""
    from agents.models.pretrained import make_network
    from textgym import TokenSpace

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = make_network(MODEL, TokenSpace(WORDS, PROMPT, RESPONSE, eos_id=None))
    update = prepare(network)
    before = _peak()
    update().backward()
    return round(_peak() - before, 1)


def _peak() -> float:
    """Return the most megabytes that this process ever held; what ``resource`` tells counts its parent's, too."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes


def _ours(network: Any) -> Callable[[], Any]:
    from agents.algorithms.grpo import grpo_loss
    from agents.learning.token_batch import TokenBatch
    from agents.policy import Sequences

    own = torch.ones(ROWS, RESPONSE, dtype=torch.bool)
    observations = torch.randint(WORDS, (ROWS, PROMPT + RESPONSE))
    actions, tokens = observations[:, PROMPT:].reshape(-1), ROWS * RESPONSE
    batch = TokenBatch(
        Sequences(observations, own),
        actions,
        torch.arange(ROWS).repeat_interleave(RESPONSE),
        torch.full((tokens,), -10.0),
        torch.full((tokens,), -10.0),
        torch.randn(ROWS),
        torch.full((ROWS,), RESPONSE),
        ROWS,
        tokens,
    )
    options: dict[str, Any] = {"clip_range": 0.2, "clip_range_high": 0.2, "kl_coef": KL, "mean": "tokens"}

    def update() -> torch.Tensor:
        evaluation = network.evaluate_sequences(observations, own, actions)
        return grpo_loss(batch, evaluation.log_probs, max_new_tokens=RESPONSE, **options).loss

    return update


def _trl(network: Any) -> Callable[[], Any]:
    from benchmarks.throughput.trl_trainer import FreeReward, Setting, make_trainer

    folder = tempfile.TemporaryDirectory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TRL's own
        setting = Setting(WORDS, ROWS, RESPONSE, KL)
        trainer = make_trainer("grpo", Path(folder.name), network.model, [], setting, FreeReward())
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    ones = torch.ones(ROWS, RESPONSE, dtype=torch.long)
    inputs = {
        "prompt_ids": torch.randint(WORDS, (ROWS, PROMPT)),
        "prompt_mask": torch.ones(ROWS, PROMPT, dtype=torch.long),
        "completion_ids": torch.randint(WORDS, (ROWS, RESPONSE)),
        "completion_mask": ones,
        "advantages": torch.randn(ROWS),
        "ref_per_token_logps": torch.full((ROWS, RESPONSE), -10.0),
        "num_items_in_batch": ones.sum(),
    }
    return lambda: trainer._compute_loss(trainer.model, inputs)


SIDES: dict[str, Callable[[Any], Callable[[], Any]]] = {"ours": _ours, "trl": _trl}


def _in_a_process(side: str) -> float:
    command = [sys.executable, "-m", "benchmarks.throughput.memory", side]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(json.loads(told.splitlines()[-1])["megabytes"])


if __name__ == "__main__":
    main()
