"""One dialogue at a time: what the environment shows, pays, tells and refuses."""

import copy
import json
import pickle
import re
import threading

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded

from tests.talks import EOS, IDS, SEP, TOKENIZER, Echo, Talk
from tests.tiny import dialogue_ids, some_actions
from textgym.dialogue.env import DialogueEnv
from textgym.dialogue.task import Outcome
from textgym.errors import ConfigError, DataError, RewardError
from textgym.simulators import Simulator, Turn

P, T, V = 6, 20, TOKENIZER.vocab_size


def talk(task="tests-talk", **arguments):
    return DialogueEnv(task, **arguments)


def small(id):
    return {} if id.startswith("tests/") else {"max_new_tokens": 40, "max_turn_tokens": 6, "overlong": "truncate"}


def say(env, text, eos=True):
    """Say a text as one turn; return the results of the steps."""
    return [env.step(token) for token in [*(IDS[c] for c in text), *([EOS] if eos else [])]]


def user(text):
    return [*TOKENIZER.encode(text), SEP]


@pytest.mark.parametrize("id", dialogue_ids())
def test_observations_lie_in_the_space_and_grow_by_own_and_user_tokens(id):
    env = gym.make(id, **small(id)).unwrapped
    space, width = env.observation_space, env.observation_space.max_prompt_tokens
    for seed in range(5):
        before, info = env.reset(seed=seed)
        assert before[:width][before[:width] >= 0].tolist() == env.episodes.opening_ids(info["prompt"])
        own = []
        for action in some_actions(space, space.eos_id, 100, 1, seed)[:, 0]:
            written = int((before[width:] >= 0).sum())
            own.append(written)
            after, _, terminated, truncated, info = env.step(action)
            assert space.contains(after)
            assert after[width + written] == action
            np.testing.assert_array_equal(after[: width + written], before[: width + written])
            answer = after[width + written + 1 :]
            answer = answer[answer >= 0].tolist()
            heard = env.episodes.answer_ids(info["answer"]) if info.get("answer") else []
            assert answer == heard[: len(answer)]
            assert answer == heard or terminated or truncated
            assert np.flatnonzero(env.own()).tolist() == own
            if not (terminated or truncated):
                assert space.turn_lengths(after[None])[0] == env._lane.turn_lengths[0]
            before = after
            if terminated or truncated:
                assert info["own"].tolist() == env.own().tolist()
                assert info["length"] == len(own)
                break


# --- turns ---------------------------------------------------------------------------------------------------------


def test_the_user_answers_when_the_turn_ends_and_its_tokens_join_the_observation():
    env = talk()
    observation, info = env.reset(seed=1, options={"index": 0})
    assert info == {"index": 0, "prompt": f"cba{info['prompt'][3]}", "references": ["abc"]}
    assert observation.tolist() == [-1] * (P - 5) + user(info["prompt"]) + [-1] * T
    first, second, third = say(env, "fe")
    assert [result[4] for result in (first, second)] == [{}, {}]
    observation, reward, terminated, truncated, info = third
    assert (reward, terminated, truncated) == (0.0, False, False)
    said = [IDS["f"], IDS["e"], EOS, *user("efa")]
    assert observation[P:].tolist() == said + [-1] * (T - len(said))
    own = info.pop("own")
    assert own.tolist() == [True] * 3 + [False] * (T - 3)
    assert info == {"turn": "fe", "answer": "efa"}
    *_, last = say(env, "abc")
    observation, reward, terminated, truncated, info = last
    assert (terminated, truncated) == (True, False)
    assert observation[P:].tolist() == said + [0, 1, 2, EOS] + [-1] * (T - len(said) - 4)
    assert info.pop("own").tolist() == [True] * 3 + [False] * 4 + [True] * 4 + [False] * (T - 11)
    score = 0.3 + 0.5 + 0.2 * (3 - 2) / (3 - 1)
    assert reward == pytest.approx(score)
    assert info == {
        "turn": "abc",
        "answer": "",
        "response": "fe\nabc",
        "finish": "goal",
        "score": reward,
        "length": 7,
        "turns": 2,
        "success": True,
        "slots": 1.0,
        "transcript": [env._lane.said[0][0], "fe", "efa", "abc"],
    }


def ends(env, *texts, **options):
    env.reset(seed=0, options={"index": 0})
    results = [say(env, text, **options)[-1] for text in texts]
    assert not any(result[2] or result[3] for result in results[:-1])
    return results[-1][2:4], results[-1][4]["finish"]


