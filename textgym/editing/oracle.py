"""The fewest edits that turn a draft into a text: what a perfect editor would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgym.editing.episodes import EditEpisodes, EditStart
from textgym.editing.space import DELETE, INSERT, KINDS, REPLACE, STOP, Edits, EditSpace
from textgym.errors import DataError
from textgym.spaces import EMPTY

Edit = tuple[int, int, int]  # kind, position, token


class EditDemonstrations(NamedTuple):
    """What a perfect editor does in M states, to imitate.

    Attributes:
        observations: int32 [M, P + N + 1].
        actions: int64 [M, 3], or flat [M].
        index: int64 [M], the sample of each row.
    """

    observations: npt.NDArray[np.int32]
    actions: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]  # type: ignore[assignment]  # hides tuple.index


def shortest_edits(draft: Sequence[int], target: Sequence[int], kinds: Sequence[str] = KINDS[1:]) -> list[Edit]:
    """Return the fewest edits that turn ``draft`` into ``target`` (Wagner and Fischer, 1974), in order.

    Deletions come first, from the right, then replacements and then insertions, from the left: so no text on the way
    is longer than the longer of both. Edits of a kind that may not be used are left out, where the others alone cannot
    write the target; as few as can be are. So deletions alone lead to the longest common subsequence: of all extracts
    of the draft one with the highest recall and precision 1.

    Args:
        draft: Token ids.
        target: Token ids.
        kinds: Which kinds of edits may be used.

    Returns:
        (kind, position, token) of each; the token of a deletion is 0.
    """
    replaced, deleted, inserted = _alignment(draft, target, kinds)
    edits: list[Edit] = []
    if "delete" in kinds:
        edits += [(DELETE, i, 0) for i in reversed(deleted)]
    else:
        deleted = []
    gone = np.searchsorted(deleted, [i for i, _ in replaced]).tolist() if replaced else []
    edits += [(REPLACE, i - before, target[j]) for (i, j), before in zip(replaced, gone, strict=True)]
    if "insert" in kinds:
        edits += _insertions(draft, target, replaced, deleted, inserted)
    return edits


def _insertions(
    draft: Sequence[int],
    target: Sequence[int],
    replaced: list[tuple[int, int]],
    deleted: list[int],
    inserted: list[tuple[int, int]],
) -> list[Edit]:
    """Return the insertions of ``target[j]`` before ``draft[i]``, at the places that they have in the course."""
    gone = np.searchsorted(deleted, [i for i, _ in inserted]).tolist() if inserted else []
    return [
        (INSERT, i - before + number, target[j])
        for number, ((i, j), before) in enumerate(zip(inserted, gone, strict=True))
    ]


def _alignment(
    draft: Sequence[int], target: Sequence[int], kinds: Sequence[str]
) -> tuple[list[tuple[int, int]], list[int], list[tuple[int, int]]]:
    """Return which (i, j) are replaced, which i deleted, and which j inserted before which i, in ascending order."""
    replacing = "replace" in kinds
    most = len(draft) + len(target)
    deletion, insertion = (1 if kind in kinds else most + 1 for kind in ("delete", "insert"))  # the last resort
    cost = _costs(draft, target, replacing, deletion, insertion)
    replaced, deleted, inserted = [], [], []
    i, j = len(draft), len(target)
    while i or j:
        here = cost[i][j]
        if i and j and draft[i - 1] == target[j - 1] and here == cost[i - 1][j - 1]:
            i, j = i - 1, j - 1
        elif replacing and i and j and here == cost[i - 1][j - 1] + 1:
            i, j = i - 1, j - 1
            replaced.append((i, j))
        elif i and here == cost[i - 1][j] + deletion:
            i -= 1
            deleted.append(i)
        else:
            j -= 1
            inserted.append((i, j))
    return replaced[::-1], deleted[::-1], inserted[::-1]


def _costs(
    draft: Sequence[int], target: Sequence[int], replacing: bool, deletion: int, insertion: int
) -> list[list[int]]:
    """Return the least cost of edits between all prefixes, [len(draft) + 1][len(target) + 1]; a replacement's is 1."""
    cost = [[j * insertion for j in range(len(target) + 1)]]
    for i, token in enumerate(draft, 1):
        above, row = cost[-1], [i * deletion]
        for j, wanted in enumerate(target):
            least = min(above[j + 1] + deletion, row[j] + insertion)
            if token == wanted:
                row.append(min(least, above[j]))
            else:
                row.append(min(least, above[j] + 1) if replacing else least)
        cost.append(row)
    return cost


