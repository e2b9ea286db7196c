"""Reserved memory holds what the library's own cache holds, and copies less."""

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache, MistralConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from agents.models.slots import SlotLayer, reserve


def filled_layer(rows: int = 5, columns: int = 3) -> DynamicLayer:
    layer = DynamicLayer()
    layer.update(torch.randn(rows, 2, columns, 4), torch.randn(rows, 2, columns, 4))
    return layer


def test_a_layer_agrees_with_the_dynamic_layer_through_steps_and_leaving_rows() -> None:
    torch.manual_seed(0)
    expected = filled_layer()
    layer = SlotLayer(expected, 6)
    for kept in ([0, 1, 2, 3, 4], [0, 4, 2, 3], [3, 1], [1], [0]):
        rows = torch.tensor(kept)
        for cache in (expected, layer):
            cache.batch_select_indices(rows)
        new = torch.randn(2, len(kept), 2, 1, 4)
        for one, other in zip(layer.update(*new), expected.update(*new), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)
        assert layer.get_seq_length() == expected.get_seq_length()
        assert layer.get_mask_sizes(1) == expected.get_mask_sizes(1)


def test_a_step_takes_no_new_memory() -> None:
    layer = SlotLayer(filled_layer(), 2)
    before = layer.keys.data_ptr()
    layer.update(*torch.randn(2, 5, 2, 1, 4))
    layer.batch_select_indices(torch.tensor([0, 4]))
    assert layer.keys.data_ptr() == before


@pytest.mark.parametrize("window", [None, 4])
def test_layers_with_a_sliding_window_go_on_as_they_are(window: int | None) -> None:
    config = MistralConfig(
        vocab_size=11, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, sliding_window=window,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    cache = DynamicCache(config=config)
    with torch.no_grad():
        model(torch.tensor([[1, 2, 3]]), past_key_values=cache)
    reserve(cache, 8)
    assert type(cache.layers[0]) is (SlotLayer if window is None else DynamicSlidingWindowLayer)
