"""The procedural tasks, and what several tests of them need."""

from functools import lru_cache

import gymnasium as gym
import pytest

import textgym
from textgym.lookup import episodes_of

IDS = {
    "copy_letters": "textgym/Copy-v0",
    "reverse_letters": "textgym/Reverse-v0",
    "sort_letters": "textgym/Sort-v0",
    "count_letters": "textgym/Count-v0",
    "arithmetic": "textgym/Arithmetic-v0",
    "brackets": "textgym/Brackets-v0",
    "date_rewrite": "textgym/DateRewrite-v0",
    "keywords_to_sentence": "textgym/KeywordsToSentence-v0",
    "table_to_text": "textgym/TableToText-v0",
    "small_translation": "textgym/SmallTranslation-v0",
    "slot_filling": "textgym/SlotFilling-v0",
}
HARDEST = {"copy_letters": 14, "reverse_letters": 14, "sort_letters": 14, "date_rewrite": 1000}
HARDEST |= {"small_translation": 4, "slot_filling": 5, "arithmetic": 4299}
EXACT = ("copy_letters", "reverse_letters", "sort_letters", "count_letters", "arithmetic", "brackets", "slot_filling")
SMALL = ("reverse_letters", "count_letters", "arithmetic", "brackets")  # all responses are soon listed at difficulty 1
every_task = pytest.mark.parametrize("name", IDS)


@lru_cache(None, typed=True)  # so that a simulated random return is found once
def made(name, difficulty=1, **options):
    return textgym.make_task(name, difficulty=difficulty, **options)


def some_difficulties(name):
    return [difficulty for difficulty in (1, 2, 3, 4, 6) if difficulty <= HARDEST.get(name, 6)]


def play(env, text, index):
    """Write a text and the eos, if there is room for it; return the sum of the rewards and the last information."""
    episodes = episodes_of(env)
    ids = [*episodes.tokenizer.encode(text), episodes.space.eos_id][: episodes.space.max_new_tokens]
    env.reset(options={"index": index})
    total, over, info = 0.0, False, {}
    for token in ids:
        assert not over
        assert env.unwrapped.action_masks()[token]
        _, reward, over, _, info = env.step(token)
        total += reward
    assert over
    return total, info


def make(name, **options):
    return gym.make(IDS[name], disable_env_checker=True, **options)
