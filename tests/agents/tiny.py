"""A tiny task and tiny networks, for tests that learn and compare in seconds."""

from collections.abc import Sequence
from typing import Any

import torch

import textgym

_SIZES = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 64}
_BART = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
}
MODELS: dict[str, dict[str, Any]] = {
    "gpt2": {"model_type": "gpt2", "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neox": {"model_type": "gpt_neox", **_SIZES},
    "llama": {"model_type": "llama", "num_key_value_heads": 2, **_SIZES},
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 2, **_SIZES},
    "qwen3": {"model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 8, **_SIZES},
    "mistral": {"model_type": "mistral", "num_key_value_heads": 2, "sliding_window": 6, **_SIZES},  # shorter than texts
    "gemma": {"model_type": "gemma", "num_key_value_heads": 1, "head_dim": 8, **_SIZES},
    "t5": {"model_type": "t5", "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4},
    "bart": {"model_type": "bart", **_BART},
    "marian": {"model_type": "marian", **_BART},
    "mbart": {"model_type": "mbart", **_BART},
}


@textgym.register_task("test-letters")
class Letters(textgym.Task):
    """Prompts are short words; the reference is the word's first letter, doubled."""

    reward = "edit_similarity"
    max_prompt_tokens = 7
    max_new_tokens = 6

    def samples(self, split: str) -> Sequence[textgym.Sample]:
        words = ["ab", "bcd", "c", "dabca", "abcd", "dd", "cab", "bad"]
        return [textgym.Sample(word, (word[0] * 2,)) for word in words]


textgym.register_env("test/Letters-v0", task="test-letters", tokenizer="char:abcd")


def sharpen(policy: Any, factor: float = 4.0) -> None:
    """Scale the weights of a random network, so that its predictions depend on what it reads."""
    with torch.no_grad():
        for weight in policy.network.model.parameters():
            if weight.dim() > 1 and weight.requires_grad:  # Marian's sine positions are constants
                weight.mul_(factor)
        for weight in policy.network.value_head.parameters():
            torch.nn.init.normal_(weight)
