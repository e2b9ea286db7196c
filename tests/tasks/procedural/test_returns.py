"""The known returns of the procedural tasks: the optimum is proved, the random figure is checked by playing."""

from itertools import product

import gymnasium as gym
import numpy as np
import pytest

import textgym
from tests.tasks.procedural.catalogue import EXACT, HARDEST, IDS, SMALL, every_task, made, some_difficulties
from textgym.lookup import episodes_of
from textgym.solver import solve


def responses_by_length(episodes):
    """Yield every response that allowed tokens can write, as text with its probability under a uniform policy."""
    T, eos = episodes.space.max_new_tokens, episodes.space.eos_id
    ids = np.flatnonzero(episodes.space.allowed(np.array([0]))[0]).tolist()
    words = [i for i in ids if i != eos]
    for length in range(T + 1):
        steps = min(length + 1, T)  # an eos follows, unless the response is full
        for text in episodes.tokenizer.decode_batch(list(product(words, repeat=length))):
            yield text, len(ids) ** -steps


@pytest.mark.parametrize("name", SMALL)
def test_no_response_at_all_gets_more_than_the_optimum_and_their_mean_is_the_random_return(name):
    task = made(name)
    episodes, sample = episodes_of(task), task.samples("test")[0]
    texts, probabilities = zip(*responses_by_length(episodes), strict=True)
    scores = episodes.reward(texts, [sample] * len(texts))
    assert scores.max() == task.optimal_return
    assert [texts[i] for i in np.flatnonzero(scores == scores.max())] == list(sample.references)
    assert sum(probabilities) == pytest.approx(1, abs=1e-12)
    assert np.dot(scores, probabilities) == pytest.approx(task.random_return, rel=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_every_prompt_has_the_same_exact_returns(name):
    for difficulty in some_difficulties(name)[:3]:
        task = made(name, difficulty)
        for index in range(4):
            solution = solve(task, index)
            assert solution.value() == task.optimal_return
            assert solution.value(policy="uniform") == pytest.approx(task.random_return, rel=1e-12)
        assert task.random_return_error == 0


@every_task
def test_the_reward_cannot_exceed_the_optimum(name):
    task = made(name)
    assert textgym.make_reward(task.reward).bounds[1] == task.optimal_return


def test_no_response_of_the_words_of_a_reference_gets_more_bleu_than_the_reference():
    env = gym.make(IDS["keywords_to_sentence"], max_new_tokens=6, disable_env_checker=True)
    episodes = episodes_of(env)
    own = {*episodes.tokenizer.encode(episodes.samples[0].references[0]), episodes.space.eos_id}
    banned = sorted(set(range(episodes.space.vocab_size)) - own)
    solution = solve(gym.make(env.spec, banned_tokens=banned, disable_env_checker=True))
    assert solution.value() == pytest.approx(1, abs=1e-9)
    assert solution.states == sum(5**length for length in range(7))


def test_no_response_at_all_gets_more_edit_similarity_to_a_date_than_the_date():
    solution = solve("date_rewrite", 0)
    assert solution.value() == 1
    tokens = []
    for _ in range(10):  # the only way to it is the date itself
        values = solution.action_values(tokens)
        assert (values == 1).sum() == 1
        tokens.append(int(values.argmax()))
    assert solution.episodes.decode([tokens]) == list(solution.sample.references)


@pytest.mark.parametrize("name", ["count_letters", "arithmetic", "brackets"])
def test_exact_match_by_chance_has_a_formula(name):
    for difficulty in some_difficulties(name):
        task = made(name, difficulty)
        allowed = task.tokenizer().vocab_size - 2
        assert task.random_return == pytest.approx(allowed**-task.max_new_tokens, rel=1e-12)


def simulated(name, difficulty, rounds=6):
    """Return the mean return of uniform play through the vector environment, and its standard error."""
    envs = gym.make_vec(IDS[name], num_envs=256, difficulty=difficulty, split="train", autoreset_mode="Disabled")
    rng, totals = np.random.default_rng(1), []
    for k in range(rounds):
        envs.reset(seed=1_000 * k)
        total, going = np.zeros(256), np.ones(256, dtype=bool)
        while going.any():
            masks = envs.unwrapped.action_masks()
            actions = np.where(masks, rng.random(masks.shape), -1).argmax(axis=1)
            if not going.all():
                envs.reset(options={"reset_mask": ~going})  # a lane that ended plays on, and is not counted
            _, rewards, terminated, truncated, _ = envs.step(actions)
            total += rewards * going
            going &= ~(terminated | truncated)
        totals.append(total)
    returns = np.concatenate(totals)
    return returns.mean(), returns.std(ddof=1) / np.sqrt(len(returns))


@every_task
def test_the_random_return_is_that_of_uniform_play(name):
    task = made(name, 2)
    mean, error = simulated(name, 2)
    known = np.hypot(error, task.random_return_error)
    if name in ("arithmetic", "brackets", "count_letters"):  # hardly ever right: the spread is known, not seen
        known = np.sqrt(task.random_return / (6 * 256))
    assert abs(mean - task.random_return) < 4 * known


@every_task
def test_a_random_policy_gets_at_most_a_fifth(name):
    for difficulty in {1, 2, min(HARDEST.get(name, 2), 14)}:
        task = made(name, difficulty)
        assert 0 < task.random_return + 3 * task.random_return_error <= 0.2 * task.optimal_return


@every_task
def test_the_documentation_tells_the_random_return(name):
    text = " ".join(type(made(name)).__doc__.split())
    told = {
        "count_letters": "1 / 15 ** 2",
        "arithmetic": "1 / 14 ** (difficulty + 2)",
        "brackets": "1 / 7 ** (difficulty + 2)",
        "slot_filling": "0.074 to 0.187",
    }
    value, error = made(name).random_return, made(name).random_return_error
    simulated = f" at difficulty 1 (simulated, standard error {error:.4f})" if error else ""
    assert f"a random one {told.get(name, f'{value:.3f}')}{simulated}" in text
