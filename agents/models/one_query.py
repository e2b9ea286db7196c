"""Attention of one new token a row: what a decoding step on a CPU asks of every layer.

A model of the library looks up its attention function by a name in its configuration; this one stands there during a
step only, so that saved configurations never name it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "textgym_one_query"
KNOWN = {"is_causal", "use_cache", "position_ids", "output_attentions", "output_hidden_states", "return_dict"}


def one_query_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    position_bias: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend from one query to all columns, as two batched products; all else goes to the library's own function.

    Query heads that share keys are rows of one product, so that no key is repeated.

    Args:
        module: The layer.
        query: [n, heads, 1, dim].
        key: [n, key heads, columns, dim].
        value: [n, key heads, columns, dim].
        attention_mask: float [n, 1, 1, columns], added to the scores. A boolean one is not for here.
        dropout: Not for here.
        scaling: Of the scores.
        position_bias: float [1 or n, heads, 1, columns], added to the scores too.
        kwargs: What else the model says of itself.

    Returns:
        [n, 1, heads, dim], and no weights.
    """
    additive = attention_mask is not None and attention_mask.is_floating_point()
    if query.shape[2] != 1 or not additive or dropout or query.device.type != "cpu" or not _is_plain(kwargs):
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, position_bias=position_bias, **kwargs
        )
        return output, None
    assert attention_mask is not None
    n, heads, _, dim = query.shape
    shared, columns = key.shape[1], key.shape[2]
    scale = dim**-0.5 if scaling is None else scaling
    rows = (query * scale).reshape(n * shared, heads // shared, dim)
    scores = torch.bmm(rows, key.reshape(n * shared, columns, dim).transpose(1, 2)).view(n, heads, 1, columns)
    scores = scores + attention_mask
    if position_bias is not None:
        scores = scores + position_bias
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    weights = weights.view(n * shared, heads // shared, columns)
    output = torch.bmm(weights, value.reshape(n * shared, columns, value.shape[3]))
    return output.view(n, 1, heads, value.shape[3]), None


def _is_plain(kwargs: dict[str, Any]) -> bool:
    """Whether nothing is asked that could change the numbers, such as a softcap."""
    return all(value is None or name in KNOWN for name, value in kwargs.items())


AttentionInterface.register(NAME, one_query_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)  # without it, the library would make no mask at all


def sdpa_configs(model: PreTrainedModel) -> list[PreTrainedConfig]:
    """Return the configurations by which the layers of a model look up PyTorch's scaled dot product attention."""
    configs = [getattr(module, "config", None) for module in model.modules()]
    found = {id(config): config for config in configs if isinstance(config, PreTrainedConfig)}
    return [config for config in found.values() if config._attn_implementation == "sdpa"]


@contextmanager
def one_query(configs: list[PreTrainedConfig]) -> Iterator[None]:
    """Within, models of these configurations attend by :func:`one_query_attention`, where they did by PyTorch's."""
    usual = [config for config in configs if config._attn_implementation_internal == "sdpa"]
    for config in usual:
        config._attn_implementation_internal = NAME
    try:
        yield
    finally:
        for config in usual:
            config._attn_implementation_internal = "sdpa"