@pytest.mark.parametrize(("on_length", "limit"), [("terminate", (True, False)), ("truncate", (False, True))])
def test_finish_reasons_and_what_terminates(on_length, limit):
    def env(**arguments):
        return talk(on_length=on_length, **arguments)

    assert ends(env(), "abc") == ((True, False), "goal")
    assert ends(env(simulator={"name": "tests-echo", "leaves_at": "d"}), "d") == ((True, False), "user")
    assert ends(env(), "d", "e", "f") == (limit, "turns")
    assert ends(env(max_new_tokens=8), "dd", "") == (limit, "length")  # the agent fills the last column
    assert ends(env(max_new_tokens=5), "dd") == (limit, "length")  # the user does
    assert ends(env(max_turns=1), "abc") == ((True, False), "goal")  # the goal comes first
    assert ends(env(max_turns=1), "d") == (limit, "turns")


def test_a_turn_is_cut_at_its_limit_and_costs_the_missing_eos():
    env = talk(missing_eos_penalty=0.5)
    env.reset(seed=0, options={"index": 1})
    result = say(env, "abcde", eos=False)[-1]
    assert result[1] == -0.5
    assert result[4]["turn"] == "abcde"
    assert result[4]["answer"] == "edcbaa"
    assert TOKENIZER.decode(result[0][P:]) == "abcdeedcba"  # five of the answer's tokens fit its limit, with the mark
    assert say(env, "d")[-1][1] == 0.0


def test_an_answer_that_does_not_fit_the_window_is_cut_and_ends_the_dialogue():
    env = talk(max_new_tokens=6)
    env.reset(seed=0, options={"index": 0})
    observation, _, terminated, _, info = say(env, "dd")[-1]
    assert terminated
    assert info["finish"] == "length"
    assert observation[P:].tolist() == [3, 3, EOS, *TOKENIZER.encode("dda")]


def test_a_stop_string_ends_a_turn_and_matching_begins_anew_in_the_next():
    env = talk(stop="cab")
    env.reset(seed=0, options={"index": 2})
    assert say(env, "ecab", eos=False)[-1][4]["turn"] == "e"
    assert say(env, "c")[-1][4]["turn"] == "c"
    assert say(env, "ab")[-1][4]["turn"] == "ab"


def test_the_database_answers_in_place_of_the_user_who_hears_nothing():
    env = talk()
    env.reset(seed=0, options={"index": 0})
    assert say(env, "g")[-1][4]["answer"] == "gg"
    assert env.snapshot()["state"] == {"turn": 0}
    assert say(env, "d")[-1][4]["answer"] == "da"


def test_turn_scores_are_paid_with_the_turn_and_weighted():
    env = talk(turn_reward="exact_match", turn_weight=0.25)
    env.reset(seed=0, options={"index": 2})  # the reference is "dd", then what the agent said before
    results = [say(env, text)[-1] for text in ("e", "e", "a")]
    assert [result[4]["turn_score"] for result in results] == [0.0, 1.0, 0.0]
    assert [result[1] for result in results] == [0.0, pytest.approx(0.25 / 3), 0.0]
    assert results[-1][4]["score"] == pytest.approx(0.25 / 3)


def test_turns_without_references_are_not_judged_unless_the_judge_needs_none():
    class Silent(Echo):
        def answer(self, texts, states):
            return [turn._replace(references=()) for turn in super().answer(texts, states)]

    for judge, told in (("chrf", [True, False]), ("length", [True, True])):
        env = talk(simulator=Silent(), turn_reward=judge)
        env.reset(seed=0, options={"index": 2})
        assert ["turn_score" in say(env, "e")[-1][4] for _ in range(2)] == told


def test_any_metric_judges_all_that_the_agent_said():
    env = talk(reward="length")
    env.reset(seed=0, options={"index": 0})
    *_, last = (say(env, text)[-1] for text in ("de f", "h", "e"))
    assert last[4]["score"] == last[1] > 0


