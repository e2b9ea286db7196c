"""Draws clauses: a verb, its tense, what fills its slots, and when, how and where it happens."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

from textgym.tasks.translation.arguments import (
    adjectives_of,
    draw_argument,
    draw_benefit,
    draw_company,
    draw_location,
    draw_time,
    negated,
)
from textgym.tasks.translation.calendar import age_phrase, price_phrase
from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.lexicon import Adjective, Modal, Phrase, Pronoun, Slot, Verb, lexicon
from textgym.tasks.translation.syntax import (
    Adjunct,
    Argument,
    Clause,
    Complement,
    NounPhrase,
    Tense,
    agreement,
)

_DEFINITE_SUBJECTS = ("sein", "kosten", "gehören")  # "a book belongs to him" asks for a known thing
_NEGATABLE = ("haben", "brauchen", "kaufen", "finden", "essen", "trinken")  # "she has no car"
_PLACES = ("place", "city", "phrase")


class Mood(NamedTuple):
    """The verb's tense or modal, and the times that go with it."""

    tense: Tense
    modal: Modal | None
    times: tuple[str, ...]


def draw_clause(
    dice: Dice,
    group: str,
    subject: Argument | None = None,
    tense: str = "",
    adjuncts: int = 2,
    front: bool = True,
    others: tuple[Argument, ...] = (),
) -> Clause:
    """Draw a clause with a verb of the group.

    Args:
        dice: Where all choices come from.
        group: The group of verbs: plain, state, measure, speech.
        subject: The subject, when it is given.
        tense: "past" or "present" when the clause must stand in it; a modal counts as present.
        adjuncts: At most so many of time, manner and place.
        front: Whether time or place may open the clause.
        others: Who was mentioned before, and is not drawn again.
    """
    verb = dice.choice(_verbs(group, classes_of(subject), tense))
    if subject is None:
        subject = draw_argument(dice, verb.subject, others, known=verb.de in _DEFINITE_SUBJECTS)
    mood = draw_mood(dice, verb, subject, tense)
    complements = _draw_complements(dice, verb, (subject, *others))
    clause = Clause(subject, verb, complements, mood.tense, mood.modal, recipient_last=dice.chance(0.5))
    return _add_adjuncts(dice, clause, mood, adjuncts, front)


def classes_of(argument: Argument | None) -> tuple[str, ...]:
    """Return the semantic classes of an argument; pronouns are drawn for persons only."""
    if argument is None:
        return ()
    return ("person", "adult") if isinstance(argument, Pronoun) else argument.noun.classes


@cache
def _verbs(group: str, subject: tuple[str, ...], tense: str) -> tuple[Verb, ...]:
    """Return the verbs of a group that take a subject of any of these classes, if one is given, and show the tense."""
    verbs = [verb for verb in lexicon().verbs if verb.group == group and (not tense or tense in verb.tenses)]
    if tense == "past":
        verbs = [verb for verb in verbs if verb.en[0] != verb.en[2]]
    return tuple(verb for verb in verbs if not subject or set(subject) & set(verb.subject))


def draw_mood(dice: Dice, verb: Verb, subject: Argument, tense: str) -> Mood:
    """Draw tense and modal, but no past that English does not show ("they read")."""
    shown = verb.en[0] != verb.en[2] or agreement(subject) == (3, False)
    roll = dice.roll()
    if tense == "past" or (not tense and roll < 0.35 and "past" in verb.tenses and shown):
        return Mood("past", None, ("past",))
    if roll > 0.65 and "modal" in verb.tenses:
        modal = dice.choice(lexicon().modals)
        if not (modal.future and tense):  # "if he will come" is not English
            return Mood("present", modal, ("future",) if modal.future else ("present", "future"))
    return Mood("present", None, ("present",))


def _draw_complements(dice: Dice, verb: Verb, arguments: tuple[Argument, ...]) -> tuple[Complement, ...]:
    """Draw what fills the verb's slots; the subject comes first among the ``arguments`` that are not drawn again."""
    complements: list[Complement] = []
    for slot in verb.slots:
        complement = _draw_complement(dice, slot, arguments)
        if isinstance(complement, NounPhrase) and verb.de in _NEGATABLE and dice.chance(0.4):
            complement = negated(complement) or complement
        if isinstance(complement, NounPhrase | Pronoun):
            arguments = (*arguments, complement)
        complements.append(complement)
    return tuple(complements)


