"""Where a policy's language model comes from: a local folder, a hub name, or a configuration for one from scratch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
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
from transformers.utils import logging

from agents.models import TextNetwork
from textgym import TokenSpace
from textgym.errors import ModelError, did_you_mean

ModelSource = str | Path | Mapping[str, Any]


def make_network(
    source: ModelSource, space: TokenSpace, temperature: float = 1.0, detach_value: bool = False
) -> TextNetwork:
    """Load or create the model and put a value head on it.

    Args:
        source: A folder in Hugging Face format or a hub name (safetensors only, no remote code), a checkpoint of this
            library (its value head is taken too), or a configuration such as ``{"model_type": "t5", "d_model": 128}``
            for a model from scratch, whose vocabulary and special ids follow the space.
        space: The observation space.
        temperature: Of the policy's distribution.
        detach_value: Keep the gradient of the value loss out of the language model.

    Raises:
        ModelError: If there is no such model, it has no safetensors, too few tokens or positions, values that are not
            finite, or an output head that is computed in a way that the library does not know.
    """
    checkpoint = _checkpoint(source)
    if isinstance(source, Mapping):
        model = _from_scratch(dict(source), space)
    else:
        model = _from_pretrained(str(checkpoint / "model" if checkpoint else source))
    _check_fits(model, space)
    network = TextNetwork(model, space, temperature, _start_ids(model), detach_value)
    _check_head(network)
    _check_steps(network)
    if checkpoint:
        network.value_head.load_state_dict(load_file(checkpoint / "value_head.safetensors"))
    return network.eval()


def _checkpoint(source: ModelSource) -> Path | None:
    """Return the source as a path if it is a checkpoint folder of this library."""
    if isinstance(source, Mapping) or not (Path(source) / "value_head.safetensors").is_file():
        return None
    return Path(source)


def _from_scratch(options: dict[str, Any], space: TokenSpace) -> PreTrainedModel:
    kind = options.pop("model_type", None)
    if kind is None:
        raise ModelError(
            f"A model from scratch needs 'model_type', such as 'gpt2', 'llama', 't5' or 'bart': {options}."
        )
    blank = _blank_config(kind)
    start_id = space.vocab_size  # a row of its own, outside of what can be said
    unknown = [name for name in options if not hasattr(blank, name)]
    if unknown:
        known = [name for name in blank.to_dict() if not name.startswith("_")]
        raise ModelError(f"{kind} has no option {unknown[0]!r}. {did_you_mean(unknown[0], known)}")
    ids = {"bos_token_id": None, "eos_token_id": space.eos_id, "pad_token_id": None}
    if blank.is_encoder_decoder:
        ids |= {"decoder_start_token_id": start_id, "pad_token_id": start_id}
    if hasattr(blank, "forced_eos_token_id"):
        ids["forced_eos_token_id"] = None  # BART would end every text with its own eos in generate()
    try:
        config = AutoConfig.for_model(kind, **{"vocab_size": start_id + 1, **ids, **options})
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model: PreTrainedModel = auto.from_config(config)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, StrictDataclassError) as error:
        raise ModelError(f"No {kind} can be made with {options}: {error}") from error
    model.generation_config = GenerationConfig.from_model_config(config)
    return model


def _blank_config(kind: str) -> PretrainedConfig:
    try:
        return AutoConfig.for_model(kind)
    except ValueError as error:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING

        raise ModelError(f"Unknown model_type {kind!r}. {did_you_mean(kind, CONFIG_MAPPING.keys())}") from error


def _from_pretrained(source: str) -> PreTrainedModel:
    folder = Path(source)
    if folder.is_dir():
        _check_folder(folder)
    try:
        config = AutoConfig.from_pretrained(source)
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        with no_progress_bars():
            model: PreTrainedModel = auto.from_pretrained(source, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"No language model can be loaded from {source!r}: a folder in Hugging Face format is needed or a hub "
            f"name that can be reached, with weights as safetensors. Cause: {error}"
        ) from error
    return model


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for every model that is read or written."""
    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def _check_folder(folder: Path) -> None:
    files = {path.name for path in folder.iterdir()}
    if "config.json" not in files:
        raise ModelError(f"{folder} is not a model folder: it has no config.json.")
    if not any(name.endswith(".safetensors") for name in files):
        raise ModelError(
            f"{folder} has no weights as *.safetensors (pickled weights are never read): where you trust it, load "
            "it and call save_pretrained, which writes safetensors."
        )