@pytest.mark.parametrize("id", ["tests/Talk-v0", "tests/TalkTurns-v0", "tests/TalkStrict-v0"])
def test_rewards_sum_to_the_score_less_penalties(id):
    env = gym.make(id).unwrapped
    rng = np.random.default_rng(0)
    ended = 0
    for seed in range(30):
        env.reset(seed=seed)
        total, penalties, over = 0.0, 0.0, False
        while not over:
            action = int(rng.integers(V)) if rng.random() < 0.8 else EOS
            _, reward, terminated, truncated, info = env.step(action)
            total += reward
            penalties += 0.25 * info.get("invalid_action", False) if "Strict" in id else info.get("invalid_action", 0)
            own_end = action == EOS or env.episodes.space.stop.strings
            penalties += 0.125 * ("Strict" in id and "turn" in info and not own_end)
            over = terminated or truncated
        assert total == pytest.approx(info["score"] - penalties)
        assert 0 <= info["score"] <= 1
        ended += 1
    assert ended == 30


def test_what_is_allowed_is_counted_anew_in_each_turn_and_read_from_the_observation():
    env = talk(min_new_tokens=2, banned_tokens=[0])
    env.reset(seed=0, options={"index": 1})
    for text in ("de", "fe"):
        for k, token in enumerate([*(IDS[c] for c in text), EOS]):
            mask = env.action_masks()
            assert mask[EOS] == (k >= 2)
            assert not mask[0]
            assert not mask[SEP]
            lengths = env.episodes.space.turn_lengths(env._lane.observations)
            np.testing.assert_array_equal(mask, env.observation_space.allowed(lengths)[0])
            assert "invalid_action" not in env.step(token)[4]
    _, reward, *_, info = env.step(EOS)
    assert info["invalid_action"] is True
    assert reward == pytest.approx(-1.0 + info["score"])


# --- the same again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", dialogue_ids())
def test_snapshots_pickles_and_copies_go_on_identically(id):
    env = gym.make(id, **small(id)).unwrapped
    env.reset(seed=3)
    actions = some_actions(env.observation_space, env.observation_space.eos_id, 300, 1, 1)[:, 0]
    for action in actions[:9]:
        if any(env.step(action)[2:4]):
            env.reset()
    snapshot = json.loads(json.dumps(env.snapshot()))
    restored = gym.make(id, **small(id)).unwrapped
    restored.reset(seed=99)
    np.testing.assert_array_equal(restored.restore(snapshot), env._observation())
    assert restored.snapshot() == snapshot
    twins = [restored, pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    for action in actions[9:]:
        first, *others = [one.step(action) for one in (env, *twins)]
        for other in others:
            assert_equal_results(first, other)
        if first[2] or first[3]:
            first, *others = [one.reset() for one in (env, *twins)]
            for other in others:
                assert_equal_results(first, other)


def assert_equal_results(left, right):
    for one, other in zip(left[:-1], right[:-1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert left[-1].keys() == right[-1].keys()
    for key, value in left[-1].items():
        np.testing.assert_array_equal(value, right[-1][key])


def test_a_snapshot_branches_a_dialogue():
    env = talk(render_mode="ansi")
    env.reset(seed=0, options={"index": 0})
    say(env, "d")
    snapshot = env.snapshot()
    won = say(env, "abc")[-1]
    lost_snapshot = env.snapshot()
    env.restore(snapshot)
    assert say(env, "ab")[-1][4]["answer"] == "bab"
    env.restore(lost_snapshot)
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.restore(snapshot)
    assert_equal_results(say(env, "abc")[-1], won)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": [99]}, "A dialogue has at most 20 ids in [0, 12) after its prompt, got [99]."),
        ({"own": [7]}, "own and turn_start are columns of the 5 tokens, got [7], 5."),
        ({"own": None}, "own must be a list of whole numbers, got None"),
        ({"said": []}, "said, opening and references must be lists of texts, said with at least one."),
        ({"finish": "why"}, "A dialogue of at most 3 turns cannot be 1, 'why'."),
        ({"state": 3}, "state must be the simulator's, a dict"),
        ({"total": "1"}, "total must be a number, got '1'"),
        ({"index": 4}, "lies in [0, 4), got 4"),
        ({"generator": {}}, "The snapshot's generator does not fit"),
    ],
)
def test_what_is_no_snapshot_is_refused_and_changes_nothing(change, message):
    env = talk()
    env.reset(seed=0, options={"index": 0})
    say(env, "d")
    before = env.snapshot()
    with pytest.raises(ConfigError, match=re.escape(message)):
        env.restore({**before, **change})
    with pytest.raises(ConfigError, match="lacks index, opening"):
        env.restore({})
    assert env.snapshot() == before


# --- bad input -----------------------------------------------------------------------------------------------------


def test_step_and_snapshot_need_a_reset():
    env = talk()
    for call in (lambda: env.step(0), env.snapshot):
        with pytest.raises(ResetNeeded, match="reset"):
            call()
    env.reset(seed=0, options={"index": 0})
    say(env, "abc")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) before step"):
        env.step(0)


