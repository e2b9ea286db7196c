"""What a model makes of its last hidden states: the logits of the next token."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel


def logits_of(model: PreTrainedModel, hidden: Tensor, vocab_size: int) -> Tensor:
    """Return the logits of the first V tokens, float32 [N, V], as its own pass does of hidden states [N, D]."""
    config = model.config
    if getattr(config, "scale_decoder_outputs", False):  # T5 with tied embeddings
        hidden = hidden * config.d_model**-0.5
    logits: Tensor = model.get_output_embeddings()(hidden)
    bias = getattr(model, "final_logits_bias", None)  # BART, Marian
    logits = (logits if bias is None else logits + bias)[..., :vocab_size].float()
    softcap = getattr(config, "final_logit_softcapping", None)  # Gemma 2
    return logits if softcap is None else torch.tanh(logits / softcap) * softcap
