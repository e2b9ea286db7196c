"""Draws abstract sentences: simple, with a relative clause, with a subordinate clause, with a number."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from textgym.tasks.translation.arguments import adjectives_of, draw_argument, pronoun_for
from textgym.tasks.translation.clauses import draw_clause, draw_mood, mentioned
from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.lexicon import Conjunction, Noun, Pronoun, Verb, lexicon
from textgym.tasks.translation.syntax import Argument, Clause, NounPhrase, RelativePronoun, Sentence


def draw_sentence(dice: Dice) -> Sentence:
    """Draw a sentence of about 4 to 18 English words."""
    kind = dice.roll()
    if kind < 0.46:
        return Sentence(draw_clause(dice, "plain"))
    if kind < 0.52:
        return Sentence(draw_clause(dice, "state", adjuncts=1))
    if kind < 0.58:
        return Sentence(draw_clause(dice, "measure", adjuncts=0))
    if kind < 0.70:
        return Sentence(_with_relative(dice))
    if kind < 0.80:
        return _reported(dice)
    return _complex(dice)


def _with_relative(dice: Dice) -> Clause:
    """Draw a clause whose object, or whose subject, has a relative clause."""
    for _ in range(20):
        clause = draw_clause(dice, "plain", adjuncts=1, front=False)
        time_last = clause.time is not None and not clause.time.mid
        if _bare_object(clause) and not clause.manner and not clause.place and dice.chance(0.6):
            head = clause.complements[0]
            assert isinstance(head, NounPhrase)
            clause = replace(clause, complements=(_modified(dice, head, clause),))
            return replace(clause, front="time") if time_last else clause
        if isinstance(clause.subject, NounPhrase) and not clause.subject.noun.proper and clause.verb.times != "exact":
            return replace(clause, subject=_modified(dice, clause.subject, clause))
    return clause


def _bare_object(clause: Clause) -> bool:
    """Whether the clause has one complement, a noun phrase without preposition that a relative clause may follow."""
    if len(clause.complements) != 1 or clause.verb.slots[0].de:
        return False
    head = clause.complements[0]
    return isinstance(head, NounPhrase) and not head.noun.proper and head.possessor is None


def _modified(dice: Dice, head: NounPhrase, clause: Clause) -> NounPhrase:
    """Return a noun phrase of the clause with a relative clause, in which it is the subject or the object."""
    gap = RelativePronoun(head.noun, head.plural)
    verbs = [verb for verb in _object_verbs(head.noun) if verb is not clause.verb]
    person = "person" in head.noun.classes
    if not verbs or (person and dice.chance(0.6)):
        group = "plain" if person and dice.chance(0.5) else "state"
        inner = draw_clause(dice, group, head, adjuncts=0, front=False, others=mentioned(clause))
        return replace(head, possessor=None, relative=replace(inner, subject=gap))
    verb = dice.choice(verbs)
    subject = draw_argument(dice, verb.subject, mentioned(clause))
    mood = draw_mood(dice, verb, subject, "")
    return replace(head, possessor=None, relative=Clause(subject, verb, (gap,), mood.tense, mood.modal))


@cache
def _object_verbs(noun: Noun) -> tuple[Verb, ...]:
    """Return the verbs whose one object, without a German preposition, may be this noun."""
    verbs = [verb for verb in lexicon().verbs if len(verb.slots) == 1 and verb.slots[0].kind == "object"]
    return tuple(v for v in verbs if not v.slots[0].de and set(noun.classes) & set(v.slots[0].of))


def _reported(dice: Dice) -> Sentence:
    """Draw "she knows that ..."."""
    main = draw_clause(dice, "speech", adjuncts=0)
    tense = "past" if main.tense == "past" else ""
    inner = draw_clause(dice, _inner_group(dice), None, tense, adjuncts=1, front=False, others=(main.subject,))
    return Sentence(main, _conjunctions("that")[0], inner)


def _complex(dice: Dice) -> Sentence:
    """Draw a main clause with a reason, condition or concession; the later clause often takes up the first subject."""
    first = draw_clause(dice, "plain", adjuncts=dice.between(0, 1), tense=dice.choice(("present", "past")), front=False)
    subject = _taken_up(dice, first)
    group = _inner_group(dice) if subject is None or isinstance(subject, Pronoun) else "state"
    second = draw_clause(dice, group, subject, first.tense, dice.between(0, 1), False, mentioned(first))
    if subject:
        second = replace(second, subject=pronoun_for(subject))
    conjunction = dice.choice(_conjunctions(first.tense))
    if dice.chance(0.35):
        return Sentence(second, conjunction, first, subordinate_first=True)
    return Sentence(first, conjunction, second)


def _inner_group(dice: Dice) -> str:
    return "state" if dice.chance(0.3) else "plain"


def _taken_up(dice: Dice, clause: Clause) -> Argument | None:
    """Return whom or what the next clause is about: the object, the subject, or None for somebody new."""
    roll = dice.roll()
    phrases = [c for c in clause.complements if isinstance(c, NounPhrase) and _can_be_taken_up(c)]
    things = [phrase for phrase in phrases if not phrase.noun.sex]
    if things and roll < 0.5:
        return things[-1]
    return clause.subject if roll < 0.8 and _can_be_taken_up(clause.subject) else None


def _can_be_taken_up(argument: Argument) -> bool:
    """Whether a pronoun may stand for it in the next clause; "every man" and "no car" are nobody in particular."""
    if not isinstance(argument, NounPhrase):
        return True
    nobody = argument.determiner is not None and argument.determiner.de in ("jed", "kein")
    return not nobody and bool(adjectives_of(argument.noun.classes))


@cache
def _conjunctions(key: str) -> tuple[Conjunction, ...]:
    """Return the conjunction of this English form, or those for a tense ("that" is only ever named)."""
    conjunctions = lexicon().conjunctions
    if key in ("present", "past"):
        return tuple(c for c in conjunctions if key in c.tenses and c.en != "that")
    return tuple(c for c in conjunctions if c.en == key)
