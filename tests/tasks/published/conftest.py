"""What all tests of published tasks share."""

import pytest

from tests.tasks.published.fixtures import alone


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    alone(tmp_path, monkeypatch)
