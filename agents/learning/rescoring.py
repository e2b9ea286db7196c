"""Log-probabilities and values of a rollout as the learning pass computes them.

In float32 a cached step gives what a pass over whole sequences does, up to the last bits. In half precision it does
not: the ratio of a first update would not be 1, and clipping would begin with rounding. So the numbers of the rollout
are replaced, at the price of one forward pass.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from agents.learning.buffer import Experience
from agents.models.parts import Rows
from agents.policy import TransformerPolicy


def rescore(policy: TransformerPolicy, experience: Experience, passes: Iterable[Rows]) -> float:
    """Replace the log-probabilities and values of a rollout; return by how much log-probabilities differed on average.

    Args:
        policy: The one that wrote it.
        experience: The rollout.
        passes: The responses of each pass that will be learned from first: the same rows give the same bits.
    """
    differences = []
    for rows in passes:
        with torch.enable_grad():  # without, torch may choose other kernels, which round otherwise
            found = policy.evaluate_actions(*experience.sequences(rows, policy.network.device))
        values, log_probs = (array.detach().flatten().cpu().numpy() for array in found[:2])
        own = experience.own[rows]
        differences.append(np.abs(experience.log_probs[rows][own] - log_probs))
        for known, numbers in ((experience.values, values), (experience.log_probs, log_probs)):
            part = np.zeros(own.shape, dtype=np.float32)
            part[own] = numbers
            known[rows] = part
    return float(np.concatenate(differences).mean())
