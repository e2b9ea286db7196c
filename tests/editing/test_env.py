"""The single editing environment: what it shows, pays, tells and refuses."""

import copy
import json
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.editing.tiny import IDS, SAMPLES, V, edit_ids, legal_action, small, some_edits, tiny
from tests.tiny import EOS, TOKENIZER
from textgym import Sample, TokenSpace
from textgym.editing import DELETE, INSERT, REPLACE, STOP, EditSpace
from textgym.editing.env import EditEnv
from textgym.errors import ConfigError, DataError, RewardError

P, N, LIMIT = 6, 8, 6


def play(env, edits, index=0):
    """Make edits (kind, position, letter) from the start of an episode; return the results of the steps."""
    env.reset(options={"index": index})
    return [env.step(np.array([kind, position, IDS[letter]])) for kind, position, letter in edits]


# --- what is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", edit_ids())
def test_observations_hold_the_prompt_the_draft_and_how_many_edits_are_left(id):
    env = gym.make(id, **small(id)).unwrapped
    space, tokenizer = env.observation_space, env.episodes.tokenizer
    width = space.max_prompt_tokens
    rng = np.random.default_rng(0)
    for seed in range(4):
        observation, info = env.reset(seed=seed)
        ids = tokenizer.encode_prompt(info["prompt"])[-width:]
        assert observation[width:-1].tolist()[: len(env._draft)] == tokenizer.encode(info["draft"])[: len(env._draft)]
        for step in range(space.max_edits):
            assert space.contains(observation)
            assert observation[:width].tolist() == [-1] * (width - len(ids)) + ids
            assert observation[width:-1].tolist() == env._draft + [-1] * (space.max_draft_tokens - len(env._draft))
            assert observation[-1] == space.max_edits - step
            observation, reward, terminated, truncated, _ = env.step(legal_action(env, rng))
            assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
            if terminated or truncated:
                break


# --- edits ----------------------------------------------------------------------------------------------------------


def test_reset_tells_the_sample_with_its_draft_and_the_end_tells_the_outcome():
    env = tiny()
    observation, info = env.reset(options={"index": 0})
    assert observation.dtype == np.int32
    assert observation.tolist() == [-1, -1, 0, 1, 2, TOKENIZER.sep_id, 0, 1, 3, *[-1] * 5, LIMIT]
    assert info == {"index": 0, "prompt": "abc", "references": ["abc", "cab"], "draft": "abd"}
    observation, reward, *ends, info = env.step([REPLACE, 2, IDS["c"]])
    assert (reward, ends, info) == (pytest.approx(1 / 3), [False, False], {})
    assert observation[P:].tolist() == [0, 1, 2, *[-1] * 5, LIMIT - 1]
    _, reward, *ends, info = env.step([STOP, 5, 3])
    assert (reward, ends) == (0.0, [True, False])
    told = {"response": "abc", "finish": "stop", "score": 1.0, "initial_score": pytest.approx(2 / 3)}
    assert info == told | {"length": 3, "edits": 1}


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        ((INSERT, 0, "h"), "habd"),
        ((INSERT, 2, "h"), "abhd"),
        ((INSERT, 3, "h"), "abdh"),
        ((REPLACE, 0, "h"), "hbd"),
        ((REPLACE, 2, "h"), "abh"),
        ((DELETE, 0, "h"), "bd"),
        ((DELETE, 2, "a"), "ab"),
    ],
)
def test_an_edit_changes_one_place(edit, after):
    env = tiny()
    ((observation, *_),) = play(env, [edit])
    assert TOKENIZER.decode(observation[P:-1]) == after
    assert env.snapshot()["edits"] == 1


@pytest.mark.parametrize(
    ("index", "edit"),
    [
        (0, (INSERT, 4, "a")),
        (0, (REPLACE, 3, "a")),
        (0, (REPLACE, 0, "a")),  # by itself
        (0, (DELETE, 3, "a")),
        (1, (DELETE, 0, "a")),
        (1, (REPLACE, 0, "a")),
        (4, (INSERT, 0, "a")),  # full
    ],
)
def test_an_illegal_edit_is_no_edit_costs_the_penalty_and_is_marked(index, edit):
    env = tiny(invalid_action_penalty=0.25, edit_cost=0.5)
    before, _ = env.reset(options={"index": index})
    (result,) = play(env, [edit], index)
    observation, reward, terminated, truncated, info = result
    assert (reward, terminated, truncated, info) == (-0.25, False, False, {"invalid_action": True})
    np.testing.assert_array_equal(observation[:-1], before[:-1])
    assert observation[-1] == LIMIT - 1


