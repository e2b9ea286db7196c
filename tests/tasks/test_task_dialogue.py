"""Booking a restaurant: goals, the reward's formula, and that the scripted agent succeeds where chance does not."""

import gymnasium as gym
import numpy as np
import pytest

from textgym import Sample, make_reward, make_task
from textgym.dialogue.task import Outcome
from textgym.errors import ConfigError
from textgym.tasks.task_dialogue import TaskDialogue

SPLITS = ("train", "validation", "test")


def play(env, index, seed, speak):
    """Play a dialogue in which ``speak`` gives each turn; return the information of its end."""
    env.reset(seed=seed, options={"index": index})
    tokenizer, eos = env.episodes.tokenizer, env.episodes.space.eos_id
    while True:
        for token in [*tokenizer.encode(speak(env)), eos]:
            *_, terminated, truncated, info = env.step(token)
            if terminated or truncated:
                return info


def scripted(env):
    """Speak as an agent that knows the database and what it heard."""
    return env.episodes.manner.domain.script(env._lane.heard[0].state["known"])


def test_no_goal_is_in_two_splits_and_all_can_be_met():
    task = TaskDialogue()
    goals = {split: {tuple(s.metadata["goal"].items()) for s in task.samples(split)} for split in SPLITS}
    assert sum(len(goals[split]) for split in SPLITS) == len(set.union(*goals.values()))
    assert [len(goals[split]) == len(task.samples(split)) for split in SPLITS] == [True] * 3
    assert len(goals["train"]) > 3_000
    for goal in goals["test"]:
        assert task.domain.matching(dict(goal))


def test_samples_are_made_when_asked_for_and_depend_on_the_seed_alone():
    one, other = TaskDialogue(database_seed=5).samples("train"), TaskDialogue(database_seed=5).samples("train")
    assert [one[i] for i in range(20)] == [other[i] for i in range(20)]
    assert one[0] is not one[0]
    assert one[0] != TaskDialogue(database_seed=6).samples("train")[0]


def test_the_scripted_agent_succeeds_in_two_turns_with_every_opening():
    env = gym.make("textgym/TaskDialogue-v0", split="test").unwrapped
    for index in range(0, env.num_samples, 7):
        info = play(env, index, index, scripted)
        assert (info["success"], info["slots"], info["turns"], info["finish"]) == (True, 1.0, 2, "goal")
        assert info["score"] == pytest.approx(0.3 + 0.5 + 0.2 * 4 / 5)


def test_the_scripted_agent_asks_again_what_noise_has_hidden():
    env = gym.make("textgym/TaskDialogue-v0", simulator="rule(noise=0.3)", max_turns=10).unwrapped
    infos = [play(env, seed, seed, scripted) for seed in range(60)]
    assert np.mean([info["success"] for info in infos]) > 0.95
    assert np.mean([info["turns"] for info in infos]) > 2.5


def test_the_database_can_be_asked_by_who_does_not_know_it():
    env = gym.make("textgym/TaskDialogue-v0").unwrapped

    def asks(env):
        lane = env._lane
        known = lane.heard[0].state["known"]
        if len(known) < 5:
            return scripted(env)
        last = lane.said[0][-1].split()
        if last[0] == "found":
            return f"book {last[1]}, {known['day']}, {known['people']} people"
        return "find " + " ".join(value for slot, value in known.items() if slot not in ("day", "people"))

    infos = [play(env, seed, seed, asks) for seed in range(40)]
    assert all(info["success"] and info["turns"] == 3 for info in infos)


def test_chance_does_not_succeed():
    envs = gym.make_vec("textgym/TaskDialogue-v0", num_envs=64, autoreset_mode="SameStep")
    envs.reset(seed=0)
    rng, scores, successes = np.random.default_rng(0), [], []
    allowed = np.flatnonzero(envs.unwrapped.episodes.space.allowed(np.array([0]))[0])
    for _ in range(300):
        *_, infos = envs.step(allowed[rng.integers(len(allowed), size=64)])
        if "final_info" in infos:
            told = infos["final_info"]
            scores += told["score"][told["_score"]].tolist()
            successes += told["success"][told["_success"]].tolist()
    assert len(scores) > 100
    assert np.mean(successes) < 0.01
    assert np.mean(scores) < 0.1


@pytest.mark.parametrize(
    ("success", "slots", "turns", "most", "score"),
    [
        (True, 1.0, 1, 6, 1.0),
        (True, 1.0, 6, 6, 0.8),
        (True, 1.0, 2, 6, 0.96),
        (True, 1.0, 1, 1, 1.0),
        (False, 0.4, 3, 6, 0.12),
        (False, 0.0, 6, 6, 0.0),
    ],
)
def test_the_outcome_is_scored_by_its_formula(success, slots, turns, most, score):
    metadata = {"success": success, "slots": slots, "turns": turns, "max_turns": most}
    reward = make_reward("outcome")
    assert reward(["x"], [Sample("p", (), metadata)]) == pytest.approx([score])
    assert reward(["x"], [Sample("p")]).tolist() == [0.0]
    assert reward.signature.startswith("outcome|dialogue|weights:0.3,0.5,0.2|textgym:")


def test_slots_are_those_of_the_last_offer():
    task = TaskDialogue()
    name, kind = next(iter(task.domain.restaurants.items()))
    sample = Sample("p", (), {"goal": {**kind, "day": "friday", "people": "4"}})
    assert task.assess(f"book {name}, friday, 4", sample, Outcome()) == (True, 1.0)
    assert task.assess(f"book {name}, friday, 5", sample, Outcome()) == (False, pytest.approx(0.8))
    assert task.assess(f"{name}?", sample, Outcome()) == (False, pytest.approx(0.6))
    assert task.assess("hello", sample, Outcome(False, 0.6)) == (False, 0.6)


def test_all_that_is_said_is_in_the_vocabulary():
    task = make_task("task_dialogue")
    tokenizer = task.tokenizer()
    for simulator in ("rule", "rule(noise=0.5)"):
        env = gym.make("textgym/TaskDialogue-v0", simulator=simulator).unwrapped
        for seed in range(30):
            info = play(env, seed, seed, scripted)
            for text in info["transcript"]:
                assert tokenizer.unk_id not in tokenizer.encode(text), text


def test_options_and_splits_are_checked():
    with pytest.raises(ConfigError, match=r"no split 'tset'. Did you mean 'test'"):
        TaskDialogue().samples("tset")
    with pytest.raises(ConfigError, match="Did you mean 'database_size'"):
        gym.make("textgym/TaskDialogue-v0", databse_size=3)
    assert gym.make("textgym/TaskDialogue-v0", database_size=5, database_seed=2).unwrapped.num_samples > 100


@pytest.mark.parametrize("name", ["task_dialogue", "chit_chat"])
def test_tasks_have_cards(name):
    card = make_task(name).card
    assert card.source
    assert card.licence


def test_chit_chat_samples_are_openings_and_what_followed():
    pytest.importorskip("chitchat_dataset", reason='the conversations need pip install "textgym[data]"')
    from textgym.data.chitchat import conversations, split_of

    turns = dict(conversations("tests"))
    task = make_task("chit_chat")
    for split in SPLITS:
        samples = task.samples(split)
        assert len(samples) > 100
        for sample in samples[:100]:
            name = sample.metadata["conversation"]
            assert (sample.prompt, *sample.references) == tuple(turns[name][:2])
            assert split_of(name) == split
    with pytest.raises(ConfigError, match="Did you mean 'test'"):
        task.samples("tests")
