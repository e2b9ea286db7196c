"""Exact values against brute force: every response is played through the environment."""

import numpy as np
import pytest

import textgym.solver
from textgym import Sample
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError
from textgym.solver import solve
from textgym.tokenizers import ByteTokenizer, CharTokenizer, WordTokenizer

WORDS = WordTokenizer(["the", "cat", "dog", ".", "("])
CASES = {
    "exact": (CharTokenizer("abc"), ("ab",), {"reward": "exact_match"}),
    "exact with spaces": (CharTokenizer("a b"), ("a b", "b"), {"reward": "exact_match"}),
    "exact without regard to case": (
        CharTokenizer("aAb"),
        ("ab",),
        {"reward": {"name": "exact_match", "lowercase": True}},
    ),
    "exact words and marks": (WORDS, ("(the cat.", "dog"), {"reward": "exact_match"}),
    "edits": (CharTokenizer("abcd"), ("aba",), {"reward": "edit_similarity"}),
    "edits to several": (CharTokenizer("ab cd"), ("ab", "cab"), {"reward": "edit_similarity", "max_new_tokens": 3}),
    "edits of words": (WORDS, ("the (cat.",), {"reward": "edit_similarity", "max_new_tokens": 3}),
    "a bag of words": (WORDS, ("the cat (dog).",), {"reward": "token_f1"}),
    "a bag with a word twice": (WORDS, ("cat, dog, cat",), {"reward": "token_f1"}),
    "two bags": (WORDS, ("cat dog", "the cat cat"), {"reward": "token_f1", "max_new_tokens": 3}),
    "a bag of characters": (CharTokenizer("ab "), ("ab b",), {"reward": "token_f1"}),
    "bleu": (WORDS, ("the cat.",), {"reward": "bleu", "max_new_tokens": 3}),
    "a sum": (CharTokenizer("abc"), ("ab",), {"reward": "0.5*exact_match + 0.5*edit_similarity"}),
    "a least length": (CharTokenizer("abc"), ("a",), {"reward": "edit_similarity", "min_new_tokens": 2}),
    "a dear end": (CharTokenizer("abc"), ("abca",), {"reward": "edit_similarity", "missing_eos_penalty": 0.3}),
    "no end": (CharTokenizer("abc"), ("abca",), {"reward": "edit_similarity", "stop_at_eos": False}),
    "banned tokens": (CharTokenizer("abcd"), ("ad",), {"reward": "edit_similarity", "banned_tokens": [1, 3]}),
    "shaping": (CharTokenizer("abc"), ("abc",), {"reward": "edit_similarity", "shaping": "potential"}),
}


def tiny(case):
    tokenizer, references, options = CASES[case]
    defaults = {"max_prompt_tokens": 4, "max_new_tokens": 4}
    return TextGenerationEnv("dialogue", data=[Sample("p", references)], tokenizer=tokenizer, **defaults | options)


def played(env):
    """Return the return of every complete response, by its tokens, from playing each."""
    finished, open_prefixes = {}, [()]
    while open_prefixes:
        prefix = open_prefixes.pop()
        env.reset(options={"index": 0})
        total = sum(env.step(token)[1] for token in prefix)
        state = env.snapshot()
        for token in np.flatnonzero(env.action_masks()).tolist():
            env.restore(state)
            _, reward, terminated, truncated, _ = env.step(token)
            if terminated or truncated:
                finished[(*prefix, token)] = total + reward
            else:
                open_prefixes.append((*prefix, token))
    return finished


def brute_force(finished, T):
    """Return by policy the value of every prefix, from the returns of all responses."""
    values = {"optimal": dict(finished), "uniform": dict(finished)}
    for length in range(T, 0, -1):
        children = {}
        for prefix in [prefix for prefix in values["optimal"] if len(prefix) == length]:
            children.setdefault(prefix[:-1], []).append(prefix)
        for parent, below in children.items():
            values["optimal"][parent] = max(values["optimal"][child] for child in below)
            values["uniform"][parent] = np.mean([values["uniform"][child] for child in below])
    return values


