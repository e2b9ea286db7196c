"""``python -m benchmarks.throughput.memory``: the peak memory of an update of GRPO beside TRL's, at a large vocabulary.

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

WORDS, PROMPT, RESPONSE, ROWS, KL = 50_000, 32, 128, 32, 0.04
MODEL = {"model_type": "gpt2", "n_layer": 6, "n_embd": 384, "n_head": 6, "n_positions": 256}
TARGET = 0.5  # of TRL's
RESULTS = Path(__file__).parents[1] / "results" / "memory.jsonl"


def main() -> None:
    """Measure both sides, print the ratio and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=sorted(SIDES), help="measure one side in this process, and print megabytes")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps({"megabytes": measured(SIDES[options.side])}))
        return
    grown = {side: _in_a_process(side) for side in SIDES}
    line = {
        "setting": f"{ROWS} responses of {RESPONSE} tokens to {PROMPT}, vocabulary {WORDS}, GPT-2 6 x 384, float32",
        "megabytes": grown,
        "ratio": round(grown["ours"] / grown["trl"], 3),
        "target": TARGET,
    }
    options.results.write_text(f"{json.dumps(line)}\n", encoding="utf-8")
    print(json.dumps(line, indent=1))


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
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


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
    from benchmarks.throughput.trl_trainer import make_trainer

    folder = tempfile.TemporaryDirectory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TRL's own
        trainer = make_trainer(Path(folder.name), network.model, WORDS, [], rows=ROWS, response=RESPONSE, beta=KL)
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
    command = [sys.executable, "-m", "benchmarks.throughput.memory", "--side", side]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(json.loads(told.splitlines()[-1])["megabytes"])


if __name__ == "__main__":
    main()
