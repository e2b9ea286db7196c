"""What the benchmark of learned scorers counts, and the corpora as they are published."""

import numpy as np
import pytest

from benchmarks.learned.corpora import conversations, opinions, translations
from benchmarks.learned.dialogue import _judged
from benchmarks.learned.vectors import CHUNK, VectorFiles
from textgym.errors import DataError


def test_pairs_are_counted_within_contexts_and_the_area_over_all():
    scores = np.random.default_rng(0).integers(0, 6, (7, 3, 5)).astype(float)
    found = _judged(scores)
    for kind, name in ((1, "random"), (2, "adversarial")):
        value = lambda a, b: 1.0 if a > b else 0.5 if a == b else 0.0  # noqa: E731
        pairs = [value(a, b) for row in scores for a in row[0] for b in row[kind]]
        area = [value(a, b) for a in scores[:, 0].ravel() for b in scores[:, kind].ravel()]
        assert found[f"pairs_{name}"]["value"] == pytest.approx(np.mean(pairs))
        assert found[f"area_{name}"]["value"] == pytest.approx(np.mean(area))
        assert found[f"area_{name}"]["low"] < found[f"area_{name}"]["value"] < found[f"area_{name}"]["high"]


def test_vectors_are_kept_by_model_and_text(tmp_path, monkeypatch):
    asked = []

    class Counting:
        def embed(self, texts):
            asked.append(len(texts))
            return np.array([[len(text), 1] for text in texts], np.float32)

    monkeypatch.setattr("textgym.rewards.neural.source.fingerprint", lambda model: model)
    monkeypatch.setattr("textgym.rewards.neural.network.load", lambda *_: Counting())
    texts = ["a" * (i % 7) for i in range(CHUNK + 5)]
    first = VectorFiles("one", tmp_path).embed(texts)
    np.testing.assert_array_equal(VectorFiles("one", tmp_path).embed(texts), first)
    assert asked == [CHUNK, 5]
    VectorFiles("two", tmp_path).embed(texts)
    assert len(asked) == 4


def test_the_corpora_are_read_whole(shared_data):
    rows = opinions(shared_data)
    assert (len(rows), sum(row.positive for row in rows)) == (10_662, 5_331)
    pairs = translations(shared_data, "dev")
    assert len(pairs) == 1_000
    assert pairs[0].target.startswith("Gleichzeitig nahm die Legion")
    contexts = conversations(shared_data, "test")
    assert len(contexts) == 1_142
    assert {len(kind) for row in contexts for kind in (row.good, row.adversarial, row.random)} == {5}


def test_a_folder_without_corpora_is_told(tmp_path):
    with pytest.raises(DataError, match="mlqe_pe, dailydialog_pp and movie_reviews"):
        opinions(tmp_path)