def demonstration(episodes: EditEpisodes, start: EditStart, draft: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return the actions from ``draft`` to the nearest reference and a stop, int64 [K, 3] or flat [K].

    Raises:
        DataError: There is no reference, or none that legal edits can write.
    """
    space, sample = episodes.space, start.sample
    targets = [episodes.tokenizer.encode(reference) for reference in sample.references]
    known = [target for target in targets if len(target) <= space.max_draft_tokens]
    courses = [_course(episodes, draft, target) for target in known]
    possible = [edits for edits in courses if _is_possible(space, len(draft), edits)]
    if not possible:
        raise DataError(
            f"Sample {start.index} has no reference that edits can write: it needs one of at most "
            f"max_draft_tokens={space.max_draft_tokens} tokens, none of which is banned; it has {len(targets)}, of "
            f"{[len(target) for target in targets]} tokens."
        )
    course = [*min(possible, key=len), (STOP, 0, 0)]
    return episodes.actions.write(Edits(*np.array(course, dtype=np.int64).T))


def _course(episodes: EditEpisodes, draft: Sequence[int], target: Sequence[int]) -> list[Edit]:
    """Return the edits; deletions alone cannot give a word its capital, so there case and spaces are overlooked."""
    kinds = episodes.space.kinds
    if kinds != (KINDS[DELETE],):
        return shortest_edits(draft, target, kinds)
    decode, number = episodes.tokenizer.decode, dict[str, int]()
    texts = [[decode([token]).strip().lower() for token in ids] for ids in (draft, target)]
    same = [[number.setdefault(text, len(number)) for text in row] for row in texts]
    return shortest_edits(same[0], same[1], kinds)


def _is_possible(space: EditSpace, length: int, edits: Sequence[Edit]) -> bool:
    kinds = [kind for kind, _, _ in edits]
    fits = length + kinds.count(INSERT) - kinds.count(DELETE) <= space.max_draft_tokens
    return fits and all(kind == DELETE or bool(space.is_written[token]) for kind, _, token in edits)


def demonstrate(episodes: EditEpisodes, starts: Sequence[EditStart]) -> EditDemonstrations:
    """Return the states and actions of a perfect editor in whole episodes, one after the other."""
    space = episodes.space
    rows: list[npt.NDArray[np.int32]] = []
    actions: list[Any] = []
    index: list[int] = []
    for start in starts:
        shown = demonstration(episodes, start, start.draft)[: space.max_edits]
        row = np.full((1, *(space.shape or ())), EMPTY, dtype=np.int32)
        P = space.max_prompt_tokens
        row[0, P - len(start.ids) : P] = start.ids
        row[0, P : P + len(start.draft)] = start.draft
        edits = episodes.actions.read(shown, np.arange(len(shown)), len(shown))
        for k in range(len(shown)):
            row[0, -1] = space.max_edits - k
            rows.append(row.copy())
            drafts, lengths = space.drafts(row)
            row[:, P:-1], _ = space.apply(drafts, lengths, edits.rows(np.array([k])))
        actions.extend(shown)
        index += [start.index] * len(shown)
    return EditDemonstrations(np.concatenate(rows), np.array(actions), np.array(index, dtype=np.int64))
