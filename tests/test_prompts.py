"""Prompts are encoded once, for all environments together."""

import pytest

from textgym import Sample
from textgym.env import TextGenerationEnv
from textgym.errors import DataError
from textgym.prompts import encoded_prompt
from textgym.tokenizers import CharTokenizer
from textgym.vector import TextGenerationVectorEnv


class Counting(CharTokenizer):
    calls = 0

    def encode(self, text: str) -> list[int]:
        type(self).calls += 1
        return super().encode(text)


class Unhashable(CharTokenizer):
    __hash__ = None


def test_a_prompt_is_encoded_once_for_all_environments() -> None:
    options = {"data": [Sample("ab", ("a",))], "tokenizer": Counting("abc"), "max_prompt_tokens": 4}
    Counting.calls = 0
    envs = TextGenerationEnv("translation", **options), TextGenerationVectorEnv("translation", num_envs=3, **options)
    for env in envs:
        for _ in range(3):
            env.reset(seed=0)
    assert Counting.calls == 1


def test_the_template_and_the_tokenizer_tell_prompts_apart() -> None:
    tokenizers = CharTokenizer("ab:"), CharTokenizer("ba:")
    seen = [encoded_prompt(t, template, "ab") for t in tokenizers for template in ("{prompt}", "a:{prompt}")]
    expected = [t.encode_prompt(text) for t in tokenizers for text in ("ab", "a:ab")]
    assert seen == expected


def test_what_is_remembered_cannot_be_changed_from_outside() -> None:
    tokenizer = CharTokenizer("ab")
    encoded_prompt(tokenizer, "{prompt}", "ab").append(0)
    assert encoded_prompt(tokenizer, "{prompt}", "ab") == tokenizer.encode_prompt("ab")


def test_a_tokenizer_that_cannot_be_hashed_serves_as_well() -> None:
    assert encoded_prompt(Unhashable("ab"), "{prompt}", "ba") == CharTokenizer("ab").encode_prompt("ba")


@pytest.mark.parametrize("width", [2, 3])
def test_prompts_stand_on_the_right(width: int) -> None:
    data = [Sample("a" * n, ("a",)) for n in range(1, 4)]
    env = TextGenerationVectorEnv("translation", num_envs=2, data=data, tokenizer="char:a", max_prompt_tokens=width)
    if width == 2:
        with pytest.raises(DataError, match="more than max_prompt_tokens=2"):
            env.reset(options={"index": [1, 2]})
        return
    observations, _ = env.reset(options={"index": [0, 1]})
    assert observations[:, :width].tolist() == [[-1, 0, 2], [0, 0, 2]]