def _draw_complement(dice: Dice, slot: Slot, arguments: tuple[Argument, ...]) -> Complement:
    classes = classes_of(arguments[0])
    if slot.kind in ("place", "direction"):
        return draw_location(dice, slot.of, direction=slot.kind == "direction")
    if slot.kind == "adjective":
        return _draw_predicate(dice, arguments[0])
    if slot.kind == "age":
        return age_phrase(_draw_age(dice, classes), digits=dice.chance(0.3))
    if slot.kind == "price":
        return _draw_price(dice, classes)
    argument = draw_argument(dice, slot.of, arguments)
    if slot.case == "dat" and isinstance(argument, NounPhrase) and argument.plural and not argument.shows_case:
        return draw_argument(dice, slot.of, arguments, known=True)  # "zeigt Mädchen das Büro" would not show the dative
    return argument


def _draw_predicate(dice: Dice, subject: Argument) -> Phrase:
    """Draw an adjective that does not repeat the subject's own ("the sick man is sick")."""
    known = subject.adjective if isinstance(subject, NounPhrase) else None
    adjectives = _predicates(classes_of(subject))
    adjective = dice.choice(adjectives)
    while adjective is known and len(adjectives) > 1:
        adjective = dice.choice(adjectives)
    en, de = ("very ", "sehr ") if dice.chance(0.3) else ("", "")
    return Phrase(en + adjective.en, de + adjective.de, "predicate")


@cache
def _predicates(classes: tuple[str, ...]) -> tuple[Adjective, ...]:
    """Return the adjectives that say how somebody or something is; nobody is old because of, or if, something."""
    adjectives = adjectives_of(classes)
    return tuple(a for a in adjectives if not a.age) or adjectives


def _draw_age(dice: Dice, classes: tuple[str, ...]) -> int:
    if "young" in classes:
        return dice.between(2, 17)
    return dice.between(2, 20) if "animal" in classes else dice.between(18, 99)


def _draw_price(dice: Dice, classes: tuple[str, ...]) -> Phrase:
    if "vehicle" in classes:
        return price_phrase(5000 * dice.between(3, 199))
    if dice.chance(0.5):
        return price_phrase(100 * dice.between(2, 99), digits=False)
    return price_phrase(50 * dice.between(4, 199))


def _add_adjuncts(dice: Dice, clause: Clause, mood: Mood, most: int, front: bool) -> Clause:
    """Return the clause with at most so many of time, manner and place, one of them perhaps in front."""
    others = mentioned(clause)
    time = manner = place = None
    allowed = clause.verb.adjuncts
    times = _suitable_times(clause)
    if times == "exact" or (most and times != "none" and dice.chance(0.6)):
        time = draw_time(dice, mood.times, times)
    if "place" in allowed and (time is not None) < most and dice.chance(0.4):
        place = draw_location(dice, _PLACES)
    kinds = [kind for kind in allowed if kind != "place"]
    if kinds and (time is not None) + (place is not None) < most and dice.chance(0.5):
        manner = _draw_manner(dice, dice.choice(kinds), others)
    clause = replace(clause, time=time, manner=manner, place=place)
    if front and time and not time.mid and dice.chance(0.35):
        return replace(clause, front="time")
    return replace(clause, front="place") if front and place and dice.chance(0.2) else clause


def _suitable_times(clause: Clause) -> str:
    """Return the kind of time that suits the clause; a thing that is red is not so on Mondays."""
    thing = not {"person", "animal"} & set(classes_of(clause.subject))
    return "none" if clause.verb.group == "state" and thing else clause.verb.times


def mentioned(clause: Clause) -> tuple[Argument, ...]:
    """Return the subject and objects of a clause."""
    return (clause.subject, *(c for c in clause.complements if isinstance(c, NounPhrase | Pronoun)))


def _draw_manner(dice: Dice, kind: str, others: tuple[Argument, ...]) -> Adjunct:
    if kind == "manner":
        return dice.choice(lexicon().manners)
    if kind == "vehicle":
        return dice.choice(lexicon().vehicles)
    return draw_company(dice, others) if kind == "company" else draw_benefit(dice, others)
