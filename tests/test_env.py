"""The single environment: what it shows, pays, tells and refuses."""

import copy
import json
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded

from tests.tiny import EOS, TOKENIZER, Tiny, all_ids, small, some_actions
from textgym import Sample, Task, TokenSpace
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError, DataError, RewardError
from textgym.tokenizers import ByteTokenizer

IDS = {char: i for i, char in enumerate("abcdefgh ")}
P, T, V = 8, 6, TOKENIZER.vocab_size


def tiny(**arguments):
    return TextGenerationEnv("tiny", **arguments)


def play(env, text, eos=True, index=0):
    """Write a text from the start of an episode; return the results of the steps."""
    env.reset(options={"index": index})
    return [env.step(token) for token in [*(IDS[c] for c in text), *([EOS] if eos else [])]]


# --- what is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", all_ids())
def test_defaults_play_with_the_tokenizer_of_the_task(id):
    env = gym.make(id, **{name: value for name, value in small(id).items() if name == "data"})
    observation, info = env.reset(seed=0)
    tokenizer = env.unwrapped.episodes.tokenizer
    ids = tokenizer.encode(info["references"][0] if info["references"] else "a")[: env.observation_space.max_new_tokens]
    for token in ids:
        observation, *_ = env.step(token)
    assert observation[env.observation_space.max_prompt_tokens :][: len(ids)].tolist() == ids


@pytest.mark.parametrize("id", all_ids())
def test_observations_lie_in_the_space_and_hold_the_prompt_then_the_response(id):
    env = gym.make(id, **small(id)).unwrapped
    space, tokenizer = env.observation_space, env.episodes.tokenizer
    width = space.max_prompt_tokens
    for seed in range(5):
        observation, info = env.reset(seed=seed)
        ids = tokenizer.encode_prompt(info["prompt"])[-width:]
        written = []
        for action in some_actions(space, space.eos_id, 50, 1, seed)[:, 0]:
            assert space.contains(observation)
            assert observation[:width].tolist() == [-1] * (width - len(ids)) + ids
            assert observation[width:].tolist() == written + [-1] * (space.max_new_tokens - len(written))
            observation, reward, terminated, truncated, _ = env.step(action)
            assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
            written.append(action)
            if terminated or truncated:
                break


# --- episodes --------------------------------------------------------------------------------------------------------


def test_reset_tells_the_sample_and_end_tells_the_outcome():
    env = tiny()
    observation, info = env.reset(options={"index": 0})
    assert observation.dtype == np.int32
    assert observation.tolist() == [-1, -1, -1, -1, 0, 1, 2, TOKENIZER.sep_id, *[-1] * T]
    assert info == {"index": 0, "prompt": "abc", "references": ["cab", "bca"]}
    results = [env.step(IDS[c]) for c in "ad"]
    assert [result[1:] for result in results] == [(0.0, False, False, {})] * 2
    observation, reward, terminated, truncated, info = env.step(EOS)
    assert observation[P:].tolist() == [0, 3, EOS, -1, -1, -1]
    assert reward == pytest.approx(1 / 3 - 1 / 9)
    assert (terminated, truncated) == (True, False)
    assert info == {"response": "ad", "finish": "eos", "score": reward, "length": 3}


@pytest.mark.parametrize(("on_length", "ends"), [("terminate", (True, False)), ("truncate", (False, True))])
def test_full_response_ends_by_length(on_length, ends):
    *others, last = play(tiny(on_length=on_length), "abcabc", eos=False)
    assert all(not result[2] and not result[3] for result in others)
    assert last[2:4] == ends
    assert last[4]["finish"] == "length"
    assert last[4]["length"] == T


@pytest.mark.parametrize("on_length", ["terminate", "truncate"])
def test_eos_as_the_last_token_that_fits_ends_by_eos(on_length):
    last = play(tiny(on_length=on_length), "abcab")[-1]
    assert last[2:4] == (True, False)
    assert last[4]["finish"] == "eos"


def test_one_token_responses():
    _, reward, terminated, truncated, info = play(tiny(max_new_tokens=1), "a", eos=False)[0]
    assert (reward, terminated, truncated, info["finish"]) == (pytest.approx(1 / 3), True, False, "length")


