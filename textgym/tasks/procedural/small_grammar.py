"""A small part of the translation grammar: sentences about a few people and things."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.lexicon import Adjective, Noun, Phrase, Verb, lexicon
from textgym.tasks.translation.syntax import Clause, NounPhrase, Sentence

PERSONS = ("man", "woman", "child", "teacher", "doctor", "friend")
THINGS = ("dog", "cat", "lamp", "bag", "coat", "car", "book", "letter")
VERBS = ("sehen", "kaufen", "finden", "suchen", "brauchen", "haben", "lesen", "schreiben")
DETERMINERS = ("d", "ein", "mein")
ADJECTIVES = ("old", "new", "big", "red", "sick", "happy")
TIMES = (Phrase("today", "heute", "time"), Phrase("in the evening", "am Abend", "time"))
DESCRIBED, TIMED, JOINED = 2, 3, 4  # the difficulties above 1


def draw_small_sentence(dice: Dice, difficulty: int) -> Sentence:
    """Draw a sentence.

    Args:
        dice: Where all choices come from.
        difficulty: 1 has a person, a verb and a thing, in the singular; 2 an adjective with each; 3 plurals, times and
            the past too; 4 a reason.
    """
    past = difficulty >= TIMED and dice.chance(0.5)
    main = _clause(dice, past, difficulty)
    if difficulty < JOINED:
        return Sentence(main)
    because = next(conjunction for conjunction in lexicon().conjunctions if conjunction.en == "because")
    return Sentence(main, because, replace(_clause(dice, past, difficulty), time=None))


def _clause(dice: Dice, past: bool, difficulty: int) -> Clause:
    verb = dice.choice(_verbs(past))
    subject = _noun_phrase(dice, dice.choice(_nouns(("person",))), difficulty)
    thing = _noun_phrase(dice, dice.choice(_nouns(verb.slots[0].of)), difficulty)
    time = dice.choice(TIMES) if difficulty >= TIMED else None
    return Clause(subject, verb, (thing,), "past" if past else "present", time=time)


def _noun_phrase(dice: Dice, noun: Noun, difficulty: int) -> NounPhrase:
    plural = difficulty >= TIMED and dice.chance(0.5)
    determiners = [stem for stem in DETERMINERS if stem != "ein" or not plural]
    adjective = dice.choice(_adjectives(noun)) if difficulty >= DESCRIBED else None
    return NounPhrase(noun, lexicon().determiner[dice.choice(determiners)], plural, adjective=adjective)


@cache
def _nouns(classes: tuple[str, ...]) -> tuple[Noun, ...]:
    """Return the small nouns of any of these classes: persons as subjects, things as objects."""
    small = PERSONS if classes == ("person",) else THINGS
    return tuple(noun for noun in lexicon().with_class(classes) if noun.en in small)


@cache
def _verbs(past: bool) -> tuple[Verb, ...]:
    """Return the small verbs; for the past, those that show it in English ("read" does not)."""
    small = [verb for verb in lexicon().verbs if verb.de in VERBS]
    return tuple(verb for verb in small if not past or verb.en[0] != verb.en[2])


@cache
def _adjectives(noun: Noun) -> tuple[Adjective, ...]:
    return tuple(a for a in lexicon().adjectives if a.en in ADJECTIVES and set(a.of) & set(noun.classes))
