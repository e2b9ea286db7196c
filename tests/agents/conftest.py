"""Fixtures for tests that learn: one thread, and one model of each architecture."""

from pathlib import Path
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


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an uninterrupted run of SFT and PPO, ``run``, what it said, and copies of it as kills leave it."""
    from agents.train import train
    from tests.agents.interrupted import copied_at, small

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("killed")
    said: list[str] = []
    with copied_at(folder / "run", folder, updates=[1, 8, 35, 42], judgements=[5, 6]):
        train(small(folder), said.append)
    (folder / "said").write_text("\n".join(said))
    return folder
