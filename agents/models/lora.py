"""Low-rank adapters (Hu et al., 2022) through peft: few weights learn, and with them off the model is as it was."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from textgym.arguments import real_number, whole_number
from textgym.errors import ConfigError, MissingExtraError, ModelError
from textgym.registration import refuse_unknown

ADAPTER, BASE = "lora_", ".base_layer"  # in the names of weights: of adapters, and of what they stand around


@dataclass(frozen=True)
class Lora:
    """Which adapters a model has.

    Attributes:
        rank: r, the rank of the change of each weight matrix.
        alpha: The change is multiplied by ``alpha / rank``.
        targets: Names of the layers that get one, or "all-linear": all but the output head.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: str | tuple[str, ...] = "all-linear"

    def __post_init__(self) -> None:
        if whole_number("lora.rank", self.rank) < 1:
            raise ConfigError(f"lora.rank must be at least 1, got {self.rank}.")
        if not real_number("lora.alpha", self.alpha) > 0:
            raise ConfigError(f"lora.alpha must be positive, got {self.alpha}.")
        if not isinstance(self.targets, str):
            object.__setattr__(self, "targets", tuple(self.targets))

    def to_json(self) -> dict[str, Any]:
        """Return the attributes as JSON values."""
        return asdict(self) | {"targets": self.targets if isinstance(self.targets, str) else list(self.targets)}


def make_lora(spec: Lora | Mapping[str, Any] | None) -> Lora | None:
    """Return adapters from themselves or from their attributes in a mapping, None for none.

    Raises:
        ConfigError: An attribute is unknown or out of range.
    """
    if spec is None or isinstance(spec, Lora):
        return spec
    if not isinstance(spec, Mapping):
        raise ConfigError(f"lora must be a dict such as {{'rank': 8}}, got {spec!r:.80}.")
    refuse_unknown("lora", spec, Lora)
    return Lora(**spec)


def inject(model: PreTrainedModel, lora: Lora) -> None:
    """Put adapters that change nothing yet into a model; only they learn from then on.

    Raises:
        MissingExtraError: peft is not installed.
        ModelError: The model has no such layers.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("peft", "lora", "A policy with lora=") from error
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=targets, lora_dropout=0.0)  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GPT-2 stores matrices the other way round, as peft sees itself
            inject_adapter_in_model(config, model)
    except ValueError as error:
        raise ModelError(f"{type(model).__name__} takes no adapters at {lora.targets!r}: {error}") from error


def has_moved(model: nn.Module) -> bool:
    """Whether the adapters of a model change what it computes."""
    return any(bool(weight.any()) for name, weight in model.named_parameters() if f"{ADAPTER}B" in name)


@contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """Within, the model computes what it would without its adapters; nothing can learn meanwhile."""
    layers = _layers(model)
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def _layers(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if hasattr(module, "lora_A") and hasattr(module, "base_layer")]


def split_state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the weights that a model has without adapters, by their names there, and those of its adapters."""
    state = model.state_dict()
    plain = {name.replace(BASE, ""): value for name, value in state.items() if ADAPTER not in name}
    return plain, {name: value for name, value in state.items() if ADAPTER in name}


@torch.no_grad()
def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of a model without adapters that computes what this one does with them."""
    plain, _ = split_state(model)
    names = {id(module): name for name, module in model.named_modules()}
    for layer in _layers(model):
        key = f"{names[id(layer)]}.weight"
        plain[key] = plain[key] + layer.get_delta_weight("default").to(plain[key].dtype)
    return plain


@torch.no_grad()
def fold(model: nn.Module) -> None:
    """Put the adapters of a model into its weights and switch them off for good."""
    for layer in _layers(model):
        weight = layer.get_base_layer().weight
        weight += layer.get_delta_weight("default").to(weight.dtype)
        layer._disable_adapters = True


def load_plain(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights that were written without adapters into a model that may have some."""
    names = {name.replace(BASE, ""): name for name in model.state_dict() if ADAPTER not in name}
    model.load_state_dict({names.get(name, name): value for name, value in weights.items()}, strict=False)
