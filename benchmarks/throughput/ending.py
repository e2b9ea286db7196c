"""Responses that end: ours by themselves, at a stated rate; then the other side's, forced to the same lengths.

So both write equally many tokens, row by row. The lengths are geometric, cut at the limit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from transformers import LogitsProcessor, PreTrainedModel

SHARE = 0.4  # of the limit, the mean length


def rate(limit: int, share: float = SHARE) -> float:
    """Return the probability of an end at each token with which lengths, at most ``limit``, have that mean."""
    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        mean = (1 - (1 - p) ** limit) / p
        low, high = (p, high) if mean > share * limit else (low, p)
    return p


def end_at(model: PreTrainedModel, eos: int, probability: float, *, pretrained: bool) -> None:
    """Change a model's output head so that the eos comes with a probability, whatever stands before.

    A model that knows nothing finds all tokens about equally likely, and a bias does, which costs nothing. One that
    knows its language is given a head that counts the other tokens' logits, which costs our side a little.
    """
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Linear)
    odds = math.log(probability / (1 - probability))
    if pretrained:
        model.set_output_embeddings(EndingHead(head, eos, odds))
        return
    bias = torch.zeros(head.out_features)
    bias[eos] = odds + math.log(head.out_features - 1)
    head.bias = nn.Parameter(bias, requires_grad=False)


class EndingHead(nn.Linear):
    """An output head whose eos has constant odds against all other tokens together.

    Args:
        head: Whose weights are taken.
        eos: The id.
        odds: Their logarithm.
    """

    def __init__(self, head: nn.Linear, eos: int, odds: float) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = head.in_features, head.out_features
        self.weight, self.bias = head.weight, head.bias
        self.eos, self.odds = eos, odds

    def forward(self, input: Tensor) -> Tensor:
        """Return the logits [..., V]."""
        logits = super().forward(input)
        logits[..., self.eos] = -torch.inf
        others = logits.logsumexp(dim=-1)
        logits = logits.clone() if logits.requires_grad else logits
        logits[..., self.eos] = others + self.odds
        return logits


class ForcedEnds(LogitsProcessor):
    """Lets each row of ``generate`` end at its length, and not before.

    Attributes:
        eos: The id.
        lengths: int64 [B], the eos included; also one that was cut at the limit gets its eos there.
        width: Columns of the prompts.
    """

    def __init__(self, eos: int) -> None:
        self.eos = eos
        self.lengths = torch.zeros(0, dtype=torch.long)
        self.width = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the logits [B, V], of which only the eos's change."""
        last = self.lengths.eq(input_ids.shape[1] - self.width + 1)
        scores[:, self.eos] = torch.full_like(scores[:, 0], -torch.inf).masked_fill(last, 1e9)
        return scores


def written(found: Tensor, eos: int) -> int:
    """Return how many tokens [B, K] hold, those after each row's first eos left out."""
    ends = found == eos
    return int((ends.cumsum(dim=1) - ends.long() == 0).sum())