@pytest.mark.parametrize("action", [-1, V, 0.5, None, True, "a", np.array([1, 2])])
def test_what_is_no_token_is_refused_and_changes_nothing(action):
    env = talk()
    env.reset(seed=0)
    before = env.snapshot()
    with pytest.raises(InvalidAction, match=re.escape(f"a whole number in [0, {V}), got")):
        env.step(action)
    assert env.snapshot() == before


def test_a_token_that_is_not_allowed_is_carried_out_marked_and_paid_for():
    env = talk(invalid_action_penalty=0.25)
    env.reset(seed=0)
    observation, reward, *_, info = env.step(SEP)
    assert (observation[P], reward, info) == (SEP, -0.25, {"invalid_action": True})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1."),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5 (float)."),
        ({"options": {"indx": 1}}, "reset() has no option 'indx': it accepts 'index'."),
        ({"options": {"index": 4}}, "lies in [0, 4), got 4."),
    ],
)
def test_reset_refuses(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        talk().reset(**arguments)


def test_huge_seeds_are_fine():
    assert talk().reset(seed=2**100)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_turn": 3}, "has no option 'max_turn'. Did you mean 'max_turns'?"),
        ({"simulatr": "rule"}, "Did you mean 'simulator'?"),
        ({"simulator": "tests-eco"}, "Unknown simulator 'tests-eco'. Did you mean 'tests-echo'?"),
        ({"simulator": 3}, "A simulator is a name, a dict {'name': ..., option: value} or a Simulator, got 3."),
        ({"max_turns": 0}, "max_turns must be at least 1, got 0."),
        ({"max_turns": 2.0}, "max_turns must be a whole number, got 2.0 (float)."),
        ({"max_turn_tokens": 0}, "max_turn_tokens must be at least 1, got 0."),
        ({"max_turn_tokens": 21}, "max_turn_tokens must be at most max_new_tokens=20, got 21."),
        ({"max_answer_tokens": 0}, "max_answer_tokens must be at least 1, got 0."),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0."),
        ({"min_new_tokens": 6}, "min_new_tokens counts the tokens of a turn, at most max_turn_tokens=5, got 6."),
        ({"banned_tokens": range(10)}, "leave no token that may be written"),
        ({"shaping": "potential"}, "A dialogue has no shaping"),
        ({"discount": 0.9}, "A dialogue has no shaping, and so no discount"),
        ({"reward_delay": 2}, "A dialogue has no shaping, and so no reward_delay"),
        ({"turn_weight": 0.5}, "turn_weight=0.5 is the weight of a turn_reward: give one too"),
        ({"turn_reward": "chrf", "turn_weight": 1.5}, "turn_weight is a share of the score, in [0, 1], got 1.5."),
        ({"turn_reward": "chrff"}, "Did you mean 'chrf'?"),
        ({"render_mode": "rgb"}, "render_mode cannot be 'rgb'."),
        ({"split": "train2"}, "has no split 'train2'. Did you mean 'train'?"),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        talk(**arguments)


def test_no_argument_is_proposed_that_a_dialogue_refuses():
    with pytest.raises(ConfigError, match="has no option 'shapin'") as raised:
        talk(shapin="potential")
    assert "shaping" not in str(raised.value)
    assert talk(shaping=None, potential_at="token", discount=1.0, reward_delay=0).discount == 1.0


def test_a_task_of_one_response_is_no_dialogue():
    with pytest.raises(ConfigError, match="A dialogue needs a DialogueTask, which says who talks and how long; the"):
        talk("tiny")


def test_unknown_versions_are_refused_by_name():
    with pytest.raises(gym.error.UnregisteredEnv, match="TaskDialogue"):
        gym.make("textgym/TaskDialogue-v9")


def test_windows_and_turns_of_one_token():
    env = talk(max_new_tokens=1)
    env.reset(seed=0, options={"index": 1})
    assert env.step(IDS["h"])[4]["finish"] == "goal"
    env = talk(banned_tokens=[i for i in range(9) if i != 3], stop_at_eos=False, max_turn_tokens=1)
    env.reset(seed=0)
    assert env.action_masks().sum() == 1
    for _ in range(3):
        result = env.step(3)
    assert result[4]["finish"] == "turns"


def test_render_before_reset_in_a_dialogue_and_after_it():
    env = talk(render_mode="ansi")
    assert env.render() == "no episode yet: call reset()"
    env.reset(seed=0, options={"index": 0})
    opening = env._lane.said[0][0]
    say(env, "d")
    env.step(IDS["e"])
    assert (
        env.render() == f"user:      {opening}\nagent:     d\nuser:      da\nagent:     e\nreward:    0.0000 (goes on)"
    )
    env.restore(env.snapshot())
    say(env, "")
    say(env, "abc")
    assert env.render().endswith("agent:     abc\nreward:    0.8000 (ended)")
    with pytest.warns(UserWarning, match="render_mode="):
        assert talk().render() is None


def test_escapes_in_what_is_said_never_reach_the_terminal():
    env = DialogueEnv(Talk(), tokenizer="byte", render_mode="ansi", max_prompt_tokens=20)
    env.reset(seed=0)
    env.step(27)
    env.step(env.episodes.space.eos_id)
    assert "\x1b" not in env.render()


def test_close_twice_is_silent():
    env = gym.make("tests/Talk-v0")
    env.reset(seed=0)
    env.close()
    env.close()


def test_threads_share_nothing():
    def play(out):
        env = talk()
        for seed in range(20):
            out.append(env.reset(seed=seed)[0].tolist())
            out += [result[1] for text in ("de", "abc") for result in say(env, text) if not env._lane.ended[0]]

    results = [[] for _ in range(4)]
    threads = [threading.Thread(target=play, args=(out,)) for out in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0]
    assert all(result == results[0] for result in results)


class Gives(Echo):
    """Opens as an echo does, and answers each text with ``said``; ``answers``, if given, is all that it returns."""

    def __init__(self, said=None, answers=None):
        self.said, self.answers = said, answers

    def answer(self, texts, states):
        return [self.said] * len(texts) if self.answers is None else self.answers


@pytest.mark.parametrize("answers", [[], 5, (turn for turn in [Turn("a", {})]), [Turn("a", {})] * 2])
def test_a_simulator_that_breaks_its_contract_is_named(answers):
    env = talk(simulator=Gives(answers=answers))
    env.reset(seed=0, options={"index": 0})
    with pytest.raises(ConfigError, match="simulator 'tests-echo' must give a list with a Turn for each of 1 conv"):
        say(env, "d")
    with pytest.raises(ResetNeeded):
        env.step(0)


@pytest.mark.parametrize(
    "turn",
    [None, ("a", {}), Turn(5, {}), Turn("a", None), Turn("a", {}, None), Turn("a", {}, "word"), Turn("a", {}, (1,)),
     Turn("a", {}, (), "no"), Turn("a", {}, (), None)],
)  # fmt: skip
def test_each_part_of_what_a_user_says_is_checked(turn):
    env = talk(simulator=Gives(turn))
    env.reset(seed=0, options={"index": 0})
    with pytest.raises(ConfigError, match=r"with a text \(str\), a state \(dict\), references"):
        say(env, "d")


def test_lists_of_references_and_bools_of_numpy_are_taken():
    env = talk(simulator=Gives(Turn("a", {}, ["b"], np.True_)))
    env.reset(seed=0, options={"index": 0})
    *_, (_, _, terminated, _, info) = say(env, "d")
    assert terminated
    assert info["finish"] == "user"
    assert json.loads(json.dumps(env.snapshot()))["references"] == ["b"]


def test_a_state_that_no_snapshot_can_hold_is_refused_by_name():
    env = talk(simulator=Gives(Turn("a", {"seen": {1}})))
    env.reset(seed=0, options={"index": 0})
    say(env, "d")
    with pytest.raises(ConfigError, match="state of the simulator 'tests-echo' must hold JSON values only"):
        env.snapshot()


class Judges(Talk):
    """A task whose outcome and reply are given."""

    def __init__(self, *, outcome=None, reply=None):
        self.outcome, self.said = outcome, reply

    def assess(self, text, sample, before):
        return self.outcome

    def reply(self, text, sample):
        return self.said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outcome": None}, "assess() of the task 'tests-talk' must return an Outcome"),
        ({"outcome": (True, 1.0)}, "assess() of the task 'tests-talk' must return an Outcome"),
        ({"outcome": Outcome(1, 0.5)}, "got Outcome(success=1, slots=0.5) for the turn 'd'"),
        ({"outcome": Outcome(False, 7.0)}, "slots in [0, 1], got Outcome(success=False, slots=7.0)"),
        ({"outcome": Outcome(False, None)}, "An outcome's slots must be a number, got None"),
        ({"outcome": Outcome(), "reply": 5}, "reply() of the task 'tests-talk' must return a text, or None"),
    ],
)
def test_a_task_that_breaks_its_contract_is_named(arguments, message):
    env = talk(Judges(**arguments))
    env.reset(seed=0, options={"index": 0})
    with pytest.raises(ConfigError, match=re.escape(message)):
        say(env, "d")


