"""The models that are measured, each with a vocabulary of words w0, w1, ... whose ids mean nothing to it.

What a model's text says changes no time, so that a pretrained one, too, is given these words for its tokens. Those from
scratch are as transformers makes them; ``gpt2-4m-fused`` has from its configuration what this library swaps in unasked:
GELU in one operation in place of GPT-2's own eight. There, the other side has our activation, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from agents.models.pretrained import ModelSource

SPECIAL = 3  # eos, separator and unknown of a word tokenizer
FUSED = "gpt2-4m-fused"
ROOT = Path(__file__).resolve().parents[2]
GPT2 = {
    "model_type": "gpt2",
    "n_positions": 256,
    # a policy learns without dropout: with it on the other side only, that side would draw random numbers in vain
    "resid_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "attn_pdrop": 0.0,
}


@dataclass(frozen=True)
class Model:
    """A model to measure.

    Attributes:
        name: As given to ``--models``.
        words: Its tokens are so many words and the :data:`SPECIAL` ones.
        source: For ``TransformerPolicy(model=...)``, or a function that finds it.
        title: For tables.
        fewer: By how much batches are smaller than those of the other models, which are small.
    """

    name: str
    words: int
    source: ModelSource | Callable[[], ModelSource]
    title: str
    fewer: int = 1

    def found(self) -> ModelSource:
        """Return the source.

        Raises:
            Absent: It is not on this machine.
        """
        return self.source() if callable(self.source) else self.source


class Absent(Exception):
    """A model is not on this machine; the message tells where it was looked for."""


def gpt2(layers: int, width: int, **options: Any) -> dict[str, Any]:
    """Return the configuration of a GPT-2 with heads of 64."""
    return GPT2 | {"n_layer": layers, "n_embd": width, "n_head": width // 64} | options


def _stories() -> ModelSource:
    folder = Path(os.environ.get("TEXTGYM_DATA", ROOT.parent / "shared" / "data")) / "stories260k"
    if not folder.is_dir():
        raise Absent(f"stories260k is not at {folder}: set TEXTGYM_DATA to the folder that holds it")
    return folder


def _smollm2() -> ModelSource:
    from benchmarks.smollm2 import default_folder

    folder = default_folder()
    if not (folder / "model.safetensors").is_file():
        raise Absent(f"SmolLM2-135M is not at {folder}: make it with 'make models'")
    return folder


MODELS = {
    model.name: model
    for model in (
        Model("stories260k", 512 - SPECIAL, _stories, "stories260k (Llama, 260k), V 512"),
        Model("gpt2-4m", 4000, gpt2(4, 256), "GPT-2 4 x 256, V 4k"),
        Model("gpt2-4m-50k", 50_000, gpt2(4, 256), "GPT-2 4 x 256, V 50k"),
        Model("gpt2-20m", 4000, gpt2(6, 512), "GPT-2 6 x 512, V 4k"),
        Model("gpt2-20m-50k", 50_000, gpt2(6, 512), "GPT-2 6 x 512, V 50k"),
        Model(
            FUSED,
            4000,
            gpt2(4, 256, activation_function="gelu_pytorch_tanh"),
            "GPT-2 4 x 256, our activation for both, V 4k",
        ),
        Model("smollm2", 49_152 - SPECIAL, _smollm2, "SmolLM2 135M (Llama), V 49k", fewer=4),
    )
}
EXTRA = ("smollm2",)  # measured only where they are named


def parameters(model: PreTrainedModel) -> int:
    """Return how many weights a model has, each counted once."""
    return sum(weight.numel() for weight in model.parameters())
