"""Draws noun phrases and pronouns, and the times and places around them: who, what, when, where."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from textgym.tasks.translation.calendar import (
    clock_phrase,
    count_phrase,
    date_phrase,
    together,
    weekday_phrase,
)
from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.lexicon import Adjective, Determiner, Noun, Phrase, Pronoun, lexicon
from textgym.tasks.translation.morphology import preposition_case
from textgym.tasks.translation.syntax import Argument, NounPhrase, Prepositional

_DEFINITE = ("d", "d", "d", "d", "dies", "mein", "dein", "sein", "ihr", "unser")
_POSSESSIVE = ("mein", "dein", "sein", "ihr", "unser")
_SINGULAR = (*_DEFINITE, "ein", "ein", "ein", "jed")
_PLURAL = ("d", "d", "mein", "ihr", "dies", "all", "viel", None, None)
_OWNED = {"thing", "clothing", "vehicle", "animal", "text", "building", "room"}
_HUMAN_PRONOUNS = 6  # the first of the lexicon's pronouns; the others stand for things


@cache
def nouns_of(classes: tuple[str, ...]) -> tuple[Noun, ...]:
    """Return the nouns of any of these classes."""
    return tuple(lexicon().with_class(classes))


@cache
def adjectives_of(classes: tuple[str, ...]) -> tuple[Adjective, ...]:
    """Return the adjectives that suit a noun of these classes."""
    return tuple(adjective for adjective in lexicon().adjectives if set(classes) & set(adjective.of))


def draw_argument(
    dice: Dice, classes: tuple[str, ...], others: tuple[Argument, ...] = (), known: bool = False
) -> Argument:
    """Draw a pronoun or noun phrase of these semantic classes, which is not one of the ``others``.

    ``known`` asks for something definite and singular.
    """
    if "person" in classes and dice.chance(0.25):
        pronoun = dice.choice(lexicon().pronouns[:_HUMAN_PRONOUNS])
        persons = {other.person for other in others if isinstance(other, Pronoun)}
        if pronoun.person == 3 or pronoun.person not in persons:  # not "I see me", nor "we see me"
            return pronoun
    taken = {other.noun for other in others if not isinstance(other, Pronoun)}
    nouns = nouns_of(classes)
    noun = dice.choice(nouns)
    while noun in taken and len(nouns) > 1:
        noun = dice.choice(nouns)
    return draw_noun_phrase(dice, noun, known)


def draw_noun_phrase(dice: Dice, noun: Noun, known: bool = False) -> NounPhrase:
    """Draw number, determiner, adjective and possessor for a noun."""
    if noun.proper:
        return NounPhrase(noun)
    adjective = _adjective(dice, noun, 0.3)
    very = adjective is not None and dice.chance(0.15)
    if noun.mass:
        stems: tuple[str | None, ...] = ("d", "mein", None, None, None)
        return NounPhrase(noun, _determiner(dice.choice(stems)), adjective=adjective, very=very)
    plural = not known and dice.chance(0.25)
    if plural and "kin" not in noun.classes and dice.chance(0.25):
        count = count_phrase(dice.between(2, 12) if dice.chance(0.7) else dice.between(2, 99), dice.chance(0.3))
        return NounPhrase(noun, None, plural=True, numeral=count, adjective=adjective, very=very)
    stem = dice.choice(_stems(noun, plural, known))
    possessor = _possessor(dice) if stem == "d" and not plural and _OWNED & set(noun.classes) else None
    return NounPhrase(noun, _determiner(stem), plural, None, adjective, very, possessor)


def negated(phrase: NounPhrase) -> NounPhrase | None:
    """Return an indefinite phrase with "no" / "kein" as its determiner; None where it is definite or counted."""
    if phrase.definite or phrase.numeral:
        return None
    return replace(phrase, determiner=_determiner("kein"))


def pronoun_for(argument: Argument) -> Pronoun:
    """Return the pronoun that takes up an argument: by sex where a noun has one, else by its German gender."""
    if isinstance(argument, Pronoun):
        return argument
    gender, thing = (argument.noun.sex or argument.noun.gender), not argument.noun.sex
    for pronoun in lexicon().pronouns:
        alike = pronoun.plural if argument.plural else (pronoun.gender, pronoun.thing) == (gender, thing)
        if pronoun.person == 3 and alike:
            return pronoun
    raise AssertionError(f"no pronoun for {argument.noun.en}")


def draw_location(dice: Dice, classes: tuple[str, ...], direction: bool = False) -> Prepositional | Phrase:
    """Draw where something is, or where it goes; the class "phrase" stands for home."""
    if "phrase" in classes and dice.chance(0.15):
        return lexicon().home["direction" if direction else "place"]
    noun = dice.choice(nouns_of(classes))
    prepositions = noun.to if direction else noun.at
    en, de = prepositions or dice.choice(lexicon().surface_prepositions)
    return Prepositional(en, de, preposition_case(de, direction), _landmark(dice, noun))


def draw_company(dice: Dice, others: tuple[Argument, ...]) -> Prepositional:
    """Draw "with" or "without" somebody."""
    en, de = ("with", "mit") if dice.chance(0.7) else ("without", "ohne")
    person = draw_argument(dice, ("person",), others)
    assert isinstance(person, NounPhrase | Pronoun)
    return Prepositional(en, de, preposition_case(de), person)


def draw_benefit(dice: Dice, others: tuple[Argument, ...]) -> Prepositional:
    """Draw "for" somebody."""
    person = draw_argument(dice, ("person",), others)
    assert isinstance(person, NounPhrase | Pronoun)
    return Prepositional("for", "für", "acc", person)


def draw_time(dice: Dice, tenses: tuple[str, ...], kind: str = "any") -> Phrase:
    """Draw a time for any of these tenses (past, present, future); ``kind`` is the verb's ``times``."""
    if kind == "lasting":
        return dice.choice(_times(tenses, "lasting"))
    roll = dice.roll() * (0.5 if kind == "exact" else 1.0)
    dated = tenses != ("present",)
    if roll < 0.18:
        return _clock(dice)
    if roll < 0.3 and dated:
        return date_phrase(dice.between(1, 28), dice.between(1, 12), digits=dice.chance(0.4))
    if roll < 0.5:
        day = weekday_phrase(dice.between(0, 6)) if dated else dice.choice(_times(tenses, "day"))
        return together(day, _clock(dice)) if dice.chance(0.35) or (kind == "exact" and not dated) else day
    return dice.choice(_times(tenses, ""))


