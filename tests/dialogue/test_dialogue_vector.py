"""The vector environment of dialogues: one call of the simulator a step; tests/suite compares it with single ones."""

import copy
import json
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded

from tests.dialogue.test_dialogue import small
from tests.talks import EOS, IDS, SEP, TOKENIZER, Echo
from tests.test_vector import MODES, assert_same
from tests.tiny import dialogue_ids, some_actions
from textgym.dialogue.vector import DialogueVectorEnv
from textgym.errors import ConfigError, DataError, RewardError

LANES = 5


def talks(num_envs=LANES, **arguments):
    return DialogueVectorEnv("tests-talk", num_envs=num_envs, **arguments)


def test_the_simulator_is_asked_once_a_step_for_all_lanes_whose_turn_ended():
    calls = []
    envs = talks(simulator=Echo(calls=calls), autoreset_mode="SameStep")
    envs.reset(seed=0, options={"index": np.zeros(LANES, int)})
    for tokens in ([3, 3, EOS, 4, 5], [EOS, 4, 4, EOS, EOS], [EOS, EOS, EOS, 6, EOS]):
        envs.step(np.array(tokens))
    assert calls == [[""], ["d", "e", "f"], ["", "de", "e", ""]]


def test_own_columns_and_masks_are_those_of_the_lanes():
    envs = talks(num_envs=2, min_new_tokens=2)
    envs.reset(seed=0, options={"index": np.array([0, 1])})
    envs.step(np.array([3, 3]))
    envs.step(np.array([EOS, 4]))
    assert [np.flatnonzero(row).tolist() for row in envs.own()] == [[0, 1], [0, 1]]
    assert envs.action_masks()[:, EOS].tolist() == [False, True]
    envs.step(np.array([4, EOS]))
    assert [np.flatnonzero(row).tolist() for row in envs.own()] == [[0, 1, 5], [0, 1, 2]]
    lengths = envs.single_observation_space.turn_lengths(envs.observations())
    assert lengths.tolist() == [1, 0]
    np.testing.assert_array_equal(envs.action_masks(), envs.single_observation_space.allowed(lengths))


@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env)), lambda env: restored(env)]
)
def test_copies_in_mid_dialogue_go_on_identically(copied, mode):
    envs = gym.make_vec("tests/TalkTurns-v0", num_envs=LANES, autoreset_mode=mode)
    envs.reset(seed=0)
    actions = some_actions(envs.unwrapped.episodes.space, EOS, 60, LANES)
    for action in actions[:7]:
        envs.step(action)
    twin = copied(envs)
    for action in actions[7:]:
        assert_same(envs.step(action), twin.step(action))


def restored(envs):
    twin = gym.make_vec("tests/TalkTurns-v0", num_envs=LANES, autoreset_mode=envs.metadata["autoreset_mode"])
    twin.reset(seed=77)
    twin.unwrapped.restore(json.loads(json.dumps(envs.unwrapped.snapshot())))
    assert twin.unwrapped.snapshot() == envs.unwrapped.snapshot()
    return twin


def test_a_lane_of_a_snapshot_is_a_single_environments():
    envs, env = talks(), gym.make("tests/Talk-v0").unwrapped
    envs.reset(seed=4)
    env.reset(seed=6)
    for token in (3, 4, EOS):
        envs.step(np.full(LANES, token))
        env.step(token)
    assert envs.snapshot()["lanes"][2] == env.snapshot()
    with pytest.raises(ConfigError, match=r"The snapshot has 4 lanes, this environment has 5."):
        envs.restore({"lanes": envs.snapshot()["lanes"][:4]})


def test_a_dialogue_cannot_be_played_in_whole_responses():
    envs = talks()
    envs.reset(seed=0)
    calls = (
        lambda: envs.begin(5),
        lambda: envs.score(np.zeros((5, 20), int), np.ones(5, int)),
    )
    for call in calls:
        with pytest.raises(ConfigError, match="what the user answers is not known before the agent has spoken"):
            call()