@pytest.mark.parametrize("token", [EOS, TOKENIZER.sep_id, 3])
@pytest.mark.parametrize("kind", [INSERT, REPLACE])
def test_special_ids_and_banned_tokens_are_never_written(kind, token):
    env = tiny(banned_tokens=[3])
    env.reset(options={"index": 0})
    assert env.step([kind, 1, token])[4] == {"invalid_action": True}
    assert env.step([DELETE, 2, token])[4] == {}, "a deletion has no token"


def test_kinds_that_are_left_out_are_illegal():
    env = tiny(kinds=["delete"])
    env.reset(options={"index": 0})
    assert [env.step([kind, 0, 1])[4].get("invalid_action", False) for kind in (INSERT, REPLACE, DELETE)] == [1, 1, 0]
    assert env.step([STOP, 0, 0])[4]["finish"] == "stop"


@pytest.mark.parametrize(("on_length", "ends"), [("terminate", (True, False)), ("truncate", (False, True))])
def test_the_limit_ends_an_episode_whether_the_last_edit_is_legal_or_not(on_length, ends):
    for last in ((INSERT, 0, "a"), (DELETE, 7, "a")):
        *others, final = play(tiny(on_length=on_length, max_edits=2), [(INSERT, 0, "a"), last], index=1)
        assert all(not result[2] and not result[3] for result in others)
        assert final[2:4] == ends
        assert final[4]["finish"] == "length"


@pytest.mark.parametrize("on_length", ["terminate", "truncate"])
def test_a_stop_as_the_last_step_that_is_left_ends_by_itself(on_length):
    final = play(tiny(on_length=on_length, max_edits=2), [(INSERT, 0, "a"), (STOP, 0, "a")])[-1]
    assert final[2:4] == (True, False)
    assert final[4]["finish"] == "stop"


# --- rewards --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    index=st.integers(0, 4),
    legal=st.booleans(),
    reward=st.sampled_from(["bleu", "chrf", "rougeL", "ter", "edit_similarity", "tiny-overlap", "0.3*bleu + length"]),
    flat=st.booleans(),
)
def test_rewards_sum_to_the_final_score_less_the_initial_one(seed, index, legal, reward, flat):
    env = tiny(reward=reward, flat=flat, invalid_action_penalty=0.0, max_edits=20)
    env.action_space.seed(seed)
    rng = np.random.default_rng(seed)
    env.reset(options={"index": index})
    total, over, info = 0.0, False, {}
    while not over:
        action = legal_action(env, rng) if legal else env.action_space.sample()
        _, paid, terminated, truncated, info = env.step(action)
        total, over = total + paid, terminated or truncated
    assert total == pytest.approx(info["score"] - info["initial_score"], abs=1e-12)
    sample = SAMPLES[index]
    scores = env.episodes.reward([info["response"], sample.metadata["draft"]], [sample] * 2)
    assert (info["score"], info["initial_score"]) == pytest.approx(tuple(scores), abs=1e-12)


def test_costs_and_penalties_are_told_apart_from_the_score():
    env = tiny(edit_cost=0.125, invalid_action_penalty=0.25)
    results = play(env, [(REPLACE, 2, "c"), (DELETE, 5, "a"), (INSERT, 3, "h"), (DELETE, 3, "a"), (STOP, 0, "a")])
    info = results[-1][4]
    assert (info["edits"], info["score"]) == (3, 1.0)
    assert sum(r[1] for r in results) == pytest.approx(info["score"] - info["initial_score"] - 3 * 0.125 - 0.25)


def test_parts_of_a_composite_reward_are_told_at_the_end():
    env = tiny(reward={"edit_similarity": 0.5, "length": 0.5})
    info = play(env, [(REPLACE, 2, "c"), (STOP, 0, "a")])[-1][4]
    assert info["reward/edit_similarity"] == 1.0
    assert info["score"] == pytest.approx(0.5 * info["reward/edit_similarity"] + 0.5 * info["reward/length"])


def test_a_reward_that_fails_leaves_no_episode_behind():
    calls = []

    def fails_second(response, sample):
        calls.append(response)
        if len(calls) == 2:
            raise ArithmeticError("once")
        return 0.5

    env = tiny(reward=fails_second)
    env.reset(options={"index": 0})
    with pytest.raises(RewardError, match="once"):
        env.step([INSERT, 0, 0])
    with pytest.raises(ResetNeeded, match="call reset"):
        env.step([STOP, 0, 0])
    env.reset()
    assert env.step([STOP, 0, 0])[1] == 0.0


