"""Reading a language model from a folder or from the hub: safetensors only, no code of its own, nothing missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, PretrainedConfig, PreTrainedModel

from textgym.errors import ModelError, did_you_mean
from textgym.tokenizers.hub import HUB, hub_reachable, quiet

Found = TypeVar("Found")


def read_model(source: str) -> PreTrainedModel:
    """Return the model in a folder or of a hub name, in float32, from the local cache where it is there.

    Raises:
        ModelError: There is no such model; or it lacks safetensors or some weights, is quantized, or brings code.
    """
    return _found(source, _read)


def read_config(source: str) -> PretrainedConfig:
    """Return the configuration of the model that :func:`read_model` reads; its weights need not be there.

    Raises:
        ModelError: There is no such model; or it is quantized, or brings code.
    """
    return _found(source, _read_config)


def _found(source: str, read: Callable[..., Found]) -> Found:
    """Return what ``read`` gives for a folder, the local cache or the hub."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return read(str(folder), local=True)
    if source.startswith((".", "~", "/")) or len(Path(source).parts) > 2:
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        raise ModelError(
            f"No language model can be loaded from {source!r}: there is no such folder. "
            f"{did_you_mean(folder.name, siblings)}"
        )
    try:
        return read(source, local=True)
    except ModelError as error:
        if not hub_reachable():
            raise ModelError(f"{error} The hub was not asked: {HUB} cannot be reached from here.") from error
    return read(source, local=False)


def _check_folder(folder: Path) -> None:
    files = {path.name for path in folder.iterdir()}
    if "config.json" not in files:
        raise ModelError(f"{folder} is not a model folder: it has no config.json.")
    if not any(name.endswith(".safetensors") for name in files):
        raise ModelError(
            f"{folder} has no weights as *.safetensors (pickled weights are never read): where you trust it, load "
            "it and call save_pretrained, which writes safetensors."
        )


def _read_config(source: str, *, local: bool) -> PretrainedConfig:
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(source, local_files_only=local, trust_remote_code=False)
    except Exception as error:  # OSError, ValueError, KeyError
        raise _told(source, error, local) from error
    _check_config(source, config)
    return config


def _read(source: str, *, local: bool) -> PreTrainedModel:
    config = _read_config(source, local=local)
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    try:
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        options |= {"use_safetensors": True, "ignore_mismatched_sizes": True, "output_loading_info": True}
        with quiet():
            loaded: Any = auto.from_pretrained(source, config=config, dtype=torch.float32, **options)
    except Exception as error:  # OSError, ValueError, KeyError, RuntimeError, errors of safetensors and of backends
        raise _told(source, error, local) from error
    model, told = loaded
    _check_complete(source, told)
    return cast(PreTrainedModel, model)


def _check_config(source: str, config: PretrainedConfig) -> None:
    quantized = getattr(config, "quantization_config", None)
    if quantized:
        method = quantized.get("quant_method") if isinstance(quantized, dict) else type(quantized).__name__
        raise ModelError(
            f"The weights of {source!r} are quantized ({method}), and such weights cannot learn: save the model with "
            "its weights in float32, float16 or bfloat16."
        )


def _told(source: str, error: Exception, local: bool) -> ModelError:
    reason = str(error).strip()
    if "trust_remote_code" in reason:
        return ModelError(
            f"{source!r} needs code that comes with it (trust_remote_code), and such code is never run: take a model "
            "whose architecture is part of transformers."
        )
    place = "" if Path(source).is_dir() else " in the local Hugging Face cache" if local else f" at {HUB}"
    return ModelError(
        f"No language model can be loaded from {source!r}{place}: a folder in Hugging Face format is needed, or a hub "
        f"name, with weights as safetensors. Cause: {type(error).__name__}: {' '.join(reason.split())[:400]}"
    )


def _check_complete(source: str, told: dict[str, Any]) -> None:
    if told["mismatched_keys"]:
        key, stored, needed = sorted(told["mismatched_keys"])[0]
        raise ModelError(
            f"The weights in {source!r} are not of the sizes that its config.json tells: {key} is {list(stored)}, and "
            f"{list(needed)} is needed. After a change of the vocabulary (resize_token_embeddings) save both again."
        )
    missing = sorted(told["missing_keys"])
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ModelError(
            f"{source!r} lacks weights that its config.json asks for: {', '.join(missing[:3])}{more}. A language model "
            "is needed, with its head, and saved whole."
        )