def test_bad_actions_and_missing_resets_are_refused():
    envs = talks(autoreset_mode="Disabled")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        envs.step(np.zeros(LANES, int))
    envs.reset(seed=0, options={"index": np.full(LANES, 1)})
    before = envs.snapshot()
    for actions in ([0.5] * LANES, [True] * LANES, [0] * 4, [None] * LANES):
        with pytest.raises(InvalidAction, match="Actions must be whole numbers"):
            envs.step(actions)
    with pytest.raises(InvalidAction, match=f"got {TOKENIZER.vocab_size} in lane 2"):
        envs.step(np.array([0, 0, TOKENIZER.vocab_size, 0, 0]))
    assert envs.snapshot() == before
    envs.step(np.array([IDS["h"], 0, 0, IDS["h"], 0]))
    envs.step(np.array([EOS, 0, 0, EOS, 0]))
    with pytest.raises(ResetNeeded, match=r"lanes \[0, 3\] are over"):
        envs.step(np.zeros(LANES, int))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"options": {"indx": 1}}, "reset() has no option 'indx'"),
        ({"options": {"index": [1]}}, "options['index'] must have shape (5,), got (1,)."),
        ({"seed": [1, 2]}, "A list of seeds must have one for each of 5 lanes, got 2."),
        ({"seed": -1}, "seed must be at least 0, got -1."),
    ],
)
def test_reset_refuses(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        talks().reset(**arguments)


def test_arrays_that_were_returned_are_never_written_again():
    envs = talks(autoreset_mode="SameStep")
    results = [envs.reset(seed=0), *(envs.step(np.full(LANES, [3, EOS][i % 2])) for i in range(8)), envs.own()]
    copies = copy.deepcopy(results)
    for token in (3, EOS, 4, EOS, 5, EOS):
        envs.step(np.full(LANES, token))
    envs.reset()
    assert_same(tuple(copies), tuple(results))


def test_an_invalid_token_is_marked_where_its_step_is_told():
    envs = talks(num_envs=2, autoreset_mode="SameStep", max_turns=1, max_turn_tokens=1)
    envs.reset(seed=0, options={"index": np.array([1, 1])})
    _, rewards, terminated, _, infos = envs.step(np.array([SEP, IDS["h"]]))
    assert terminated.tolist() == [True, True]
    assert rewards.tolist() == [-1.0, 1.0]
    assert infos["final_info"]["invalid_action"].tolist() == [True, False]
    assert "invalid_action" not in infos


@pytest.mark.parametrize("mode", MODES)
def test_after_a_simulator_or_reward_that_failed_only_a_reset_leads_on(mode):
    class Fails(Echo):
        def answer(self, texts, states):
            raise ArithmeticError("lost the line")

    def fails(response, sample):
        raise ArithmeticError("lost the line")

    for arguments, error in (
        ({"simulator": Fails()}, ArithmeticError),
        ({"reward": fails, "max_turns": 1}, RewardError),
    ):
        envs = talks(num_envs=2, autoreset_mode=mode, **arguments)
        envs.reset(seed=0)
        with pytest.raises(error, match="lost the line"):
            envs.step(np.full(2, EOS))
        with pytest.raises(ResetNeeded, match="call reset"):
            envs.step(np.full(2, EOS))
        envs.reset()
        envs.step(np.full(2, 3))


def test_render_gives_a_text_for_each_lane():
    envs = talks(num_envs=2, render_mode="ansi")
    assert envs.render() == ("no episode yet: call reset()",) * 2
    envs.reset(seed=0, options={"index": np.array([0, 1])})
    envs.step(np.array([IDS["c"], EOS]))
    first, second = envs.render()
    assert first.endswith("agent:     c\nreward:    0.0000 (goes on)")
    assert second.endswith("agent:     \nuser:      a\nagent:     \nreward:    0.0000 (goes on)")


def test_pickles_of_registered_environments_are_small():
    for id in dialogue_ids():
        envs = gym.make_vec(id, num_envs=2, **small(id))
        envs.reset(seed=0)
        assert len(pickle.dumps(envs)) < 100_000


def test_demonstrations_are_dialogues_in_which_the_agent_says_the_references():
    envs = gym.make_vec("textgym/TaskDialogue-v0", num_envs=1)
    shown = envs.unwrapped.demonstrations(np.arange(40), np.random.default_rng(0))
    episodes = envs.unwrapped.episodes
    assert shown.index.tolist() == list(range(40))
    assert not shown.cut.any()
    eos = episodes.space.eos_id
    for row, own, length in zip(shown.responses, shown.own, shown.lengths, strict=True):
        assert (row[:length] >= 0).all()
        assert (row[length:] == -1).all()
        assert not own[length:].any()
        first, second, rest = (
            episodes.tokenizer.decode(row[own]),
            *np.split(row[:length], np.flatnonzero(row == eos)[:1] + 1),
        )
        assert first.startswith("what ")
        assert "book " in first
        assert second[-1] == eos
        assert rest[-1] == eos
    before = envs.reset(seed=0)[0]
    drawn, again = (envs.unwrapped.demonstrations(5, np.random.default_rng(1)) for _ in range(2))
    assert_same(tuple(drawn), tuple(again))
    np.testing.assert_array_equal(envs.unwrapped.observations(), before)


def test_a_demonstration_needs_a_first_reference_and_tells_what_is_cut():
    class Forgets(Echo):
        def answer(self, texts, states):
            return [turn._replace(references=()) for turn in super().answer(texts, states)]

    envs = talks(num_envs=1, simulator=Forgets(), reward="exact_match", max_turns=3)
    shown = envs.demonstrations([1, 3], np.random.default_rng(0))  # the words are h and fa; both reach the goal
    assert shown.cut.tolist() == [False, False]

    class Never(Echo):
        def start(self, samples, generators):
            return [turn._replace(references=()) for turn in super().start(samples, generators)]

    with pytest.raises(DataError, match="gives no reference to learn from for what it says first about sample 2"):
        talks(simulator=Never()).demonstrations([2], np.random.default_rng(0))
    envs = talks(num_envs=1, max_turn_tokens=2)
    assert envs.demonstrations([0], np.random.default_rng(0)).cut.tolist() == [True]
