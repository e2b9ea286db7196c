"""The reference policy of a model whose lower layers do not learn: a frozen copy of the upper ones, in the same pass.

What the lower layers, the trunk, make of a text is the same for policy and reference. The copy of the upper layers
reads it beside them, so that one pass gives the hidden states of both, cached decoding included (as in trlX, whose
"hydra" models do so with code of their own for each architecture).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel

from textgym.errors import ModelError

PROBED = 2  # tokens; a model has positions for a prompt and a response of one each at least


def stack_of(model: PreTrainedModel) -> tuple[nn.Module, nn.ModuleList]:
    """Return the decoder of a model, and its layers.

    Raises:
        ModelError: It has no list of layers.
    """
    decoder = model.get_decoder()
    lists = [child for child in decoder.children() if isinstance(child, nn.ModuleList)]
    if not lists:
        raise ModelError(f"{type(model).__name__} has no list of layers, of which some could be kept from learning.")
    return decoder, max(lists, key=len)


def freeze_trunk(model: PreTrainedModel, unfrozen_layers: int) -> None:
    """Let only the uppermost layers of a model learn.

    Raises:
        ModelError: It has not so many, or no more.
    """
    layers = stack_of(model)[1]
    if unfrozen_layers >= len(layers):
        raise ModelError(
            f"unfrozen_layers must be less than the {len(layers)} layers of the model, got {unfrozen_layers}: leave it "
            "out to let all of them learn."
        )
    model.requires_grad_(False)
    for layer in layers[-unfrozen_layers:]:
        layer.requires_grad_(True)


class Branch(nn.Module):
    """A frozen copy of the uppermost layers of a model, which runs beside them.

    Args:
        model: Whose upper layers have not learned yet.
        unfrozen_layers: How many there are.

    Raises:
        ModelError: The copy would not compute what the layers do.
    """

    def __init__(self, model: PreTrainedModel, unfrozen_layers: int) -> None:
        super().__init__()
        decoder, layers = stack_of(model)
        self._count = len(layers)
        upper = list(layers[-unfrozen_layers:])
        self.layers = copy.deepcopy(nn.ModuleList(upper)).requires_grad_(False)
        twins: list[Any] = list(self.layers.modules())
        for module in twins:
            if isinstance(getattr(module, "layer_idx", None), int):
                module.layer_idx += unfrozen_layers  # its keys and values are kept after those of the model
        self._active = False
        self._hidden: Tensor | None = None
        self._after: list[nn.Module] = []
        upper[0].register_forward_pre_hook(self._enter, with_kwargs=True)
        for own, twin in zip(upper, self.layers, strict=True):
            own.register_forward_hook(partial(self._follow, twin), with_kwargs=True)
        decoder.register_forward_hook(self._join)
        self._after = _called_after(model, decoder, upper[-1])
        self._check(model)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Within, the model gives hidden states [..., 2 D]: its own, and those of the branch."""
        self._active = True
        try:
            yield
        finally:
            self._active, self._hidden = False, None

    def _enter(self, layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if not self._active:
            return
        self._hidden = arguments[0] if arguments else named["hidden_states"]
        for cache in (*arguments, *named.values()):
            if isinstance(cache, Cache | EncoderDecoderCache):
                self._extend(cache)

    def _extend(self, cache: Cache | EncoderDecoderCache) -> None:
        """Add layers to a cache that has read nothing yet."""
        for part in _plain_caches(cache):
            if len(part.layers) == self._count:
                part.layers += copy.deepcopy(part.layers[-len(self.layers) :])

    def _follow(
        self, twin: nn.Module, layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any
    ) -> None:
        if not self._active:
            return
        if arguments:
            own = twin(self._hidden, *arguments[1:], **named)
        else:
            own = twin(**(named | {"hidden_states": self._hidden}))
        self._hidden = own[0] if isinstance(own, tuple) else own

    def _join(self, decoder: nn.Module, arguments: Any, output: Any) -> None:
        if not self._active:
            return
        hidden, self._hidden = self._hidden, None
        assert hidden is not None
        for module in self._after:
            hidden = module(hidden)
        output.last_hidden_state = torch.cat([output.last_hidden_state, hidden], dim=-1)

    @torch.no_grad()
    def _check(self, model: PreTrainedModel) -> None:
        """Refuse a model whose layers compute something else as a copy, or find their keys and values in another way.

        Both have read the same with the same weights: keys of both in one place would not show in what they compute.
        """
        cache = _empty_cache(model)
        try:
            with self.beside():
                passes = [_probe(model), *(_probe(model, cache) for _ in range(PROBED))]
            read = {layer.get_seq_length() for layer in _plain_caches(cache)[0].layers}
            same = read == {PROBED} and all(torch.equal(*hidden.chunk(2, dim=-1)) for hidden in passes)
        except Exception:  # each architecture fails in its own way
            same = False
        if not same:
            raise ModelError(
                f"The upper layers of {type(model).__name__} cannot run twice in one pass: leave unfrozen_layers out."
            )


def _plain_caches(cache: Cache | EncoderDecoderCache) -> list[Any]:
    if isinstance(cache, EncoderDecoderCache):
        return [cache.self_attention_cache, cache.cross_attention_cache]
    return [cache]


def _empty_cache(model: PreTrainedModel) -> Cache | EncoderDecoderCache:
    config = model.get_decoder().config
    own = DynamicCache(config=config)
    return EncoderDecoderCache(own, DynamicCache(config=config)) if model.config.is_encoder_decoder else own


def _probe(model: PreTrainedModel, cache: Cache | EncoderDecoderCache | None = None) -> Tensor:
    """Return the hidden states of a decoder that reads some tokens, [1, 2, D], or one into a cache, [1, 1, D]."""
    count = PROBED if cache is None else 1
    ids = torch.zeros(1, count, dtype=torch.long, device=next(model.parameters()).device)
    named: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
    if model.config.is_encoder_decoder:
        named["encoder_hidden_states"] = model.get_encoder()(input_ids=ids).last_hidden_state
    output: Tensor = model.get_decoder()(input_ids=ids, use_cache=cache is not None, **named).last_hidden_state
    return output


@torch.no_grad()
def _called_after(model: PreTrainedModel, decoder: nn.Module, last: nn.Module) -> list[nn.Module]:
    """Return the parts of a decoder that its last layer's output passes, in their order."""
    called: list[nn.Module] = []
    hooks = [part.register_forward_hook(lambda part, *_: called.append(part)) for part in decoder.children()]
    hooks.append(last.register_forward_hook(lambda *_: called.clear()))
    try:
        _probe(model)
    finally:
        for hook in hooks:
            hook.remove()
    return called