def _check_fits(model: PreTrainedModel, space: TokenSpace) -> None:
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    if rows < space.vocab_size:
        raise ModelError(
            f"The model knows {rows} tokens, the environment's tokenizer {space.vocab_size}: use the model's own "
            "tokenizer (tokenizer='hf:<model>') or a configuration for a model from scratch."
        )
    config = model.config.get_text_config(decoder=True)
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    parts = (space.max_prompt_tokens, space.max_new_tokens)
    needed = max(parts[0], parts[1] + 1) if model.config.is_encoder_decoder else sum(parts)  # + 1 for the start token
    if positions is not None and config.model_type != "t5" and positions < needed:
        raise ModelError(
            f"The model has {positions} positions, the environment needs {needed} (max_prompt_tokens={parts[0]}, "
            f"max_new_tokens={parts[1]}): shorten them or take a model with more positions."
        )
    broken = [name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise ModelError(f"The model has weights that are not finite: {', '.join(broken[:5])}.")


def _start_ids(model: PreTrainedModel) -> tuple[int, ...]:
    """Return what an encoder-decoder's decoder reads before the response: a start, and a first token that it forces."""
    if not model.config.is_encoder_decoder:
        return ()
    forced = getattr(model.generation_config, "forced_bos_token_id", None)  # BART for summaries, mBART for a language
    for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
        start = getattr(model.config, name, None)  # T5 has no bos_token_id
        if start is not None:
            return (int(start),) if forced is None else (int(start), int(forced))
    raise ModelError("An encoder-decoder needs decoder_start_token_id in its config: without it no response can start.")


@torch.no_grad()
def _check_head(network: TextNetwork) -> None:
    """Compare our logits with the model's own on two tokens, so that an unknown kind of head is noticed at once."""
    network.eval()
    device = network.value_head.weight.device
    ids = torch.arange(2, device=device)[None] % network.space.vocab_size
    if not network.start_ids:
        theirs = network.model(input_ids=ids).logits[:, -1]
        ours = network.states(ids, ids[:, :0])[:, -1]
    else:
        start = ids.new_tensor([network.start_ids])
        theirs = network.model(input_ids=ids, decoder_input_ids=start).logits[:, -1]
        ours = network.states(ids, ids[:, :0])[:, -1]
    difference = (network.logits(ours) - theirs[:, : network.space.vocab_size].float()).abs().max().item()
    if not difference < 1e-3:
        raise ModelError(
            f"{type(network.model).__name__} computes its logits in a way that is not known here (difference "
            f"{difference:.2g} on a test input): this architecture cannot serve as a policy yet."
        )


@torch.no_grad()
def _check_steps(network: TextNetwork) -> None:
    """Compare cached steps with one pass over the same tokens: some models count positions in a way of their own."""
    P, T = network.space.max_prompt_tokens, network.space.max_new_tokens
    ids = torch.tensor([[0, 1], [1, 0]], device=network.value_head.weight.device) % network.space.vocab_size
    prompts, responses = ids[:, :P], ids[:, :T]
    try:
        decoding, hidden = network.start(prompts)
        states = [hidden]
        for tokens in responses.T:
            decoding.select(torch.arange(2, device=ids.device))
            states.append(network.advance(decoding, tokens))
    except (AttributeError, NotImplementedError) as error:
        raise ModelError(f"{type(network.model).__name__} has no cache whose rows can be selected: {error}.") from error
    expected = network.states(prompts, responses)
    difference = ((torch.stack(states, dim=1) - expected).abs().max() / expected.abs().max()).item()
    if not difference < 1e-3:
        raise ModelError(
            f"{type(network.model).__name__} computes other hidden states step by step than at once (relative "
            f"difference {difference:.2g} on a test input): this architecture cannot serve as a policy yet."
        )