# --- where drafts come from ------------------------------------------------------------------------------------------


def test_drafts_are_given_corrupted_the_prompt_or_empty():
    drafts = {kind: tiny(draft=kind).reset(options={"index": 2})[1]["draft"] for kind in ("given", "prompt", "empty")}
    assert drafts == {"given": "ed fggg", "prompt": "de fg", "empty": ""}
    env = tiny(draft="corrupted", corruption={"kinds": ["swap"], "most": 1})
    assert env.reset(options={"index": 2})[1]["draft"] == "fg de"


def test_a_corrupted_draft_is_the_same_each_time_and_another_under_another_seed():
    data = [Sample("x", "the small cat sees the big dog in the old house")] * 20
    make = lambda **corruption: EditEnv(  # noqa: E731
        "tiny-edits", data=data, tokenizer="byte", draft="corrupted", max_draft_tokens=99, corruption=corruption
    )
    first = [make().reset(options={"index": i})[1]["draft"] for i in range(20)]
    again = [make().reset(options={"index": i})[1]["draft"] for i in range(20)]
    other = [make(seed=1).reset(options={"index": i})[1]["draft"] for i in range(20)]
    assert first == again
    assert first != other
    assert len(set(first)) > 10, "the index chooses the errors"
    assert data[0].references[0] not in first


def test_data_of_ones_own_has_a_column_of_drafts(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"prompt": "ab", "references": "abc", "draft": "abd"}\n')
    env = tiny(data=str(path), tokenizer="char:abcdefgh ")
    assert env.reset(seed=0)[1]["draft"] == "abd"
    assert env.episodes.space.max_edits == LIMIT, "the task's own limits hold for one's own data"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": [Sample("a", "b")]}, "There is no draft to edit in sample 0 in the split 'train' of the task"),
        ({"data": [Sample("a")], "draft": "corrupted"}, "There is no reference to corrupt in sample 0 in the split"),
        ({"max_draft_tokens": 2}, "has 3 tokens, more than max_draft_tokens=2: raise it, or pass overlong='truncate'"),
        ({"max_draft_tokens": 2, "overlong": "drop"}, "raise it, or choose another index."),
        ({"max_prompt_tokens": 2}, "The prompt of sample 0 in the split 'train' of the task 'tiny-edits' has 4 tokens"),
    ],
)
def test_samples_that_cannot_be_edited_are_named(arguments, message):
    arguments = {"tokenizer": "char:abcdefgh "} | arguments
    with pytest.raises(DataError, match=re.escape(message)):
        tiny(**arguments).reset(options={"index": 0})


def test_overlong_drafts_are_cut_at_their_end_or_never_drawn():
    env = tiny(max_draft_tokens=3, overlong="truncate")
    assert env.reset(options={"index": 2})[1]["draft"] == "ed "
    assert env.episodes.overlong_count == 1
    env = tiny(max_draft_tokens=3, overlong="drop")
    assert {env.reset(seed=seed)[1]["index"] for seed in range(30)} == {0, 1}
    assert [env.episodes.fits(i) for i in range(5)] == [True, True, False, False, False]


def test_where_no_draft_fits_the_message_names_its_limit():
    env = tiny(max_draft_tokens=1, overlong="drop", split="test", draft="corrupted", corruption={"kinds": ["repeat"]})
    env.episodes.samples = env.episodes.samples[:1]
    with pytest.raises(DataError, match=r"1000 prompts in a row.* or drafts of more than max_draft_tokens=1: raise it"):
        env.reset(seed=0)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [
        None,
        1,
        1.5,
        "a",
        [0, 0],
        [0.0, 0.0, 0.0],
        [True, True, True],
        [4, 0, 0],
        [0, N, 0],
        [0, 0, V],
        [-1, 0, 0],
        [[0, 0, 0]],
        [1, [2], 3],
    ],
)
def test_e2_actions_outside_the_space_are_refused_with_value_and_ranges_and_change_nothing(action):
    env = tiny()
    env.reset(seed=0)
    before = env.snapshot()
    told = f"three whole numbers: a kind in [0, 4), a position in [0, {N}), a token in [0, {V}), got {action!r}."
    with pytest.raises(InvalidAction, match=re.escape(told)):
        env.step(action)
    assert env.snapshot() == before