def test_outcomes_of_numpy_can_be_written_down():
    env = talk(Judges(outcome=Outcome(np.True_, np.float64(0.5))))
    env.reset(seed=0, options={"index": 0})
    *_, (_, _, _, _, info) = say(env, "d")
    assert info["finish"] == "goal"
    again = talk(Judges(outcome=Outcome(np.True_, np.float64(0.5))))
    again.restore(json.loads(json.dumps(env.snapshot())))


def test_a_user_who_leaves_with_words_that_do_not_fit_has_left():
    env = talk(simulator=Gives(Turn("abcdefgh", {}, (), True)), max_new_tokens=5, on_length="truncate")
    env.reset(seed=0, options={"index": 0})
    *_, (observation, _, terminated, truncated, info) = say(env, "d")
    assert (observation >= 0)[P:].all()
    assert (terminated, truncated, info["finish"]) == (True, False, "user")


def test_an_opening_that_does_not_fit_is_refused_or_cut():
    class Long(Echo):
        def start(self, samples, generators):
            return [Turn("abcdefgh", {"turn": 0}) for _ in samples]

    with pytest.raises(DataError, match="opens with 9 tokens, more than max_prompt_tokens=6: raise it, or"):
        talk(simulator=Long()).reset(seed=0)
    observation, _ = talk(simulator=Long(), overlong="truncate").reset(seed=0)
    assert observation[:P].tolist() == user("defgh")


