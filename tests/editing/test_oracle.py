"""The fewest edits: as few as the edit distance says, and played they give the reference and the best score."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.editing.tiny import edit_ids, tiny
from textgym.editing import DELETE, INSERT, KINDS, REPLACE, STOP, shortest_edits
from textgym.editing.oracle import demonstrate
from textgym.errors import DataError
from textgym.rewards.edit_similarity import distance
from textgym.rewards.positions import Positions

texts = st.lists(st.integers(0, 3), max_size=9)


def edited(draft, edits):
    """Return the drafts after each of some edits."""
    drafts = [list(draft)]
    for kind, position, token in edits:
        draft = list(drafts[-1])
        assert position < len(draft) + (kind == INSERT)
        if kind == INSERT:
            draft.insert(position, token)
        elif kind == REPLACE:
            assert draft[position] != token
            draft[position] = token
        else:
            del draft[position]
        drafts.append(draft)
    return drafts


@given(texts, texts)
def test_the_edits_are_as_many_as_the_levenshtein_distance_and_lead_to_the_target(draft, target):
    edits = shortest_edits(draft, target)
    drafts = edited(draft, edits)
    assert drafts[-1] == target
    assert max(map(len, drafts)) <= max(len(draft), len(target)), "nothing on the way is longer than both"
    if target:
        assert len(edits) == distance("".join(map(str, draft)), Positions("".join(map(str, target))))


@given(texts, texts)
def test_without_replacements_they_are_as_many_as_leave_the_longest_common_subsequence(draft, target):
    edits = shortest_edits(draft, target, ["insert", "delete"])
    assert edited(draft, edits)[-1] == target
    assert len(edits) == len(draft) + len(target) - 2 * common(draft, target)


@given(texts, texts)
def test_deletions_alone_lead_to_a_longest_common_subsequence(draft, target):
    extract = edited(draft, shortest_edits(draft, target, ["delete"]))[-1]
    assert len(extract) == common(draft, target)
    for text in (draft, target):
        rest = iter(text)
        assert all(token in rest for token in extract), "it is a subsequence"


@given(texts, texts)
def test_what_some_kinds_of_edits_can_write_they_write(draft, target):
    shorter, longer = sorted((draft, target), key=len)
    for kinds, start, end in (
        (["replace"], longer[: len(shorter)], shorter),
        (["insert", "replace"], shorter, longer),
        (["replace", "delete"], longer, shorter),
    ):
        edits = shortest_edits(start, end, kinds)
        assert edited(start, edits)[-1] == end
        assert {kind for kind, _, _ in edits} <= {KINDS.index(kind) for kind in kinds}


def common(left, right):
    """Return the length of the longest common subsequence, by definition."""
    if not left or not right:
        return 0
    table = np.zeros((len(left) + 1, len(right) + 1), int)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("reward", ["bleu", "edit_similarity", "exact_match", "chrf"])
def test_played_it_gives_a_reference_and_the_best_score(flat, reward):
    env = tiny(flat=flat, reward=reward, max_edits=20)
    for index in range(5):
        _, info = env.reset(options={"index": index})
        for action in env.demonstration():
            *_, outcome = env.step(action)
        assert outcome["response"] in info["references"]
        assert outcome["score"] == pytest.approx(1.0)
        assert outcome["finish"] == "stop"


def test_the_nearest_reference_is_written():
    env = tiny()
    env.reset(options={"index": 0})
    assert env.demonstration().tolist() == [[REPLACE, 2, 2], [STOP, 0, 0]]
    env.step([DELETE, 0, 0])
    assert len(env.demonstration()) == 3


def test_where_too_many_edits_are_needed_the_first_ones_are_shown():
    env = tiny(max_edits=2)
    env.reset(options={"index": 4})
    assert env.demonstration()[:, 0].tolist() == [DELETE, DELETE]


@pytest.mark.parametrize(("arguments", "lengths"), [({"banned_tokens": [0]}, [1]), ({"kinds": ["replace"]}, [1])])
def test_a_reference_that_no_legal_edit_can_write_is_told(arguments, lengths):
    env = tiny(**arguments)
    env.reset(options={"index": 1})
    if "kinds" in arguments:
        assert env.demonstration().tolist() == [[STOP, 0, 0]], "what cannot be reached is left out"
        return
    with pytest.raises(DataError, match=r"Sample 1 has no reference that edits can write.*it has 1, of \[1\] tokens"):
        env.demonstration()


@pytest.mark.parametrize("id", [id for id in edit_ids() if id.startswith("textgym/")])
def test_in_every_environment_of_the_library_it_raises_the_score(id):
    env = gym.make(id).unwrapped
    gains = []
    for seed in range(8):
        env.reset(seed=seed)
        for action in env.demonstration():
            *_, info = env.step(action)
        gains.append(info["score"] - info["initial_score"])
        assert "invalid_action" not in info
    assert min(gains) >= 0
    assert np.mean(gains) > 0.05


@pytest.mark.parametrize("flat", [True, False])
def test_demonstrations_are_the_states_and_actions_of_whole_episodes(flat):
    env = tiny(flat=flat, max_edits=20)
    shown = demonstrate(env.episodes, [env.episodes.start(index) for index in (2, 0)])
    row = 0
    for index in (2, 0):
        observation, _ = env.reset(options={"index": index})
        over = False
        while not over:
            np.testing.assert_array_equal(shown.observations[row], observation)
            assert shown.index[row] == index
            observation, _, over, _, _ = env.step(shown.actions[row])
            row += 1
    assert row == len(shown.index) == len(shown.actions)
    assert shown.observations.dtype == np.int32