@pytest.mark.parametrize("action", [None, 1.0, "a", True, -1, 1 + 2 * N * V + N, [0, 0, 0], 2**70])
def test_e2_flat_actions_outside_the_space_are_refused_with_value_and_range(action):
    env = tiny(flat=True)
    env.reset(seed=0)
    told = f"A flat edit is a whole number in [0, {1 + 2 * N * V + N}), got {action!r}."
    with pytest.raises(InvalidAction, match=re.escape(told)):
        env.step(action)


def test_e1_step_needs_an_episode():
    env = tiny()
    with pytest.raises(ResetNeeded, match=r"No episode is going on: call reset\(\)"):
        env.step([0, 0, 0])
    play(env, [(STOP, 0, "a")])
    with pytest.raises(ResetNeeded, match="also after the end of an episode"):
        env.step([0, 0, 0])
    with pytest.raises(ResetNeeded, match=r"before demonstration\(\)"):
        env.demonstration()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1."),
        ({"seed": "one"}, "seed must be a whole number, got 'one' (str)."),
        ({"options": {"idx": 1}}, "reset() has no option 'idx': it accepts 'index'."),
        ({"options": {"index": 5}}, "lies in [0, 5), got 5."),
    ],
)
def test_e3_reset_refuses(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tiny().reset(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_edit": 2}, "has no option 'max_edit'. Did you mean 'max_edits'?"),
        ({"shaping": "potential"}, "An editing environment has no option 'shaping'."),
        ({"max_new_tokens": 5}, "has no option 'max_new_tokens'. Did you mean 'max_draft_tokens'?"),
        ({"draft": "gven"}, "draft cannot be 'gven'. Did you mean 'given'?"),
        ({"kinds": ["delet"]}, "kinds cannot hold 'delet'. Did you mean 'delete'?"),
        ({"kinds": "delete"}, "kinds must be a list of insert, replace, delete, got 'delete'."),
        ({"kinds": []}, "kinds must hold at least one of insert, replace, delete, got none."),
        ({"max_draft_tokens": 0}, "max_draft_tokens must be at least 1, got 0."),
        ({"max_draft_tokens": 2.0}, "max_draft_tokens must be a whole number, got 2.0 (float)."),
        ({"max_edits": 0}, "max_edits must be at least 1, got 0."),
        ({"max_edits": "3"}, "max_edits must be a whole number, got '3' (str)."),
        ({"edit_cost": -1}, "edit_cost is a cost, so at least 0, got -1.0."),
        ({"edit_cost": None}, "edit_cost must be a number, got None (NoneType)."),
        ({"invalid_action_penalty": -1}, "invalid_action_penalty is a cost, so at least 0, got -1.0."),
        ({"corruption": {"kind": "swap"}}, "corruption has no option 'kind'. Did you mean 'kinds'?"),
        ({"corruption": 3}, "corruption is a dict of the arguments of textgym.corruption.Corruption, got 3."),
        ({"render_mode": "ANSI"}, "render_mode cannot be 'ANSI'. Did you mean 'ansi'?"),
        ({"banned_tokens": range(V)}, "leave no token that may be written"),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        tiny(**arguments)


def test_e4_unknown_names_through_gym_make_get_the_nearest():
    with pytest.raises(ConfigError, match=r"has no option 'max_draft'. Did you mean 'max_draft_tokens'\?"):
        gym.make("tests/TinyEdits-v0", max_draft=3)
    with pytest.raises(gym.error.NameNotFound, match="TinyEdits"):
        gym.make("tests/TinyEdit-v0")


def test_e9_a_draft_of_one_token_and_one_edit():
    env = tiny(draft="empty", max_draft_tokens=1, max_edits=1)
    env.reset(options={"index": 1})
    assert env.action_masks()[:4].tolist() == [True, True, False, False]
    _, reward, terminated, _, info = env.step([INSERT, 0, IDS["a"]])
    assert (reward, terminated, info["finish"], info["response"]) == (1.0, True, "length", "a")


# --- copies, snapshots, rendering -------------------------------------------------------------------------------------


def told(result):
    return (result[0].tolist(), *result[1:])


@pytest.mark.parametrize("id", edit_ids())
def test_e7_pickles_copies_and_snapshots_of_every_environment_go_on_alike(id):
    env = gym.make(id, **small(id)).unwrapped
    env.reset(seed=3)
    actions = some_edits(env, 12, 1)[:, 0]
    first = actions[0] if env.episodes.actions.read_one(actions[0])[0] != STOP else actions[1]
    env.step(first)
    pickled, copied = pickle.loads(pickle.dumps(env)), copy.deepcopy(env)
    restored = gym.make(id, **small(id)).unwrapped
    snapshot = json.loads(json.dumps(env.snapshot()))
    np.testing.assert_array_equal(restored.restore(snapshot), env._observation())

    def go_on(env):
        results = []
        for action in actions[2:]:
            if env.snapshot()["ended"]:
                results.append(env.reset())
            results.append(env.step(action))
        return [told(result) for result in results]

    expected = go_on(env)
    for twin in (pickled, copied, restored):
        assert twin.snapshot() == snapshot
        assert go_on(twin) == expected


def test_a_pickle_leaves_the_samples_behind():
    assert len(pickle.dumps(gym.make("textgym/Edit-v0", tokenizer="byte"))) < 100_000


def test_e8_two_environments_share_no_state():
    one, other = tiny(), tiny()
    alone = [told(result) for result in play(tiny(), [(INSERT, 0, "a"), (DELETE, 2, "a"), (STOP, 0, "a")])]
    one.reset(options={"index": 0})
    other.reset(options={"index": 4})
    results = []
    for edit in ((INSERT, 0, 0), (DELETE, 2, 0), (STOP, 0, 0)):
        results.append(told(one.step(edit)))
        other.step((DELETE, 0, 0))
    assert results == alone


def test_restored_end_needs_a_reset():
    env = tiny()
    play(env, [(STOP, 0, "a")])
    snapshot = env.snapshot()
    env.reset(seed=0)
    env.restore(snapshot)
    with pytest.raises(ResetNeeded, match="No episode"):
        env.step([0, 0, 0])


def test_snapshots_that_do_not_fit_are_refused_and_change_nothing():
    env = tiny()
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.snapshot()
    env.reset(seed=0)
    before = env.snapshot()
    cases = [
        ({}, "This is no snapshot of an episode: it lacks index, tokens"),
        ({k: v for k, v in before.items() if k != "steps"}, "no snapshot of an editing episode: it lacks steps."),
        (before | {"index": 5}, "lies in [0, 5), got 5"),
        (before | {"tokens": [V]}, f"A draft has at most {N} ids in [0, {V}), got [{V}]."),
        (before | {"tokens": [0] * 9}, "A draft has at most 8 ids"),
        (before | {"steps": 7}, "A snapshot needs 0 <= edits <= steps <= max_edits=6"),
        (before | {"steps": 6, "edits": 1}, "an episode of 6 steps is over; got edits=1, steps=6, ended=False."),
        (before | {"ended": 1}, "ended must be True or False, got 1."),
        (before | {"initial_score": None}, "initial_score must be a number, got None"),
    ]
    for snapshot, message in cases:
        with pytest.raises(ConfigError, match=re.escape(message)):
            env.restore(snapshot)
        assert env.snapshot() == before


def test_returned_arrays_are_never_written_again():
    env = tiny()
    first, _ = env.reset(options={"index": 0})
    second = env.step([INSERT, 0, 7])[0]
    env.step([DELETE, 1, 0])
    assert first[P:].tolist() == [0, 1, 3, *[-1] * 5, 6]
    assert second[P:].tolist() == [7, 0, 1, 3, *[-1] * 4, 5]


def test_e11_closing_twice_is_silent():
    env = tiny()
    env.reset(seed=0)
    env.close()
    env.close()


def test_e10_render_shows_the_draft_as_it_is():
    env = tiny(render_mode="ansi")
    assert env.render() == "no episode yet: call reset()"
    play(env, [(REPLACE, 2, "c"), (STOP, 0, "a")])
    assert env.render() == ("prompt:    abc\nreference: abc\nreference: cab\ndraft:     abc\nreward:    0.3333 (ended)")
    with pytest.warns(UserWarning, match="render mode"):
        assert tiny().render() is None


# --- the space ------------------------------------------------------------------------------------------------------


def test_the_space_is_a_token_space_of_its_own_and_passes_through_json():
    space = tiny(kinds=["delete", "insert"]).observation_space
    again = EditSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert again != tiny().observation_space
    assert space != TokenSpace(V, P, N, None, 0, space.banned_tokens)
    assert space.kinds == ("insert", "delete")
    assert eval(repr(space)) == space
    assert pickle.loads(pickle.dumps(space)) == copy.deepcopy(space) == space
    samples = [space.sample() for _ in range(50)]
    assert all(space.contains(sample) for sample in samples)
    assert all(((row[:P] == -1).argsort(kind="stable") == 0).any() for row in samples)
    assert {len(row[P:-1][row[P:-1] >= 0]) for row in samples} >= set(range(1, N))
