"""The words of both languages, read once from the JSON files beside this module."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any, Literal

Case = Literal["nom", "acc", "dat", "gen"]


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """A noun in both languages.

    ``gender`` is grammatical (m, f, n); ``sex``, where known, chooses the pronoun ("das Mädchen ... sie"). A ``weak``
    noun has its plural form in every case but the nominative. ``at`` and ``to`` are a place's prepositions (English,
    German).
    """

    en: str
    de: str
    gender: str
    classes: tuple[str, ...]
    en_plural: str = ""
    de_plural: str = ""
    genitive: str = ""
    sex: str = ""
    weak: bool = False
    mass: bool = False
    proper: bool = False
    at: tuple[str, str] | None = None
    to: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """What a verb asks for: an object in a case, or a place, direction, adjective, age or price.

    ``en`` and ``de`` are the prepositions of an object; empty for none.
    """

    of: tuple[str, ...] = ()
    case: Case = "acc"
    kind: Literal["object", "place", "direction", "adjective", "age", "price"] = "object"
    en: str = ""
    de: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """A verb in both languages: English (base, third person, past); German infinitive with its irregular forms.

    ``changed`` is the stem of the second and third person ("sieh" of "sehen"); ``prefix`` is separable; ``present`` and
    ``preterite`` hold whole paradigms (I, you, he, we/they) where no rule gives them. ``times`` says which times suit
    the verb: "lasting" for states (has "today", but not "at six"), "exact" for events that must have one.
    """

    en: tuple[str, str, str]
    de: str
    participle: str
    subject: tuple[str, ...]
    slots: tuple[Slot, ...] = ()
    adjuncts: tuple[str, ...] = ()
    particle: str = ""
    prefix: str = ""
    changed: str = ""
    aux: str = "haben"
    present: tuple[str, ...] = ()
    preterite: tuple[str, ...] = ()
    tenses: tuple[str, ...] = ("present", "past", "modal")
    group: str = "plain"
    times: Literal["any", "lasting", "exact", "none"] = "any"


@dataclass(frozen=True, slots=True, eq=False)
class Adjective:
    """An adjective; ``stem`` is what endings attach to where it differs ("teuer", "teur-"); ``age``: old and young."""

    en: str
    de: str
    of: tuple[str, ...]
    stem: str = ""
    age: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Modal:
    """A verb that takes a bare infinitive; ``inflected`` where English adds -s ("wants to")."""

    en: str
    en_third: str
    present: tuple[str, ...]
    inflected: bool = False
    future: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Determiner:
    """A determiner; ``kind`` chooses the endings: article ("der"), der ("dieser"), ein ("mein"), strong ("viele")."""

    en: str | None
    en_plural: str | None
    de: str
    kind: str

    @property
    def definite(self) -> bool:
        """Whether a phrase with this determiner names something known."""
        return self.de not in ("ein", "kein", "viel")


@dataclass(frozen=True, slots=True, eq=False)
class Conjunction:
    """A subordinating conjunction and the tenses in which this pair of words corresponds."""

    en: str
    de: str
    tenses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that no syntax changes, in both languages: "on the third of May" / "am dritten Mai".

    ``kind`` names the construction ("date", "clock", ...); ``mid`` says that English puts it beside the verb ("often").
    """

    en: str
    de: str
    kind: str = "adverb"
    mid: bool = False


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A personal pronoun: its English (nominative, accusative) and German (nominative, accusative, dative) forms."""

    person: int
    plural: bool
    en: tuple[str, str]
    de: tuple[str, str, str]
    gender: str = ""
    thing: bool = False


class Lexicon:
    """All words, and the look-ups by English form that tests and tools use."""

    def __init__(self) -> None:
        words = _read("words.json")
        self.nouns = [Noun(**entry) for entry in _read("nouns.json")]
        self.verbs = [_verb(entry) for entry in _read("verbs.json")]
        self.adjectives = [Adjective(**entry) for entry in words["adjectives"]]
        self.modals = [Modal(**entry) for entry in words["modals"]]
        self.determiners = [Determiner(**entry) for entry in words["determiners"]]
        self.conjunctions = [Conjunction(**entry) for entry in words["conjunctions"]]
        self.pronouns: list[Pronoun] = [Pronoun(**entry) for entry in words["pronouns"]]
        self.manners: list[Phrase] = [Phrase(**entry) for entry in words["manners"]]
        self.vehicles: list[Phrase] = [Phrase(**entry) for entry in words["vehicles"]]
        self.home: dict[str, Phrase] = {kind: Phrase(**entry) for kind, entry in words["home"].items()}
        self.times: list[dict[str, Any]] = words["times"]
        self.surface_prepositions: tuple[tuple[str, str], ...] = words["surface_prepositions"]
        self.ones: tuple[tuple[str, str], ...] = words["ones"]
        self.tens: tuple[tuple[str, str], ...] = words["tens"]
        self.weekdays: tuple[tuple[str, str], ...] = words["weekdays"]
        self.months: tuple[tuple[str, str], ...] = words["months"]

    def with_class(self, classes: Iterable[str]) -> list[Noun]:
        """Return the nouns of any of these semantic classes, in the order of the lexicon."""
        wanted = set(classes)
        return [noun for noun in self.nouns if wanted & set(noun.classes)]

    @cached_property
    def determiner(self) -> dict[str, Determiner]:
        """Determiners by German stem."""
        return {entry.de: entry for entry in self.determiners}

    @cached_property
    def auxiliaries(self) -> dict[str, tuple[str, ...]]:
        """The present of "haben" and "sein", which the perfect tense is made with."""
        return {verb.de: verb.present for verb in self.verbs if verb.de in ("haben", "sein")}


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the lexicon, read on the first call."""
    return Lexicon()


def _verb(entry: dict[str, Any]) -> Verb:
    slots = tuple(Slot(**slot) for slot in entry.pop("slots", ()))
    return Verb(slots=slots, **entry)


def _read(name: str) -> Any:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return _frozen(json.loads(text))


def _frozen(value: Any) -> Any:
    """Turn JSON's lists of scalars into tuples, so that an entry's fields cannot change."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
