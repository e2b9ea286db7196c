"""Fixtures for tests that learn: one thread, and one model of each architecture."""

from typing import Any

import pytest
import torch

from tests.agents.tiny import MODELS


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(params=["gpt2", "t5"])
def model(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One decoder-only and one encoder-decoder configuration."""
    return MODELS[request.param]
