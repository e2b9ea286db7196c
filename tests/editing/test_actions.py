"""Edits as actions: both forms mean the same edits, masks are exact, arrays edit as lists do."""

import numpy as np
import pytest

from tests.editing.tiny import V, legal_action, tiny
from textgym.editing import DELETE, INSERT, REPLACE, STOP, EditActions, Edits, EditSpace

N = 8


def all_edits(space: EditSpace) -> Edits:
    grid = np.meshgrid(range(4), range(space.max_draft_tokens), range(space.vocab_size), indexing="ij")
    return Edits(*(axis.ravel() for axis in grid))


def drafts_of(space: EditSpace, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, space.max_draft_tokens + 1, count)
    drafts = rng.integers(0, space.vocab_size, (count, space.max_draft_tokens), dtype=np.int32)
    drafts[np.arange(space.max_draft_tokens) >= lengths[:, None]] = -1
    return drafts, lengths


def observed(space: EditSpace, drafts: np.ndarray) -> np.ndarray:
    prompts = np.zeros((len(drafts), space.max_prompt_tokens), np.int32)
    return np.concatenate([prompts, drafts, np.ones((len(drafts), 1), np.int32)], axis=1)


@pytest.mark.parametrize("kinds", [("insert", "replace", "delete"), ("delete",), ("insert", "delete"), ("replace",)])
def test_flat_numbers_are_the_edits_one_by_one(kinds):
    space = EditSpace(5, 3, 4, 6, [4], kinds)
    flat, triple = EditActions(space, flat=True), EditActions(space)
    numbers = np.arange(flat.space.n)
    edits = flat.read(numbers, numbers, len(numbers))
    np.testing.assert_array_equal(flat.write(edits), numbers)
    np.testing.assert_array_equal(triple.read(triple.write(edits), numbers, len(numbers)).kinds, edits.kinds)
    assert [flat.read_one(number) for number in numbers] == list(zip(*(e.tolist() for e in edits), strict=True))
    assert len({*zip(*(e.tolist() for e in edits), strict=True)}) == len(numbers)
    expected = 1 + sum({"insert": 20, "replace": 20, "delete": 4}[kind] for kind in kinds)
    assert flat.space.n == expected


@pytest.mark.parametrize("kinds", [("insert", "replace", "delete"), ("delete",), ("replace",)])
@pytest.mark.parametrize("banned", [[], [1, 4], [0, 1, 2, 4]])
def test_the_flat_mask_holds_exactly_what_is_legal(kinds, banned):
    space = EditSpace(5, 3, 4, 6, banned, kinds)
    actions = EditActions(space, flat=True)
    drafts, lengths = drafts_of(space, 60)
    masks = actions.masks(observed(space, drafts))
    numbers = np.arange(actions.space.n)
    for row in range(60):
        edits = actions.read(numbers, numbers, len(numbers))
        legal = space.is_legal(
            np.repeat(drafts[row : row + 1], len(numbers), 0), np.full(len(numbers), lengths[row]), edits
        )
        np.testing.assert_array_equal(masks[row], legal)
        assert masks[row, 0], "a stop is always legal"


@pytest.mark.parametrize("banned", [[], [1, 4], [0, 1, 2, 4]])
def test_the_mask_of_three_numbers_holds_what_some_legal_edit_has(banned):
    space = EditSpace(5, 3, 4, 6, banned)
    actions, edits = EditActions(space), all_edits(space)
    drafts, lengths = drafts_of(space, 60)
    masks = actions.masks(observed(space, drafts))
    assert masks.shape == (60, 4 + 4 + 5)
    for row in range(60):
        size = len(edits.kinds)
        legal = space.is_legal(np.repeat(drafts[row : row + 1], size, 0), np.full(size, lengths[row]), edits)
        kinds, positions, tokens = np.split(masks[row], [4, 8])
        assert set(np.flatnonzero(kinds)) == set(edits.kinds[legal])
        edited = legal & (edits.kinds != STOP)
        assert set(np.flatnonzero(positions)) == (set(edits.positions[edited]) or {0})
        np.testing.assert_array_equal(tokens, space.is_written)


def test_arrays_of_drafts_are_edited_as_lists_are():
    space = EditSpace(5, 3, 6, 6)
    drafts, lengths = drafts_of(space, 500)
    rng = np.random.default_rng(1)
    edits = Edits(rng.integers(0, 4, 500), rng.integers(0, 6, 500), rng.integers(0, 5, 500))
    legal = space.is_legal(drafts, lengths, edits)
    assert 100 < legal.sum() < 450
    after, changed = space.apply(drafts[legal], lengths[legal], edits.rows(legal))
    for row, length, draft, kind, position, token in zip(
        after, changed, drafts[legal], *(e.tolist() for e in edits.rows(legal)), strict=True
    ):
        expected = draft[draft >= 0].tolist()
        if kind == INSERT:
            expected.insert(position, token)
        elif kind == REPLACE:
            expected[position] = token
        elif kind == DELETE:
            del expected[position]
        assert row.tolist() == expected + [-1] * (6 - len(expected))
        assert length == len(expected)
        assert (kind == STOP) == (expected == draft[draft >= 0].tolist()), "every legal edit changes the draft"


@pytest.mark.parametrize("flat", [True, False])
def test_the_environment_agrees_with_the_space(flat):
    env = tiny(flat=flat, banned_tokens=[2])
    env.action_space.seed(0)
    rng = np.random.default_rng(0)
    for _ in range(200):
        observation, _ = env.reset()
        over = False
        while not over:
            drafts, lengths = env.observation_space.drafts(observation[None])
            action = legal_action(env, rng) if rng.random() < 0.5 else env.action_space.sample()
            edit = Edits(*(np.array([number]) for number in env.episodes.actions.read_one(action)))
            legal = bool(env.observation_space.is_legal(drafts, lengths, edit)[0])
            np.testing.assert_array_equal(env.action_masks(), env.episodes.actions.masks(observation[None])[0])
            if flat:
                assert env.action_masks()[int(action)] == legal
            observation, _, terminated, truncated, info = env.step(action)
            assert info.get("invalid_action", False) == (not legal)
            over = terminated or truncated


def test_a_mask_is_never_empty_in_any_part():
    for kinds in (("delete",), ("insert",), ("replace",)):
        env = tiny(kinds=kinds, draft="empty")
        env.reset(seed=0)
        assert all(part.any() for part in np.split(env.action_masks(), [4, 4 + N]))
        assert len(env.action_masks()) == 4 + N + V
