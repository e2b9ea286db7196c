"""Heads trained on features that do not change."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agents.scorers.config import ScorerConfig
from agents.scorers.loss import loss_of
from textgym.core import FloatArray
from textgym.rewards.neural.head import Head

DECAYS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)  # weights of the squared norm, of which validation chooses
PATIENCE = 3  # epochs without improvement


class Features(NamedTuple):
    """What a head learns from: the features of a split, float64 [N, D], of pairwise data of both responses."""

    chosen: FloatArray
    rejected: FloatArray | None
    judgments: FloatArray

    def chosen_and_rejected(self) -> FloatArray:
        """Return the features of all responses."""
        return self.chosen if self.rejected is None else np.concatenate([self.chosen, self.rejected])


def fit_head(train: Features, validation: Features, outputs: int, config: ScorerConfig) -> Head:
    """Return the head that does best on validation."""
    both = train.chosen_and_rejected()
    mean, scale = both.mean(0), np.maximum(both.std(0), 1e-6)
    unit = Unit.of(train.judgments) if config.target == "regression" else Unit()
    learned, held_out = (_tensors(split, mean, scale, unit) for split in (train, validation))
    fit = _linear if config.head == "linear" else _with_hidden_layer
    network = fit(learned, held_out, outputs, config)
    linear = [module for module in network if isinstance(module, nn.Linear)]
    *hidden, last = [(m.weight.detach().double().numpy().T, m.bias.detach().double().numpy()) for m in linear]
    head = Head(mean, scale, (*hidden, (last[0] * unit.scale, last[1] * unit.scale + unit.mean)))
    return centred(head, both) if config.target == "pairwise" else head


class Unit(NamedTuple):
    """The unit in which judgments are learned, so that their size changes nothing: mean and standard deviation."""

    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, judgments: FloatArray) -> Unit:
        """Return the unit of some judgments, which are not all the same."""
        return cls(float(judgments.mean()), float(judgments.std()))


def centred(head: Head, rows: FloatArray) -> Head:
    """Return a pairwise head whose numbers have mean 0, which no loss of differences can tell."""
    *hidden, (weight, bias) = head.layers
    return Head(head.mean, head.scale, (*hidden, (weight, bias - head(rows).mean(0))))


class _Tensors(NamedTuple):
    chosen: Tensor
    rejected: Tensor | None
    judgments: Tensor


def _tensors(split: Features, mean: FloatArray, scale: FloatArray, unit: Unit) -> _Tensors:
    def scaled(rows: FloatArray) -> Tensor:
        return torch.from_numpy((rows - mean) / scale)

    rejected = None if split.rejected is None else scaled(split.rejected)
    return _Tensors(scaled(split.chosen), rejected, torch.from_numpy((split.judgments - unit.mean) / unit.scale))


def _loss(network: nn.Module, split: _Tensors, target: str, rows: Tensor | None = None) -> Tensor:
    pick = slice(None) if rows is None else rows
    numbers = network(split.chosen[pick])
    if split.rejected is not None:
        numbers = numbers - network(split.rejected[pick])
    return loss_of(target, numbers, split.judgments[pick])


def _linear(train: _Tensors, validation: _Tensors, outputs: int, config: ScorerConfig) -> nn.Sequential:
    """Return the linear head of the best regularisation; each is a convex problem, solved by L-BFGS from zero."""
    best, least = None, np.inf
    for decay in DECAYS:
        network = nn.Sequential(nn.Linear(train.chosen.shape[1], outputs, dtype=torch.float64))
        for parameter in network.parameters():
            nn.init.zeros_(parameter)
        _minimise(network, train, decay, config.target)
        with torch.no_grad():
            found = float(_loss(network, validation, config.target))
        if found < least:
            best, least = network, found
    assert best is not None  # features and judgments are of size 1, and losses finite
    return best


def _minimise(network: nn.Sequential, train: _Tensors, decay: float, target: str) -> None:
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=300, line_search_fn="strong_wolfe")
    layer = network[0]
    assert isinstance(layer, nn.Linear)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(network, train, target) + decay * layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)


def _with_hidden_layer(train: _Tensors, validation: _Tensors, outputs: int, config: ScorerConfig) -> nn.Sequential:
    generator = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = nn.Sequential(
            nn.Linear(train.chosen.shape[1], config.hidden), nn.ReLU(), nn.Linear(config.hidden, outputs)
        ).double()
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.1)
    best, least, since = network.state_dict(), np.inf, 0
    for _ in range(config.epochs):
        for rows in torch.randperm(len(train.judgments), generator=generator).split(config.batch_size):
            optimizer.zero_grad()
            _loss(network, train, config.target, rows).backward()
            optimizer.step()
        with torch.no_grad():
            found = float(_loss(network, validation, config.target))
        since += 1
        if found < least:
            best, least, since = {k: v.clone() for k, v in network.state_dict().items()}, found, 0
        if since >= PATIENCE:
            break
    network.load_state_dict(best)
    return network
