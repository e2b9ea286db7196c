"""Where a policy's language model comes from: a local folder, a hub name, or a configuration for one from scratch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from agents.checkpoints.files import read_json
from agents.models.branch import freeze_trunk
from agents.models.engine import Engine
from agents.models.lora import Lora, inject, make_lora, merged_state
from agents.models.network import TextNetwork
from agents.models.self_check import check_network
from agents.models.truncation import Truncation
from agents.models.weights import read_model
from textgym import TokenSpace
from textgym.errors import ModelError, did_you_mean

ModelSource = str | Path | Mapping[str, Any]


def make_network(
    source: ModelSource,
    space: TokenSpace,
    temperature: float = 1.0,
    detach_value: bool = False,
    value_hidden: int = 0,
    truncation: Truncation | None = None,
    lora: Lora | None = None,
    engine: Engine | None = None,
    unfrozen_layers: int | None = None,
    repetition_penalty: float = 1.0,
) -> TextNetwork:
    """Load or create the model and put a value head on it.

    Args:
        source: A folder in Hugging Face format or a hub name (safetensors only, no remote code), a checkpoint of this
            library (its value head is taken too), or a configuration such as ``{"model_type": "t5", "d_model": 128}``
            for a model from scratch, whose vocabulary and special ids follow the space. Weights are float32, whatever
            they were saved in.
        space: The observation space.
        temperature: Of the policy's distribution.
        detach_value: Keep the gradient of the value loss out of the language model.
        value_hidden: Units of the value head's hidden layer; 0 makes it linear.
        truncation: Which tokens are left out as too unlikely.
        lora: Adapters, which then are all that learns beside the value head. A checkpoint with other adapters, or with
            some where none are asked for, gives the model that they make.
        engine: How to compute.
        unfrozen_layers: How many of the uppermost layers learn, beside the value head; None, all.
        repetition_penalty: Of tokens that stand before, see :mod:`agents.models.repetition`; 1 is none.

    Raises:
        ModelError: If there is no such model, it has no safetensors, too few tokens or positions, values that are not
            finite, or an architecture whose numbers would not be exact.
    """
    checkpoint = stored_checkpoint(source)
    if isinstance(source, Mapping):
        model = from_scratch(dict(source), space)
    elif checkpoint:
        _check_vocabulary(checkpoint, space)
        model = read_model(str(checkpoint / "model"))
    else:
        model = read_model(str(source))
    start_ids = start_ids_of(model)
    check_sizes(model, space, len(start_ids))
    _check_finite(model)
    network = TextNetwork(
        model, space, temperature, start_ids, detach_value, value_hidden, truncation, engine, repetition_penalty
    )
    check_network(network.eval(), random_weights=isinstance(source, Mapping))
    if checkpoint:
        _load_value_head(network, checkpoint)
        _take_adapters(network, checkpoint, lora)
    if lora is not None and network.lora is None:
        inject(network.model, lora)
        network.lora = lora
    if unfrozen_layers is not None:
        freeze_trunk(network.model, unfrozen_layers)
        network.unfrozen_layers = unfrozen_layers
    return network


def _take_adapters(network: TextNetwork, checkpoint: Path, wanted: Lora | None) -> None:
    """Put the adapters of a checkpoint into the model: as they are where they are wanted, else into its weights."""
    stored = make_lora(read_json(checkpoint / "policy.json")["kwargs"].get("lora"))
    if stored is None:
        return
    model = network.model if stored == wanted else copy.deepcopy(network.model)
    inject(model, stored)
    model.load_state_dict(load_file(checkpoint / "adapter.safetensors"), strict=False)
    if stored == wanted:
        network.lora = stored
    else:
        network.model.load_state_dict(merged_state(model))


def _load_value_head(network: TextNetwork, checkpoint: Path) -> None:
    weights = load_file(checkpoint / "value_head.safetensors")
    expected = {name: weight.shape for name, weight in network.value_head.state_dict().items()}
    found = {name: weight.shape for name, weight in weights.items()}
    if found != expected:
        raise ModelError(
            f"The value head of {checkpoint} does not fit value_hidden={network.value_hidden}: pass value_hidden as it "
            f"was, or {checkpoint / 'model'} as the model to begin with a new head."
        )
    network.value_head.load_state_dict(weights)


def stored_checkpoint(source: ModelSource) -> Path | None:
    """Return the source as a path if it is a checkpoint folder of this library."""
    if isinstance(source, Mapping) or not (Path(source) / "value_head.safetensors").is_file():
        return None
    return Path(source)


def _check_vocabulary(checkpoint: Path, space: TokenSpace) -> None:
    known = read_json(checkpoint / "policy.json")["space"]["vocab_size"]
    if known != space.vocab_size:
        raise ModelError(
            f"The policy in {checkpoint} was made for a tokenizer of {known} tokens, the environment's has "
            f"{space.vocab_size}: give the environment that of the checkpoint "
            f"(tokenizer={str(checkpoint / 'tokenizer.json')!r})."
        )


def from_scratch(options: dict[str, Any], space: TokenSpace) -> PreTrainedModel:
    """Return a model with random weights, from a configuration; its vocabulary and special ids are the space's."""
    kind = options.pop("model_type", None)
    if kind is None:
        raise ModelError(
            f"A model from scratch needs 'model_type', such as 'gpt2', 'llama', 't5' or 'bart': {options}."
        )
    blank = checked_config(kind, options)
    dtype = str(options.pop("dtype", "float32")).removeprefix("torch.")
    if dtype != "float32":
        raise ModelError(
            f"Weights are float32, got dtype={dtype!r}: leave dtype out. Weights saved in float16 or bfloat16 can be "
            "read, and engine={'precision': 'bfloat16'} of the policy computes matrix products in bfloat16."
        )
    try:
        config = AutoConfig.for_model(kind, **{**_ids(blank, space), **options})
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model: PreTrainedModel = auto.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    except Exception as error:  # configurations refuse values, and models sizes, each with errors of its own
        raise ModelError(f"No {kind} can be made with {options}: {error}") from error
    model.generation_config = GenerationConfig.from_model_config(config)
    return model


