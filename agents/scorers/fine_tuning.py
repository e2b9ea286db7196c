"""Encoder and head that learn together, from where the head alone has come."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from agents.scorers.config import ScorerConfig
from agents.scorers.examples import Examples
from agents.scorers.heads import PATIENCE, Unit
from agents.scorers.loss import loss_of
from textgym.rewards.neural.encoder import Encoder
from textgym.rewards.neural.head import Head


class Scoring(nn.Module):
    """An encoder with a head.

    Args:
        encoder: Its model is changed by learning.
        head: Where the head begins.
        pooling: "mean" or "first".
        unit: Of the judgments.
    """

    def __init__(self, encoder: Encoder, head: Head, pooling: str, unit: Unit) -> None:
        super().__init__()
        self.encoder, self.pooling, self.unit = encoder, pooling, unit
        self.model = encoder.model.requires_grad_(True)
        self.register_buffer("mean", torch.tensor(head.mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(head.scale, dtype=torch.float32))
        self.weights = nn.ParameterList([torch.tensor(weight, dtype=torch.float32) for weight, _ in head.layers])
        self.biases = nn.ParameterList([torch.tensor(bias, dtype=torch.float32) for _, bias in head.layers])
        self.to(encoder.device)

    def forward(self, responses: list[str], others: list[str] | None) -> Tensor:
        """Return the numbers of some texts, float32 [N, outputs]."""
        one = self._embedded(responses)
        if others is not None:
            other = self._embedded(others)
            one = torch.cat([one, other, (one - other).abs(), one * other], 1)
        rows = (one - self.get_buffer("mean")) / self.get_buffer("scale")
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            rows = (rows.relu() if number else rows) @ weight + bias
        return rows

    def _embedded(self, texts: list[str]) -> Tensor:
        return self.encoder.pooled(self.encoder.tensors(self.encoder.tokens(texts)), self.pooling)

    def head(self) -> Head:
        """Return the head as it is now."""
        pairs = zip(self.weights, self.biases, strict=True)
        layers = tuple((_array(weight), _array(bias)) for weight, bias in pairs)
        return Head(_array(self.get_buffer("mean")), _array(self.get_buffer("scale")), layers)


def fine_tune(
    encoder: Encoder, head: Head, train: Examples, validation: Examples, config: ScorerConfig
) -> tuple[Head, int]:
    """Train the encoder, in place, and the head; return the head that goes with it, and which epoch was kept.

    What validation likes best is kept, the beginning, 0, included; learning ends when it has not improved for three
    epochs.
    """
    unit = Unit.of(train.targets) if config.target == "regression" else Unit()
    scoring = Scoring(encoder, head, config.pooling, unit)
    optimizer = torch.optim.AdamW(scoring.parameters(), lr=config.encoder_learning_rate, weight_decay=0.01)
    generator = torch.Generator().manual_seed(config.seed)
    best, least, kept = _copied(scoring), _validated(scoring, validation, config), 0
    with torch.random.fork_rng(devices=[]):  # of dropout
        torch.manual_seed(config.seed)
        for epoch in range(1, config.epochs + 1):
            _epoch(scoring, optimizer, train, torch.randperm(len(train), generator=generator), config)
            found = _validated(scoring, validation, config)
            if found < least:
                best, least, kept = _copied(scoring), found, epoch
            if epoch - kept >= PATIENCE:
                break
    scoring.load_state_dict(best)
    scoring.eval().requires_grad_(False)
    return scoring.head(), kept


def _epoch(
    scoring: Scoring, optimizer: torch.optim.Optimizer, train: Examples, order: Tensor, config: ScorerConfig
) -> None:
    scoring.train()
    for rows in order.split(config.batch_size):
        optimizer.zero_grad()
        _loss(scoring, train, rows.tolist(), config.target).backward()
        torch.nn.utils.clip_grad_norm_(scoring.parameters(), 1.0)
        optimizer.step()


def _validated(scoring: Scoring, validation: Examples, config: ScorerConfig) -> float:
    scoring.eval()
    with torch.no_grad():
        batches = torch.arange(len(validation)).split(config.batch_size)
        losses = [float(_loss(scoring, validation, rows.tolist(), config.target)) * len(rows) for rows in batches]
    return float(np.sum(losses) / len(validation))


def _loss(scoring: Scoring, split: Examples, rows: list[int], target: str) -> Tensor:
    others = None if split.others is None else [split.others[i] for i in rows]
    numbers = scoring([split.responses[i] for i in rows], others)
    if split.rejected is not None:
        numbers = numbers - scoring([split.rejected[i] for i in rows], others)
    mean, scale = scoring.unit
    judgments = torch.tensor((split.targets[rows] - mean) / scale, dtype=torch.float32, device=numbers.device)
    return loss_of(target, (numbers - mean) / scale, judgments)


def _copied(scoring: Scoring) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in scoring.state_dict().items()}


def _array(values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return values.detach().double().cpu().numpy()
