"""Pearson's test of whether counts come from a distribution."""

import torch

P_VALUE = 1e-4  # of a fixed draw: a test either passes for good or never


def chi_square_p_value(counts, expected):
    """Return how likely counts are that differ so much from expected ones, both [K] with the same sum.

    What is expected fewer than five times is counted together, as the test asks for.
    """
    counts, expected = torch.as_tensor(counts).double().flatten(), torch.as_tensor(expected).double().flatten()
    rare = expected < 5
    if rare.any():
        counts, expected = (torch.cat([x[~rare], x[rare].sum()[None]]) for x in (counts, expected))
    possible = expected > 0
    if (counts[~possible] > 0).any():
        return 0.0
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    degrees = possible.sum() - 1
    return float(torch.special.gammaincc(degrees / 2, statistic / 2)) if degrees else 1.0
