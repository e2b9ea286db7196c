"""Activation checkpointing: a layer keeps what enters it, and its backward pass computes the rest again.

transformers has a switch for this, but it works in training mode only. Our models learn in evaluation mode, in which
dropout is off, so that the ratio starts at 1; and several layers (those of OPT, BART and Marian) ask the very flag of
the switch whether to drop. So the layers are wrapped from outside here, whatever mode they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from agents.models.engine import Engine
from textgym.errors import ModelError


def learning_pass(model: PreTrainedModel, engine: Engine) -> AbstractContextManager[None]:
    """Within, layers keep for a backward pass what the engine says; a pass without gradients is as ever.

    Every pass that may be learned from belongs inside; see :func:`recomputed` for what a cache in it must do.

    Raises:
        ModelError: The architecture cannot do it.
    """
    if not engine.checkpoint_activations:
        return nullcontext()
    layers = recomputable_layers(model)
    return recomputed(layers) if torch.is_grad_enabled() else nullcontext()


def recomputable_layers(model: PreTrainedModel) -> list[nn.Module]:
    """Return the layers of a model whose insides may be computed twice, those of its encoder included.

    Raises:
        ModelError: The architecture does not tell which these are.
    """
    layers: list[nn.Module] = [part for part in model.modules() if isinstance(part, GradientCheckpointingLayer)]
    if not layers:
        raise ModelError(
            f"{type(model).__name__} does not say which of its layers may be computed again, so that "
            "engine.checkpoint_activations cannot be used with it: leave it out, or bound the memory of an update by "
            "a smaller part_size or batch_size."
        )
    return layers


@contextmanager
def recomputed(layers: list[nn.Module]) -> Iterator[None]:
    """Within, layers keep only what they are given; nothing else changes, random numbers of dropout included.

    A layer is run once more in the backward pass, with the same arguments. A key-value cache among them must
    therefore give the same answer when it is asked twice: it may hold a prompt to read, but must not collect what the
    layers write.
    """
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_wrapped(layer))
        yield


@contextmanager
def _wrapped(layer: nn.Module) -> Iterator[None]:
    forward: Callable[..., Any] = layer.forward
    before = layer.__dict__.get("forward")  # where something else has wrapped it already
    layer.forward = partial(checkpoint, forward, use_reentrant=False)
    try:
        yield
    finally:
        if before is None:
            del layer.forward
        else:
            layer.forward = before