def checked_config(kind: str, options: Mapping[str, Any]) -> PretrainedConfig:
    """Return a model type's configuration as it is by itself.

    Raises:
        ModelError: There is no such type, or it has not all the options; the nearest name is told.
    """
    blank = _blank_config(kind)
    unknown = [name for name in options if not hasattr(blank, name)]
    if unknown:
        known = [name for name in blank.to_dict() if not name.startswith("_")]
        raise ModelError(f"{kind} has no option {unknown[0]!r}. {did_you_mean(unknown[0], known)}")
    return blank


def _ids(blank: PretrainedConfig, space: TokenSpace) -> dict[str, Any]:
    """Return the vocabulary's size and the special ids of a model from scratch, which are the space's."""
    start_id = space.vocab_size  # a row of its own, outside of what can be said
    ids = {"vocab_size": start_id + 1, "bos_token_id": None, "eos_token_id": space.eos_id, "pad_token_id": None}
    if blank.is_encoder_decoder:
        ids |= {"decoder_start_token_id": start_id, "pad_token_id": start_id}
    if hasattr(blank, "forced_eos_token_id"):
        ids["forced_eos_token_id"] = None  # BART would end every text with its own eos in generate()
    return ids


def _blank_config(kind: str) -> PretrainedConfig:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if kind not in CONFIG_MAPPING:
        raise ModelError(f"Unknown model_type {kind!r}. {did_you_mean(str(kind), CONFIG_MAPPING.keys())}")
    try:
        return AutoConfig.for_model(kind)
    except Exception as error:
        raise ModelError(f"No {kind} can be made: {type(error).__name__}: {error}") from error


def check_sizes(model: PreTrainedModel, space: TokenSpace, starts: int) -> None:
    """Refuse a model that has too few tokens or positions for a space.

    Args:
        model: The model; of its weights only the sizes count.
        space: The observation space.
        starts: How many tokens a decoder reads before a response.

    Raises:
        ModelError: It has too few.
    """
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    if rows < space.vocab_size:
        raise ModelError(
            f"The model knows {rows} tokens, the environment's tokenizer {space.vocab_size}: use the model's own "
            "tokenizer (tokenizer='hf:<model>') or a configuration for a model from scratch."
        )
    config = model.config.get_text_config(decoder=True)
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    parts = (space.max_prompt_tokens, space.max_new_tokens)
    needed = max(parts[0], parts[1] + starts) if model.config.is_encoder_decoder else sum(parts)
    if positions is not None and config.model_type != "t5" and 0 < positions < needed:  # XLNet's -1 is no limit
        raise ModelError(
            f"The model has {positions} positions, the environment needs {needed} (max_prompt_tokens={parts[0]}, "
            f"max_new_tokens={parts[1]}): shorten them or take a model with more positions."
        )


def _check_finite(model: PreTrainedModel) -> None:
    broken = [name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise ModelError(f"The model has weights that are not finite: {', '.join(broken[:5])}.")


def start_ids_of(model: PreTrainedModel) -> tuple[int, ...]:
    """Return what an encoder-decoder's decoder reads before the response: a start, and a first token that it forces.

    The settings of generation come first, as in transformers: mBART tells its start only there.
    """
    if not model.config.is_encoder_decoder:
        return ()
    forced = getattr(model.generation_config, "forced_bos_token_id", None)  # BART for summaries, mBART for a language
    for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
        for source in (model.generation_config, model.config):
            start = getattr(source, name, None)  # T5 has no bos_token_id
            if start is not None:
                return (int(start),) if forced is None else (int(start), int(forced))
    raise ModelError(
        "An encoder-decoder needs decoder_start_token_id in its config or generation config: without it no response "
        "can start."
    )
