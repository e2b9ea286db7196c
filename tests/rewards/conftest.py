"""Real texts that several tests of rewards judge."""

import gzip
import json
import random
from pathlib import Path

import pytest

from tests.rewards.texts import disturb


@pytest.fixture(scope="session")
def real_pairs(shared_data: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    """5,000 disturbed sentences and their references, one to several: captions in three languages and summaries."""
    rng = random.Random(0)
    captions = []
    for language in ("en", "de", "fr"):
        with gzip.open(shared_data / "multi30k" / f"val.{language}.gz", "rt", encoding="utf-8") as lines:
            captions += [(line.strip(),) for line in lines]
    summaries = []
    for split in ("test", "dev", "train"):
        with open(shared_data / "scitldr" / f"{split}.jsonl", encoding="utf-8") as lines:
            summaries += [tuple(json.loads(line)["target"]) for line in lines]
    references = [*captions[:2900], *summaries[:2100]]
    assert len(references) == 5000
    others = [texts[0] for texts in references]
    return [disturb(rng.choice(texts), others, rng) for texts in references], references