def test_after_a_reward_that_failed_only_a_reset_leads_on():
    def fails(response, sample):
        raise ArithmeticError("once")

    env = talk(reward=fails)
    env.reset(seed=0, options={"index": 0})
    with pytest.raises(RewardError, match="once"):
        say(env, "abc")
    with pytest.raises(ResetNeeded):
        env.step(0)


def test_own_samples_are_played_in_the_manner_of_the_task():
    env = gym.make("textgym/ChitChat-v0", data=[{"prompt": "hello there", "reference": "hi"}], tokenizer="byte",
                   simulator="tests-echo").unwrapped  # fmt: skip
    _, info = env.reset(seed=0)
    assert info["prompt"].startswith("hello there")
    assert env.episodes.max_turns == 4
    again = pickle.loads(pickle.dumps(env))
    np.testing.assert_array_equal(again.step(104)[0], env.step(104)[0])


def test_a_tokenizer_without_separator_ends_what_the_user_says_with_its_eos():
    class Plain:
        """Letters and an eos, no separator."""

        vocab_size, eos_id, special_ids, signature = 10, 9, (), "plain"

        def encode(self, text):
            return [IDS[c] for c in text if c in IDS]

        encode_prompt = encode

        def decode(self, ids):
            return "".join("abcdefgh "[i] for i in ids if 0 <= i < 9)

        def decode_batch(self, batch):
            return [self.decode(ids) for ids in batch]

        def to_json(self):
            return {"kind": "plain"}

    env = talk(tokenizer=Plain(), min_new_tokens=1)
    env.reset(seed=0, options={"index": 0})
    for token in (3, 9):
        observation, *_ = env.step(token)
    assert observation[P:].tolist()[:5] == [3, 9, 3, 0, 9]
    assert not env.action_masks()[9]
    env.step(4)
    assert env.action_masks()[9]


def test_simulators_are_subclasses_of_one_protocol():
    with pytest.raises(TypeError, match="abstract"):
        Simulator()


def test_a_sample_that_is_asked_for_opens_as_it_does_when_it_is_drawn():
    for id in dialogue_ids():
        env = gym.make(id, **small(id)).unwrapped
        for seed in range(5):
            observation, info = env.reset(seed=seed)
            again, same = env.reset(seed=seed, options={"index": info["index"]})
            assert same == info
            np.testing.assert_array_equal(again, observation)