@pytest.mark.parametrize("case", CASES)
def test_values_of_all_prefixes_and_tokens_equal_brute_force(case):
    env = tiny(case)
    finished = played(env)
    values = brute_force(finished, env.observation_space.max_new_tokens)
    solution = solve(env)
    prefixes = [prefix for prefix in values["optimal"] if prefix not in finished]
    assert len(prefixes) > 10
    for policy in ("optimal", "uniform"):
        for prefix in prefixes:
            assert solution.value(prefix, policy) == pytest.approx(values[policy][prefix], abs=1e-9)
            found = solution.action_values(prefix, policy)
            known = [values[policy].get((*prefix, token), -np.inf) for token in range(len(found))]
            np.testing.assert_allclose(found, known, atol=1e-9)


def test_prefixes_with_the_same_future_are_counted_once():
    prefixes = {case: sum(len(p) > 0 for p in played(tiny(case))) for case in ("exact", "edits")}
    assert solve(tiny("exact")).states < 20 < prefixes["exact"]
    assert solve(tiny("edits")).states < 100 < prefixes["edits"]
    assert solve(tiny("bleu")).states == 1 + 5 + 25 + 125


def test_a_greedy_player_of_the_action_values_gets_the_optimum():
    env = textgym.solver.episodes_of("brackets").task
    solution = solve(env, 3)
    tokens = []
    while not tokens or tokens[-1] != solution.episodes.eos:
        tokens.append(int(solution.action_values(tokens).argmax()))
    assert solution.episodes.decode([tokens]) == list(solution.sample.references)


def test_names_tasks_and_environments_mean_the_same():
    env = TextGenerationEnv("copy_letters")
    for thing in ("copy_letters", "textgym/Copy-v0", env, env.episodes, env.episodes.task):
        assert solve(thing, 2).value((0, 1), "uniform") == solve("copy_letters", 2).value((0, 1), "uniform")


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ([0, 0, 0, 0], r"A prefix that may still go on has less than T=4 tokens, got 4"),
        ([3], "A prefix holds allowed ids other than the eos, got 3 at place 0"),
        ([0, 4], "A prefix holds allowed ids other than the eos, got 4 at place 1"),
        ([0, 99], "A prefix holds allowed ids other than the eos, got 99 at place 1"),
        ([0.5], "A token id must be a whole number, got 0.5"),
    ],
)
def test_a_prefix_that_cannot_be_is_refused(prefix, message):
    with pytest.raises(ConfigError, match=message):
        solve(tiny("exact")).value(prefix)


def test_another_policy_is_refused():
    with pytest.raises(ConfigError, match=r"policy cannot be 'unifrom'. Did you mean 'uniform'\?"):
        solve(tiny("exact")).value(policy="unifrom")


def test_too_many_states_are_refused():
    with pytest.raises(ConfigError, match="There are more than most_states=100 different prefixes of at most 3 tokens"):
        solve(tiny("bleu"), most_states=100)


def test_what_has_no_exact_values_is_refused():
    sample, options = [Sample("p", ("ab",))], {"tokenizer": CharTokenizer("abp"), "max_prompt_tokens": 4}
    with pytest.raises(ConfigError, match="Exact values are not known with stop strings"):
        solve(TextGenerationEnv("dialogue", data=sample, stop="b", **options))
    with pytest.raises(ConfigError, match="Exact values need a reward that does not change"):
        solve(TextGenerationEnv("dialogue", data=sample, reward="running_norm(bleu)", **options))
    with pytest.raises(ConfigError, match="Exact values need tokens that are whole characters"):
        solve(TextGenerationEnv("dialogue", data=sample, **options | {"tokenizer": ByteTokenizer()}))


@pytest.mark.parametrize("thing", [3, None, object()])
def test_what_is_no_environment_is_refused(thing):
    with pytest.raises(ConfigError, match="This is no text environment, task or name of one"):
        solve(thing)


@pytest.mark.parametrize("id", ["textgym/TaskDialogue-v0", "textgym/Edit-v0"])
def test_several_turns_and_edits_are_refused(id):
    with pytest.raises(ConfigError, match="for environments in which an episode is one response"):
        solve(id)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"Unknown task 'brakets'. Did you mean 'brackets'\?"):
        solve("brakets")