def test_samples_are_drawn_uniformly_with_replacement_by_the_seeded_generator():
    env = tiny()
    env.reset(seed=0)
    drawn = [env.reset()[1]["index"] for _ in range(2000)]
    np.testing.assert_allclose(np.bincount(drawn) / 2000, 0.2, atol=0.04)
    env.reset(seed=0)
    assert [env.reset()[1]["index"] for _ in range(2000)] == drawn


def test_split_data_source_and_task_options_choose_the_samples():
    assert tiny().num_samples == 5
    assert tiny(split="test").num_samples == 2
    assert tiny(copies=3).num_samples == 15
    assert tiny(data="reversed").reset(options={"index": 0})[1]["prompt"] == "head"
    env = tiny(data=[Sample("my own", "data")], tokenizer="byte", max_prompt_tokens=20)
    assert env.reset()[1] == {"index": 0, "prompt": "my own", "references": ["data"]}
    assert env.episodes.task.reward == "tiny-overlap"
    assert TextGenerationEnv(Tiny(copies=2)).num_samples == 10
    assert tiny(source=["cannot be hashed"]).num_samples == 5


def test_options_of_the_reader_go_to_the_reader(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"prompt": "a", "references": ["b"]}\n{"prompt": null, "references": ["b"]}\n')
    assert tiny(data=str(path), tokenizer="byte", on_bad_row="skip").num_samples == 1
    with pytest.raises(ConfigError, match=r"has no option 'on_bad_rows'. Did you mean 'on_bad_row'\?"):
        tiny(data=str(path), on_bad_rows="skip")


def test_t6_a_character_that_is_half_written_is_not_shown_and_actions_stay_ids():
    env = tiny(tokenizer="byte", max_new_tokens=3, render_mode="ansi")
    env.reset(seed=0)
    shown = []
    for byte in "€".encode():
        observation, *_ = env.step(byte)
        shown.append(env.render().splitlines()[-2])
    assert shown == ["response:  ", "response:  ", "response:  €"]
    assert observation[-3:].tolist() == [*"€".encode()]
    env.reset(seed=0)
    for byte in b"a\xe2\x82":
        env.step(byte)
    assert env.render().splitlines()[-2] == "response:  a\ufffd", "at the end it is told as it is"


def test_template_surrounds_the_prompt_whatever_braces_it_holds():
    env = tiny(data=[Sample("{x}", "y")], tokenizer="byte", template='{"say": {prompt}}', max_prompt_tokens=32)
    observation, _ = env.reset()
    assert ByteTokenizer().decode(observation[observation >= 0]) == '{"say": {x}}'


def test_returned_arrays_are_never_written_again():
    env = tiny()
    first, _ = env.reset(options={"index": 0})
    second = env.step(0)[0]
    env.step(1)
    assert first[P:].tolist() == [-1] * T
    assert second[P:].tolist() == [0] + [-1] * (T - 1)


# --- actions ---------------------------------------------------------------------------------------------------------


