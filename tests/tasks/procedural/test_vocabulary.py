"""The declared vocabularies and lengths hold all that is drawn."""

import re

from tests.tasks.procedural.catalogue import HARDEST, every_task, made, some_difficulties


def drawn(name, difficulty, count=400):
    task = made(name, difficulty)
    return task, [*task.samples("train")[:count], *task.samples("test")[:50]]


@every_task
def test_everything_drawn_is_within_the_vocabulary_and_the_lengths(name):
    for difficulty in some_difficulties(name):
        task, samples = drawn(name, difficulty)
        tokenizer = task.tokenizer()
        prompts = [tokenizer.encode_prompt(sample.prompt) for sample in samples]
        references = [(text, tokenizer.encode(text)) for sample in samples for text in sample.references]
        assert all(tokenizer.unk_id not in ids for ids in prompts)
        assert all(tokenizer.decode(ids) == text for text, ids in references)  # so there is no unknown word either
        assert max(map(len, prompts)) <= task.max_prompt_tokens
        assert max(len(ids) for _, ids in references) + 1 <= task.max_new_tokens


@every_task
def test_the_lengths_are_the_least_that_fit(name):
    task, samples = drawn(name, 1, 2_000)
    tokenizer = task.tokenizer()
    assert max(len(tokenizer.encode_prompt(sample.prompt)) for sample in samples) == task.max_prompt_tokens
    longest = max(len(tokenizer.encode(text)) for sample in samples for text in sample.references)
    assert longest + 1 == task.max_new_tokens


@every_task
def test_the_vocabulary_is_small_and_the_same_at_every_difficulty(name):
    tokenizers = [made(name, difficulty).tokenizer() for difficulty in some_difficulties(name)]
    assert len(set(tokenizers)) == 1
    assert tokenizers[0].vocab_size <= 170


@every_task
def test_every_word_of_the_vocabulary_is_used(name):
    task, samples = drawn(name, min(4, HARDEST.get(name, 4)), 3_000)
    tokenizer = task.tokenizer()
    used = {i for sample in samples for text in (sample.prompt, *sample.references) for i in tokenizer.encode(text)}
    unused = set(range(tokenizer.eos_id)) - used
    assert unused <= ({tokenizer.encode(mark)[0] for mark in "+-"} if name == "date_rewrite" else set())


@every_task
def test_the_documentation_tells_the_sizes_and_the_lengths(name):
    task = made(name)
    text = re.sub(r"\s+", " ", type(task).__doc__)
    size = task.tokenizer().vocab_size
    assert f"of {size} ids {size - 2} are allowed" in text
    for word in ("## Prompt", "## Response", "## Reward", "Args:", "Raises:", "Version history: v0"):
        assert word in text
    assert re.search(r"P = |P is |P and T are ", text)
