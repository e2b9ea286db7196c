"""Networks whose tensors have sizes and no contents: they compute nothing, in no memory, whatever their size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from agents.models.branch import freeze_trunk
from agents.models.lora import inject
from agents.models.network import TextNetwork
from agents.models.pretrained import ModelSource, check_sizes, from_scratch, start_ids_of, stored_checkpoint
from agents.models.weights import read_config
from agents.planning.workload import Workload
from textgym import TokenSpace
from textgym.errors import ModelError


def weightless_network(workload: Workload) -> TextNetwork:
    """Return the network of a workload; its parameters and all it computes are fake tensors of the CPU.

    Raises:
        ModelError: There is no such model, or it does not fit the space.
    """
    mode, space = FakeTensorMode(allow_non_fake_inputs=True), workload.space
    with mode:
        model = _model(workload.model, space)
        start_ids = start_ids_of(model)
        check_sizes(model, space, len(start_ids))
        network = TextNetwork(
            model,
            space,
            workload.temperature,
            start_ids,
            workload.detach_value,
            workload.value_hidden,
            workload.truncation,
            replace(workload.engine, compile=False),
            workload.repetition_penalty,
        )
    network._register_constraints(space)  # real ones: rules that are looked up
    if workload.lora is not None:
        inject(network.model, workload.lora)  # real ones, which peft moves about
        network.lora = workload.lora
        _empty(network, mode)
    if workload.unfrozen_layers is not None:
        freeze_trunk(network.model, workload.unfrozen_layers)
        network.unfrozen_layers = workload.unfrozen_layers
    return network.eval()


def vocabulary_of(source: ModelSource) -> int:
    """Return how many tokens a model knows.

    Raises:
        ModelError: It is a configuration that does not say.
    """
    if isinstance(source, Mapping):
        size = source.get("vocab_size")
        if size is None:
            raise ModelError(
                "A model from scratch takes the vocabulary of its environment: name one, or give --vocabulary 32000."
            )
        return int(size)
    return int(_config(source).get_text_config(decoder=True).vocab_size)


def _config(source: str | Path) -> PretrainedConfig:
    checkpoint = stored_checkpoint(source)
    return read_config(str(checkpoint / "model") if checkpoint else str(source))


def _model(source: ModelSource, space: TokenSpace) -> PreTrainedModel:
    if isinstance(source, Mapping):
        return from_scratch(dict(source), space)
    config = _config(source)
    auto: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    try:
        model: PreTrainedModel = auto.from_config(config, dtype=torch.float32)
    except Exception as error:  # each architecture refuses in its own way
        raise ModelError(f"No model can be made from the configuration in {source!r}: {error}") from error
    checkpoint = stored_checkpoint(source)
    try:
        model.generation_config = GenerationConfig.from_pretrained(checkpoint / "model" if checkpoint else source)
    except OSError:
        model.generation_config = GenerationConfig.from_model_config(config)
    return model


def _empty(network: TextNetwork, mode: FakeTensorMode) -> None:
    """Take the contents of what still has some."""
    for module in network.modules():
        for name, weight in module._parameters.items():
            if weight is not None and not isinstance(weight, FakeTensor):
                fake = mode.from_tensor(weight.detach())
                module._parameters[name] = nn.Parameter(fake, requires_grad=weight.requires_grad)
