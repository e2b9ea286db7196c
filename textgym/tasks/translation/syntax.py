"""The abstract syntax that both languages share: what a sentence says, before either language has put it in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from textgym.tasks.translation.lexicon import (
    Adjective,
    Case,
    Conjunction,
    Determiner,
    Modal,
    Noun,
    Phrase,
    Pronoun,
    Verb,
)

Tense = Literal["present", "past"]
Front = Literal["subject", "time", "place"]


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun with what agrees with it; a ``possessor`` ("the teacher's book") stands for "the" in English."""

    noun: Noun
    determiner: Determiner | None = None
    plural: bool = False
    numeral: Phrase | None = None
    adjective: Adjective | None = None
    very: bool = False
    possessor: NounPhrase | None = None
    relative: Clause | None = None

    @property
    def definite(self) -> bool:
        """Whether the hearer is taken to know the thing: German then tends to name it early."""
        return self.determiner.definite if self.determiner else self.noun.proper

    @property
    def shows_case(self) -> bool:
        """Whether any word but the noun can show the case in German."""
        return bool(self.determiner or self.adjective)


@dataclass(frozen=True, slots=True)
class RelativePronoun:
    """The gap of a relative clause: "who", "whom", "that" / "der", "die", "das" in the case of the gap."""

    noun: Noun
    plural: bool = False


@dataclass(frozen=True, slots=True)
class Prepositional:
    """A preposition with its argument; ``case`` is what the German preposition asks for here."""

    en: str
    de: str
    case: Case
    argument: NounPhrase | Pronoun


Argument: TypeAlias = NounPhrase | Pronoun | RelativePronoun
Complement: TypeAlias = NounPhrase | Pronoun | RelativePronoun | Prepositional | Phrase
Adjunct: TypeAlias = Phrase | Prepositional


@dataclass(frozen=True, slots=True)
class Clause:
    """A subject and what is said of it; ``complements`` fill the verb's slots in their order.

    ``front`` is what the English clause begins with. ``recipient_last`` asks English for "gives the book to the woman".
    """

    subject: Argument
    verb: Verb
    complements: tuple[Complement, ...] = ()
    tense: Tense = "present"
    modal: Modal | None = None
    time: Phrase | None = None
    manner: Adjunct | None = None
    place: Adjunct | None = None
    front: Front = "subject"
    recipient_last: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A main clause, perhaps with a subordinate one after or before it."""

    main: Clause
    conjunction: Conjunction | None = None
    subordinate: Clause | None = None
    subordinate_first: bool = False


def agreement(subject: Argument) -> tuple[int, bool]:
    """Return the person (1, 2 or 3) and whether the number is plural, which the finite verb copies."""
    return (subject.person if isinstance(subject, Pronoun) else 3), subject.plural
