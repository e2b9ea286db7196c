"""A text has one score, whether it was written token by token or reached by edits."""

import gymnasium as gym
import numpy as np
import pytest

from tests.editing.tiny import legal_action
from tests.tiny import all_ids, small
from textgym import Sample, Task
from textgym.editing.env import EditEnv
from textgym.env import TextGenerationEnv


class Cases(Task):
    """A task whose texts have every script."""

    name = "cases"
    max_new_tokens = 40

    def samples(self, split):
        return [Sample("né 한국어", ("né 한국어 né", "x")), Sample("a b", ("b a",)), Sample("emoji 👩‍🚀", ("👩‍🚀 ok",))]


@pytest.mark.parametrize("reward", ["bleu", "chrf", "rougeL", "edit_similarity", "ter", "0.5*bleu + 0.5*length"])
@pytest.mark.parametrize("task", ["translation", "post_editing", "grammar_correction", "compression", Cases()])
def test_a_text_reached_by_edits_has_the_score_that_it_has_when_it_is_written(task, reward):
    options = {"reward": reward, "tokenizer": "byte", "max_prompt_tokens": 120}
    edits = EditEnv(task, draft="corrupted", max_draft_tokens=120, max_edits=30, **options)
    tokens = TextGenerationEnv(task, max_new_tokens=121, **options)
    rng = np.random.default_rng(0)
    for index in range(3):
        edits.reset(options={"index": index})
        over = False
        while not over:
            action = legal_action(edits, rng)
            *_, terminated, truncated, info = edits.step(action)
            over = terminated or truncated
        tokens.reset(options={"index": index})
        for token in [*edits._draft, tokens.observation_space.eos_id]:
            *_, outcome = tokens.step(token)
        assert outcome["response"] == info["response"]
        assert outcome["score"] == info["score"]


@pytest.mark.parametrize("id", all_ids())
def test_in_every_environment_of_the_library_a_text_has_one_score(id):
    tokens = gym.make(id, disable_env_checker=True, **small(id)).unwrapped
    episodes, space = tokens.episodes, tokens.observation_space
    if space.stop:
        pytest.skip("a stop string ends what is written, and may stand within what is edited")
    edits = EditEnv(
        episodes.task,
        draft="empty",
        reward=episodes.reward,
        tokenizer=episodes.tokenizer,
        max_prompt_tokens=space.max_prompt_tokens,
        max_draft_tokens=max(1, space.max_new_tokens - 1),
        max_edits=8,
        split=episodes.split,
        overlong=episodes.overlong,
    )
    rng = np.random.default_rng(1)
    for index in range(min(2, tokens.num_samples)):
        edits.reset(options={"index": index})
        over = False
        while not over:
            *_, terminated, truncated, info = edits.step(legal_action(edits, rng))
            over = terminated or truncated
        tokens.reset(options={"index": index})
        over = False
        for token in [*edits._draft, space.eos_id]:
            if not over:
                *_, terminated, truncated, outcome = tokens.step(token)
                over = terminated or truncated
        assert (outcome["response"], outcome["score"]) == (info["response"], info["score"])
