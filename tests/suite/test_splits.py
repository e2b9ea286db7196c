"""No prompt of one split is in another, and no dialogue, in any task that the library brings."""

import gymnasium as gym
import pytest

from tests.suite.ids import every_id, kind, small

READ = 60  # samples of a split, from both of its ends
REPEATED = {"textgym/Dialogue-v0"}  # of what people say, short openings such as "hi" come in several splits
OURS = [id for id in every_id() if id.startswith("textgym/")]


def told(sample, whole):
    """Return what must not come twice; a dialogue may begin as another does, whose goal is another."""
    prompt = " ".join(sample.prompt.split())
    return repr((prompt, sample.references, dict(sample.metadata))) if whole else prompt


def read(task, split, whole):
    samples = task.samples(split)
    size = len(samples)
    chosen = {*range(min(size, READ)), *range(max(size - READ, 0), size)}
    return {told(samples[i], whole) for i in chosen}


@pytest.mark.parametrize("id", OURS)
def test_splits_are_disjoint(id):
    task = gym.make(id, **small(id)).unwrapped.episodes.task
    assert len(task.splits) > 1
    seen = {}
    for split in task.splits:
        found = read(task, split, whole=kind(id) == "dialogue")
        assert found
        for other, earlier in seen.items():
            shared = found & earlier
            assert not shared or (id in REPEATED and len(shared) < 0.02 * len(found)), (
                other,
                split,
                sorted(shared)[:3],
            )
        seen[split] = found