@cache
def _stems(noun: Noun, plural: bool, known: bool) -> tuple[str | None, ...]:
    """Return the determiners to choose from: always "my brother", never "my man"."""
    if "kin" in noun.classes:
        return _POSSESSIVE
    stems = _PLURAL if plural else _DEFINITE if known else _SINGULAR
    return tuple(stem for stem in stems if stem not in _POSSESSIVE) if "stranger" in noun.classes else stems


@cache
def _times(tenses: tuple[str, ...], mark: str) -> tuple[Phrase, ...]:
    """Return the lexicon's times for any of the tenses, only those with the mark ("day", "lasting") if one is given."""
    entries = [entry for entry in lexicon().times if set(tenses) & set(entry["tenses"])]
    chosen = [entry for entry in entries if not mark or entry.get(mark)]
    return tuple(Phrase(entry["en"], entry["de"], "time", entry.get("mid", False)) for entry in chosen)


def _clock(dice: Dice) -> Phrase:
    hour = dice.between(1, 12)
    if dice.chance(0.3):
        return clock_phrase(hour, 5 * dice.between(1, 11), digits=True)
    return clock_phrase(hour, dice.choice((0, 0, 15, 30, 45)))


def _landmark(dice: Dice, noun: Noun) -> NounPhrase:
    if noun.proper:
        return NounPhrase(noun)
    owned = ("mein", "unser") if noun.to is None else ("dies",)
    determiner = _determiner(dice.choice(("d", "d", "d", "d", "ein", *owned)))
    return NounPhrase(noun, determiner, adjective=_adjective(dice, noun, 0.2))


def _possessor(dice: Dice) -> NounPhrase | None:
    """Draw "the teacher's" or none."""
    if not dice.chance(0.4):
        return None
    noun = dice.choice(nouns_of(("person",)))
    stem = dice.choice(_stems(noun, plural=False, known=True))
    return None if noun.proper else NounPhrase(noun, _determiner(stem))


def _adjective(dice: Dice, noun: Noun, probability: float) -> Adjective | None:
    if dice.chance(probability) and (adjectives := adjectives_of(noun.classes)):
        return dice.choice(adjectives)
    return None


def _determiner(stem: str | None) -> Determiner | None:
    return lexicon().determiner[stem] if stem else None
