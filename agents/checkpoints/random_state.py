"""Where the random generators of a process stand: Python's, NumPy's global one, and torch's on every device."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def random_state() -> dict[str, Tensor]:
    """Return the state of every generator that Stable-Baselines3's ``set_random_seed`` seeds, as tensors by name."""
    _, python, gauss = random.getstate()
    _, keys, position, has_gauss, numpy_gauss = np.random.get_state()  # noqa: NPY002  (Stable-Baselines3 draws from it)
    state = {
        "python": torch.tensor(python, dtype=torch.int64),
        "numpy": torch.tensor([*np.asarray(keys).tolist(), position, has_gauss], dtype=torch.int64),
        "numpy.gauss": torch.tensor(numpy_gauss, dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    if gauss is not None:
        state["python.gauss"] = torch.tensor(gauss, dtype=torch.float64)
    if torch.cuda.is_available():
        state |= {f"cuda.{i}": device_state for i, device_state in enumerate(torch.cuda.get_rng_state_all())}
    return state


def set_random_state(state: Mapping[str, Tensor]) -> None:
    """Put every generator where :func:`random_state` found it; devices that are not there are left out."""
    gauss = state["python.gauss"].item() if "python.gauss" in state else None
    random.setstate((3, tuple(state["python"].tolist()), gauss))
    *keys, position, has_gauss = state["numpy"].tolist()
    numpy_state = ("MT19937", np.array(keys, dtype=np.uint32), position, has_gauss, state["numpy.gauss"].item())
    np.random.set_state(numpy_state)  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    for i in range(torch.cuda.device_count()):
        if f"cuda.{i}" in state:
            torch.cuda.set_rng_state(state[f"cuda.{i}"], i)
