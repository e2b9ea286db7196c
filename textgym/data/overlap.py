"""Samples that come twice, within a split or in two: what a score on held-out data should be read with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from textgym.core import Sample, Task
from textgym.errors import DataError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Overlap:
    """Counts of what comes twice.

    Attributes:
        samples: How many samples each split has.
        duplicates: How many samples of each split have the prompt and the references of an earlier one in it.
        duplicate_ids: How many samples of each split have the ``id`` of an earlier one in it (in their metadata).
        shared: By two splits, how many samples of the second have a prompt that is in the first.
    """

    samples: Mapping[str, int]
    duplicates: Mapping[str, int]
    duplicate_ids: Mapping[str, int]
    shared: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything comes twice."""
        return any(map(any, (self.duplicates.values(), self.duplicate_ids.values(), self.shared.values())))

    def __str__(self) -> str:
        """Return the counts that are not 0 as a sentence."""
        found = [
            *(f"{n:,} of {self.samples[s]:,} samples of {s!r} are duplicates" for s, n in self.duplicates.items() if n),
            *(f"{n:,} samples of {s!r} have an id that came before" for s, n in self.duplicate_ids.items() if n),
            *(
                f"{n:,} of {self.samples[b]:,} samples of {b!r} have a prompt that is in {a!r}"
                for (a, b), n in self.shared.items()
                if n
            ),
        ]
        return "; ".join(found) or "nothing comes twice"


def find_overlap(task: Task, splits: Iterable[str] | None = None) -> Overlap:
    """Read all samples of a task and count those that come twice.

    Prompts are compared without regard to white space.

    Args:
        task: Any task.
        splits: Which splits; by default all that it has, the training split first.
    """
    names = sorted(task.splits if splits is None else splits, key=_order)
    seen: dict[str, set[bytes]] = {}
    samples, duplicates, ids, shared = {}, {}, {}, {}
    for name in names:
        prompts, duplicates[name], ids[name] = _counted(task.samples(name))
        samples[name] = len(prompts)
        for earlier, there in seen.items():
            shared[earlier, name] = sum(prompt in there for prompt in prompts)
        seen[name] = set(prompts)
    return Overlap(samples, duplicates, ids, shared)


def refuse_overlap(task: Task) -> None:
    """Raise DataError when anything of a task comes twice."""
    found = find_overlap(task)
    if found:
        raise DataError(f"strict=True refuses the data: {found}. Remove them, or leave strict out.")


def _order(split: str) -> tuple[int, str]:
    return (SPLITS.index(split) if split in SPLITS else len(SPLITS), split)


def _counted(samples: Iterable[Sample]) -> tuple[list[bytes], int, int]:
    """Return the keys of all prompts, and how many samples, and how many ids, come after one that is equal."""
    prompts: list[bytes] = []
    rows: set[bytes] = set()
    ids: list[str] = []
    for sample in samples:
        prompts.append(_key(sample.prompt))
        rows.add(b"".join((prompts[-1], *map(_key, sample.references))))
        if "id" in sample.metadata:
            ids.append(repr(sample.metadata["id"]))
    return prompts, len(prompts) - len(rows), len(ids) - len(set(ids))


def _key(text: str) -> bytes:
    return blake2b(" ".join(text.split()).encode("utf-8", "surrogatepass"), digest_size=12).digest()
