"""The references are right: each is found again from the prompt, in another way than the task found it."""

import re
from datetime import date, timedelta

import numpy as np

from tests.tasks.procedural.catalogue import HARDEST, IDS, made
from textgym.tasks.translation import Translation


def reread(prompt):
    """Return the date that a prompt of words and shifts comes to, by numpy's calendar."""
    day, month, year, *shifts = prompt.split()
    number = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"].index(month[:3]) + 1
    return str(np.datetime64(f"{year}-{number:02}-{int(day):02}") + sum(map(int, shifts)))


def closing(prompt):
    """Return what closes a prompt: pairs are erased until none is left, the rest is turned round."""
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", prompt)) != prompt:
        prompt = shorter
    return prompt[::-1].translate(str.maketrans("([{", ")]}"))


ANSWERS = {
    "copy_letters": str,
    "reverse_letters": lambda prompt: "".join(reversed(prompt)),
    "sort_letters": lambda prompt: "".join(letter for letter in "abcdefghijklmnop" if letter in prompt),
    "count_letters": lambda prompt: str(len(re.findall(prompt[0], prompt[2:]))),
    "arithmetic": lambda prompt: str(eval(prompt[:-1])),
    "brackets": closing,
    "date_rewrite": reread,
}


def samples(name, difficulty):
    return made(name, difficulty).samples("train")[:200]


def test_answers_of_the_tasks_over_characters():
    for name, answer in ANSWERS.items():
        for difficulty in (1, 2, 5):
            for sample in samples(name, difficulty):
                assert sample.references == (answer(sample.prompt),)


def test_dates_are_moved_by_as_many_shifts_as_the_difficulty_says():
    for sample in samples("date_rewrite", 3):
        assert re.fullmatch(r"\d{1,2} [a-z]+ \d{4} [+-]\d\d [+-]\d\d", sample.prompt)
    (reference,) = samples("date_rewrite", 1)[0].references
    assert date.fromisoformat(reference) + timedelta(0) >= date(1900, 1, 1)


def test_counts_are_one_to_nine_alike():
    counts = [sample.references[0] for sample in made("count_letters").samples("train")[:1_800]]
    assert sorted(set(counts)) == list("123456789")
    assert min(map(counts.count, "123456789")) > 140


def test_sums_and_differences_have_as_many_digits_as_their_terms():
    for difficulty in (1, 3):
        for sample in samples("arithmetic", difficulty):
            numbers = [*re.split(r"[+-]", sample.prompt[:-1]), *sample.references]
            assert {len(number) for number in numbers} == {difficulty + 1}
    prompts = [sample.prompt for sample in samples("arithmetic", 1)]
    assert 60 < sum("+" in prompt for prompt in prompts) < 140


def test_a_sentence_has_all_its_keywords():
    for sample in samples("keywords_to_sentence", 2):
        for keywords, clause in zip(sample.prompt.split(", "), sample.references[0].split(" and "), strict=True):
            stems = {re.sub(r"ies$", "y", word) for word in clause.rstrip(".").split()}
            assert all(word in stems or f"{word}s" in stems for word in keywords.split())
            assert len(keywords.split()) == 3


def test_a_text_tells_every_field_of_every_row():
    said = {"job": "is a {}", "city": "lives in {}", "age": "is {}", "pet": "has a {}"}
    for sample in samples("table_to_text", 2):
        for text in sample.references:
            for row, sentence in zip(sample.prompt.split("; "), text.rstrip(".").split(". "), strict=True):
                (_, name), *fields = [cell.split(": ") for cell in row.split(" | ")]
                assert sentence.startswith(f"{name} ")
                rest = sentence.removeprefix(f"{name} ").split(" and ")
                assert sorted(rest) == sorted(said[field].format(value) for field, value in fields)
        assert len(set(sample.references)) == 2


def test_slots_are_those_of_the_request_in_its_order():
    marks = {"food": "{} food", "area": "in the {}", "price": "at {} prices"}
    marks |= {"day": "on {}", "hour": "at {}", "guests": "for {} people"}
    for sample in samples("slot_filling", 3):
        pairs = [pair.split(": ") for pair in sample.references[0].split(", ")]
        assert sample.prompt.endswith(" ".join(marks[slot].format(value) for slot, value in pairs))
        assert len({slot for slot, _ in pairs}) == 4


def test_small_sentences_are_german():
    golden = {
        "My doctor finds the lamp.": "Mein Arzt findet die Lampe.",
        "A sick doctor finds my new book.": "Ein kranker Arzt findet mein neues Buch.",
        "The old woman found the new coats today.": "Die alte Frau hat heute die neuen Mäntel gefunden.",
    }
    found = {s.prompt: s.references for level in (1, 2, 3) for s in samples("small_translation", level)}
    assert {prompt: found[prompt][0] for prompt in golden} == golden
    assert len(found["The old woman found the new coats today."]) == 3


def test_small_sentences_have_the_words_of_the_large_grammar():
    small = {word for level in (1, 2, 3, 4) for s in samples("small_translation", level) for word in s.prompt.split()}
    large = {word for sample in Translation().samples("train")[:3_000] for word in sample.prompt.split()}
    assert small - large == set()


def test_small_sentences_show_their_past():
    for sample in samples("small_translation", 4):
        if "read " in sample.prompt:  # which may be either in English
            assert not re.search("gelesen", sample.references[0])


def test_every_task_is_tested_here():
    apart = {"keywords_to_sentence", "table_to_text", "small_translation", "slot_filling"}
    assert set(ANSWERS) | apart == set(IDS)
    assert set(HARDEST) <= set(IDS)
