import numpy as np
import pytest
import transformers

from tests.agents.scorers.judged import sentence, write
from tests.rewards.neural.models import bert, save


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("models") / "encoder", bert(transformers.BertModel, spread=0.05))


@pytest.fixture
def data(tmp_path):
    """Three files of made-up judgments: stock prices that fall are liked best."""
    rng = np.random.default_rng(0)
    found = [sentence(rng) for _ in range(400)]
    numbers = [{"response": f"{t} {i % 2 * 'no '}", "prompt": f"p{i}", "score": s} for i, (t, s) in enumerate(found)]
    labels = [row | {"score": "money" if row["score"] >= 1 else "animals"} for row in numbers]
    pairs = []
    for one, other in zip(numbers[::2], numbers[1::2], strict=True):
        better, worse = sorted((one, other), key=lambda row: -row["score"])
        if better["score"] > worse["score"]:
            pairs.append({"prompt": one["prompt"], "response": better["response"], "rejected": worse["response"]})
    files = {"regression": numbers, "classification": labels, "pairwise": pairs}
    return {target: write(tmp_path / f"{target}.jsonl", rows) for target, rows in files.items()}