class Indexed:
    """A whole number by its ``__index__`` alone, like the scalars of other libraries."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8, np.array, Indexed])
def test_whole_numbers_of_any_type_are_actions(kind):
    env = tiny()
    env.reset(seed=0)
    assert env.step(kind(3))[0][P] == 3


@pytest.mark.parametrize(
    "action", [True, np.True_, 1.0, np.float64(1), None, "1", [1], np.array([1]), np.array(1.0), -1, V, 2**70]
)
def test_other_actions_are_refused_and_change_nothing(action):
    env = tiny()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=rf"a whole number in \[0, {V}\), got {re.escape(repr(action))}"):
        env.step(action)
    assert env.snapshot()["tokens"] == []


def test_ids_that_are_not_allowed_are_carried_out_marked_and_cost_the_penalty():
    env = tiny(banned_tokens=[IDS["b"]], min_new_tokens=2, invalid_action_penalty=0.25)
    observation, reward, *_, info = play(env, "b", eos=False)[0]
    assert observation[P] == IDS["b"]
    assert (reward, info) == (-0.25, {"invalid_action": True})
    assert env.step(TOKENIZER.sep_id)[1:] == (-0.25, False, False, {"invalid_action": True})
    assert env.step(IDS["a"])[1:] == (0.0, False, False, {})
    early = play(env, "a")[-1]
    assert early[1] == pytest.approx(1 / 3 - 0.25)
    assert early[2:4] == (True, False)
    assert early[4] == {"response": "a", "finish": "eos", "score": 1 / 3, "length": 2, "invalid_action": True}
    assert "invalid_action" not in play(env, "ac")[-1][4]


def test_action_masks_are_what_the_space_allows_and_what_costs_nothing():
    env = tiny(banned_tokens=[4, 5], min_new_tokens=3, max_new_tokens=5)
    for length in range(5):
        for token in range(V):
            env.reset(options={"index": 0})
            for _ in range(length):
                env.step(0)
            mask = env.action_masks()
            assert mask.dtype == bool
            np.testing.assert_array_equal(mask, env.observation_space.allowed(np.array([length]))[0])
            assert env.step(token)[4].get("invalid_action", False) == (not mask[token])


def test_special_ids_of_the_tokenizer_are_banned_and_its_eos_is_not():
    space = tiny().observation_space
    assert set(space.banned_tokens) == set(TOKENIZER.special_ids)
    assert space.eos_id == EOS


def test_step_needs_an_episode():
    env = tiny()
    with pytest.raises(ResetNeeded, match=r"No episode is going on: call reset\(\)"):
        env.step(0)
    play(env, "a")
    with pytest.raises(ResetNeeded, match="also after the end of an episode"):
        env.step(0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1."),
        ({"seed": "one"}, "seed must be a whole number, got 'one' (str)."),
        ({"seed": 1.0}, "seed must be a whole number, got 1.0 (float)."),
        ({"options": {"idx": 1}}, "reset() has no option 'idx': it accepts 'index'."),
        ({"options": ["index"]}, "reset() takes its options as a dict, got ['index'] (list)."),
        ({"options": {"index": 5}}, "A sample's index in the split 'train' of the task 'tiny' lies in [0, 5), got 5."),
        ({"options": {"index": -1}}, "lies in [0, 5), got -1."),
        ({"options": {"index": 1.0}}, "A sample's index must be a whole number, got 1.0 (float)."),
    ],
)
def test_reset_refuses(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tiny().reset(**arguments)


def test_huge_and_numpy_seeds_are_seeds():
    env = tiny()
    np.testing.assert_array_equal(env.reset(seed=np.int64(7))[0], env.reset(seed=7)[0])
    env.reset(seed=2**100)


# --- rewards ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a", "cab", "ahhbc", "hhhhhh"])
def test_shaped_rewards_telescope_to_the_score(text):
    results = play(tiny(shaping="potential"), text, eos=len(text) < T)
    assert sum(result[1] for result in results) == pytest.approx(results[-1][4]["score"], abs=1e-12)


def test_shaped_rewards_equal_the_formula_of_ng_harada_and_russell():
    env = tiny(shaping="potential", discount=0.5)
    rewards = [result[1] for result in play(env, "adb")]
    phi = [0, 1 / 3, 1 / 3 - 1 / 9, 2 / 3 - 1 / 9]
    expected = [0.5 * phi[1] - phi[0], 0.5 * phi[2] - phi[1], 0.5 * phi[3] - phi[2], phi[3] - phi[3]]
    assert rewards == pytest.approx(expected)
    assert (env.shaping, env.discount) == ("potential", 0.5)


def test_discounted_shaping_leaves_the_discounted_return_in_place():
    for text in ("adb", "cabab", "h"):
        plain = play(tiny(), text)
        shaped = play(tiny(shaping="potential", discount=0.9), text)
        returns = [sum(0.9**t * result[1] for t, result in enumerate(results)) for results in (plain, shaped)]
        assert returns[0] == pytest.approx(returns[1], abs=1e-12)


@pytest.mark.parametrize("reward", ["tiny-length", lambda response, sample: len(response) / 100])
def test_a_plain_function_is_a_reward(reward):
    assert play(tiny(reward=reward), "abc")[-1][1] == 0.03


def test_a_reward_that_breaks_its_contract_is_an_error():
    with pytest.raises(RewardError):
        play(tiny(reward=lambda response, sample: float("nan")), "a")


# --- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"splt": "test"}, "The environment of the task 'tiny' has no option 'splt'. Did you mean 'split'?"),
        ({"copy": 2}, "The environment of the task 'tiny' has no option 'copy'. Did you mean 'copies'?"),
        ({"split": "tst"}, "The task 'tiny' has no split 'tst'. Did you mean 'test'?"),
        ({"split": "empty"}, "The split 'empty' of the task 'tiny' has no samples: there is nothing to play."),
        ({"reward": "tiny-lenght"}, "Did you mean 'tiny-length'?"),
        ({"overlong": "trunc"}, "overlong cannot be 'trunc'. Did you mean 'truncate'?"),
        ({"on_length": "stop"}, "on_length cannot be 'stop'. Known: terminate, truncate."),
        ({"shaping": "potental"}, "shaping cannot be 'potental'. Did you mean 'potential'?"),
        ({"render_mode": "ANSI"}, "render_mode cannot be 'ANSI'. Did you mean 'ansi'?"),
        ({"render_mode": "pdf"}, "render_mode cannot be 'pdf'. Known: ansi, html, human, rgb_array."),
        ({"reward": "BLEU"}, "Unknown reward 'BLEU'. Did you mean 'bleu'?"),
        ({"overlong": ""}, "overlong cannot be ''. Known: drop, error, truncate."),
        ({"discount": "0.9", "shaping": "potential"}, "discount must be a number, got '0.9' (str)."),
        ({"invalid_action_penalty": None}, "invalid_action_penalty must be a number, got None (NoneType)."),
        ({"banned_tokens": 5}, "banned_tokens must be a list of whole numbers, got 5 (int)."),
        ({"banned_tokens": [1.5]}, "Each of banned_tokens must be a whole number, got 1.5 (float)."),
        ({"template": None}, "template must hold '{prompt}', where the prompt goes, got None."),
        (
            {"data": [Sample("a", "b")], "split": "test"},
            "The split 'test' was asked for, and the data has only 'train'",
        ),
        ({"discount": 0.9}, "discount=0.9 is the discount of the shaping: pass shaping='potential' too"),
        ({"discount": 1.5, "shaping": "potential"}, "discount must lie in [0, 1], got 1.5."),
        ({"invalid_action_penalty": -1}, "invalid_action_penalty is a cost, so at least 0, got -1.0."),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0."),
        ({"max_prompt_tokens": "64"}, "max_prompt_tokens must be a whole number, got '64' (str)."),
        ({"max_new_tokens": 6.5}, "max_new_tokens must be a whole number, got 6.5 (float)."),
        ({"min_new_tokens": 7}, "min_new_tokens must lie in [0, max_new_tokens=6], got 7."),
        ({"banned_tokens": [99]}, f"eos_id and banned_tokens must lie in [0, {V}), got [99]."),
        ({"banned_tokens": range(V)}, "leave no token that may be written"),
        ({"template": "say it"}, "template must hold '{prompt}', where the prompt goes, got 'say it'."),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tiny(**arguments)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (None, "The split 'train' of the task 'own' must be a sequence of Sample, got NoneType: return a list."),
        (iter(["a"]), "must be a sequence of Sample, got list_iterator"),
        (["text"], "must hold Sample objects, got str: 'text'."),
    ],
)
def test_an_own_task_that_gives_no_samples_is_named(samples, message):
    class Own(Task):
        name = "own"

        def samples(self, split):
            return samples

    with pytest.raises(DataError, match=re.escape(message)):
        TextGenerationEnv(Own(), tokenizer="byte")


def test_unknown_names_through_gym_make_get_the_nearest():
    with pytest.raises(ConfigError, match=r"has no option 'max_tokens'. Did you mean 'max_new_tokens'\?"):
        gym.make("tests/Tiny-v0", max_tokens=3)
    with pytest.raises(ConfigError, match=r"Unknown task 'tinny'. Did you mean 'tiny'\?"):
        TextGenerationEnv("tinny")
    with pytest.raises(ConfigError, match=r"The environment has no option 'splt'. Did you mean 'split'\?"):
        TextGenerationEnv(Tiny(), splt="test")
    with pytest.raises(ConfigError, match="A task is a registered name or a Task object, got 3"):
        TextGenerationEnv(3)


class NoEos(ByteTokenizer):
    """Bytes without an end-of-text token."""

    def __init__(self):
        super().__init__()
        self.eos_id = None


def test_tokenizer_without_eos_needs_the_users_consent():
    with pytest.raises(ConfigError, match=r"has no end-of-text token.*stop_at_eos=False"):
        tiny(tokenizer=NoEos())
    env = tiny(tokenizer=NoEos(), stop_at_eos=False)
    assert env.observation_space.eos_id is None
    env.reset(seed=0)
    ends = [env.step(256)[2] for _ in range(T)]
    assert ends == [False] * (T - 1) + [True]


def test_without_stopping_at_eos_its_id_is_one_more_that_is_not_allowed():
    env = tiny(stop_at_eos=False)
    env.reset(seed=0)
    assert env.step(EOS)[1:] == (-1.0, False, False, {"invalid_action": True})


# --- prompts that are too long ---------------------------------------------------------------------------------------


def test_overlong_prompt_is_an_error_that_names_it():
    env = tiny(max_prompt_tokens=4)
    with pytest.raises(DataError, match=r"sample 2 in the split 'train' of the task 'tiny' has 6 tokens.*=4: raise it"):
        env.reset(options={"index": 2})
    with pytest.raises(DataError, match="pass overlong='truncate' or overlong='drop'"):
        [env.reset() for _ in range(50)]


def test_overlong_prompt_of_a_file_is_named_by_its_line(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"prompt": "a", "references": "b"}\n\n{"prompt": "%s", "references": "b"}\n' % ("a" * 9))
    with pytest.raises(DataError, match=rf"The prompt of sample 1 in .* \({path}:3\) has 10 tokens, more than"):
        tiny(data=str(path), tokenizer="byte").reset(options={"index": 1})


def test_truncated_prompt_keeps_its_end_with_the_separator_and_is_counted():
    env = tiny(max_prompt_tokens=4, overlong="truncate")
    observation, info = env.reset(options={"index": 2})
    assert observation[:4].tolist() == [IDS[" "], IDS["f"], IDS["g"], TOKENIZER.sep_id]
    assert info["prompt"] == "de fg"
    assert env.episodes.overlong_count == 1


def test_dropped_prompts_are_counted_never_drawn_and_refused_by_index():
    env = tiny(max_prompt_tokens=4, overlong="drop")
    drawn = {env.reset(seed=seed)[1]["index"] for seed in range(40)}
    assert drawn == {0, 1}
    assert env.episodes.overlong_count > 0
    count = env.episodes.overlong_count
    assert [env.episodes.fits(i) for i in range(5)] == [True, True, False, False, False]
    assert env.episodes.overlong_count == count  # asking is not meeting
    with pytest.raises(DataError, match="has 6 tokens, more than max_prompt_tokens=4: raise it, or choose another"):
        env.reset(options={"index": 2})


def test_dropping_everything_is_an_error_and_not_an_endless_loop():
    with pytest.raises(DataError, match=r"1000 prompts in a row, drawn from the split 'train'.*overlong='truncate'"):
        tiny(max_prompt_tokens=1, overlong="drop").reset()


class Long(Tiny):
    """A task whose prompts are known to be long."""

    overlong = "truncate"


def test_the_task_says_what_to_do_with_overlong_prompts_unless_the_user_does():
    assert TextGenerationEnv(Long()).episodes.overlong == "truncate"
    assert TextGenerationEnv(Long(), overlong="error").episodes.overlong == "error"


class Silent(ByteTokenizer):
    """A tokenizer that gives no id at all."""

    def encode_prompt(self, text):
        return []


def test_prompt_without_tokens_is_an_error():
    with pytest.raises(DataError, match=r"The prompt of sample 1 in the split 'train' .* has no tokens: 'h'"):
        tiny(tokenizer=Silent()).reset(options={"index": 1})


# --- copies, snapshots, rendering ------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("reward", ["tiny-overlap", "0.5*bleu + 0.5*rougeL", "tiny-length"])
def test_copies_in_mid_episode_go_on_identically_and_apart(copied, reward):
    env = gym.make("tests/TinyShaped-v0", reward=reward, split="test")
    env.reset(seed=4)
    env.step(0)
    twin = copied(env)
    frozen = twin.unwrapped.snapshot()

    def go_on(env):
        results = [env.step(IDS[c]) for c in "ba"] + [env.step(EOS)]
        for _ in range(20):
            results += [env.reset(), env.step(1)]
        return [(r[0].tolist(), *r[1:]) for r in results]

    expected = go_on(env)
    assert twin.unwrapped.snapshot() == frozen
    assert go_on(twin) == expected


def test_restore_branches_an_episode_through_json():
    env = tiny(shaping="potential", discount=0.7)
    env.reset(seed=4)
    observation = env.step(0)[0]
    snapshot = json.loads(json.dumps(env.snapshot()))

    def go_on(env):
        results = [env.step(IDS["b"]), env.step(EOS), env.reset()]
        return [(r[0].tolist(), *r[1:]) for r in results]

    expected = go_on(env)
    for branch in (env, tiny(shaping="potential", discount=0.7)):
        np.testing.assert_array_equal(branch.restore(snapshot), observation)
        assert go_on(branch) == expected


def test_restored_end_needs_a_reset():
    env = tiny()
    play(env, "a")
    snapshot = env.snapshot()
    env.reset(seed=0)
    env.restore(snapshot)
    with pytest.raises(ResetNeeded, match="No episode"):
        env.step(0)


def test_snapshots_that_do_not_fit_are_refused_and_change_nothing():
    env = tiny()
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.snapshot()
    env.reset(seed=0)
    before = env.snapshot()
    cases = [
        ({}, "This is no snapshot of an episode: it lacks index, tokens"),
        (before | {"index": 5}, "lies in [0, 5), got 5"),
        (before | {"tokens": [V]}, f"A response has at most 6 ids in [0, {V}), got [{V}]."),
        (before | {"tokens": [0] * 7}, "A response has at most 6 ids"),
        (
            before | {"tokens": [EOS, 0]},
            f"A response has no eos ({EOS}) or stop string before its last id, got [{EOS}, 0].",
        ),
        (before | {"tokens": 5}, "tokens must be a list of whole numbers, got 5 (int)."),
        (before | {"potential": "x"}, "potential must be a number, got 'x' (str)."),
        (before | {"return": None}, "return must be a number, got None (NoneType)."),
        (before | {"generator": {"bit_generator": "MT19937"}}, "The snapshot's generator does not fit"),
    ]
    for snapshot, message in cases:
        with pytest.raises(ConfigError, match=re.escape(message)):
            env.restore(snapshot)
        assert env.snapshot() == before


def test_render_shows_the_episode_with_control_characters_escaped():
    env = tiny(render_mode="ansi", data=[Sample("a\x1b[2J\nb", "c\u202ed")], tokenizer="byte", reward="tiny-length")
    assert env.render() == "no episode yet: call reset()"
    env.reset()
    for token in b"x\x07":
        env.step(token)
    lines = env.render().split("\n")
    assert lines[:3] == [r"prompt:    a\x1b[2J\nb", r"reference: c\u202ed", r"response:  x\x07"]
    env.step(256)
    assert env.render().split("\n")[3] == "reward:    0.0200 (ended)"


def test_render_without_a_mode_says_how_to_get_one():
    with pytest.warns(UserWarning, match='render_mode="ansi"'):
        assert tiny().render() is None


class Unregistered(Task):
    """A task object that was never registered."""

    reward = "tiny-overlap"

    def samples(self, split):
        return [Sample("a", ("a",))]

    def tokenizer(self):
        return TOKENIZER


def test_environments_of_the_same_arguments_share_what_never_changes():
    first, second = (tiny(copies=4) for _ in range(2))
    assert first.episodes.samples is second.episodes.samples
    assert first.episodes.space is not second.episodes.space
    assert isinstance(first.observation_space, TokenSpace)


def test_a_task_object_needs_no_name():
    env = TextGenerationEnv(Unregistered())
    assert env.reset()[1]["prompt"] == "a"
