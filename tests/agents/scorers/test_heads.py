"""Heads on features that do not change."""

import numpy as np
import torch

from agents.scorers import ScorerConfig
from agents.scorers.heads import Features, _minimise, _Tensors, fit_head
from textgym.rewards.neural.head import Head


def test_a_linear_regression_is_the_closed_form_of_ridge():
    rng = np.random.default_rng(0)
    rows, judgments, decay = rng.normal(size=(50, 4)), rng.normal(size=50), 0.1
    network = torch.nn.Sequential(torch.nn.Linear(4, 1, dtype=torch.float64))
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    _minimise(network, _Tensors(torch.from_numpy(rows), None, torch.from_numpy(judgments)), decay, "regression")
    wide = np.column_stack([rows, np.ones(50)])
    penalty = np.diag([decay * 50] * 4 + [0.0])
    expected = np.linalg.solve(wide.T @ wide + penalty, wide.T @ judgments)
    found = np.append(network[0].weight.detach().numpy()[0], network[0].bias.detach().numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_validation_chooses_the_regularisation():
    rng = np.random.default_rng(0)
    rows, noise = rng.normal(size=(30, 25)), rng.normal(size=30)
    useless = Features(rows, None, noise), Features(rng.normal(size=(30, 25)), None, rng.normal(size=30))
    weights = rng.normal(size=25)
    lawful = Features(rows, None, rows @ weights), Features(rows[::-1] * 0.9, None, rows[::-1] @ weights * 0.9)
    made = ScorerConfig("a", "b")
    sizes = [float(np.abs(fit_head(*pair, 1, made).layers[0][0]).sum()) for pair in (useless, lawful)]
    assert sizes[0] < 0.3 * sizes[1]


def test_a_head_is_read_as_it_was_saved():
    rng = np.random.default_rng(0)
    head = Head(
        rng.normal(size=3), np.ones(3), ((rng.normal(size=(3, 2)), np.zeros(2)), (rng.normal(size=(2, 1)), np.ones(1)))
    )
    rows = rng.normal(size=(5, 3)).astype(np.float32)
    again = Head.of_arrays(head.arrays())
    np.testing.assert_allclose(again(rows), head(rows), rtol=1e-5)
    by_hand = np.maximum((rows - head.mean) @ head.layers[0][0], 0) @ head.layers[1][0] + 1
    np.testing.assert_allclose(head(rows), by_hand)
