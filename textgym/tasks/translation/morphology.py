"""German forms: declension of determiners, adjectives, nouns and pronouns, conjugation of verbs."""

from __future__ import annotations

from textgym.tasks.translation.lexicon import Adjective, Case, Determiner, Noun, Pronoun, Verb
from textgym.tasks.translation.syntax import NounPhrase, RelativePronoun

# Columns: masculine, feminine, neuter, plural.
_COLUMN = {"m": 0, "f": 1, "n": 2}
_PLURAL = 3
_ARTICLE = {
    "nom": ("der", "die", "das", "die"),
    "acc": ("den", "die", "das", "die"),
    "dat": ("dem", "der", "dem", "den"),
    "gen": ("des", "der", "des", "der"),
}
_RELATIVE = {**_ARTICLE, "dat": ("dem", "der", "dem", "denen")}
_STRONG = {
    "nom": ("er", "e", "es", "e"),
    "acc": ("en", "e", "es", "e"),
    "dat": ("em", "er", "em", "en"),
    "gen": ("es", "er", "es", "er"),
}
_STRONG_ADJECTIVE = {**_STRONG, "gen": ("en", "er", "en", "er")}
_EIN = {**_STRONG, "nom": ("", "e", "", "e"), "acc": ("en", "e", "", "e")}
_WEAK = {
    "nom": ("e", "e", "e", "en"),
    "acc": ("en", "e", "e", "en"),
    "dat": ("en", "en", "en", "en"),
    "gen": ("en", "en", "en", "en"),
}
_MIXED = {**_WEAK, "nom": ("er", "e", "es", "en"), "acc": ("en", "e", "es", "en")}
_DETERMINER_ENDINGS = {"der": _STRONG, "ein": _EIN, "strong": _STRONG}
_ADJECTIVE_ENDINGS = {"article": _WEAK, "der": _WEAK, "ein": _MIXED, "strong": _STRONG_ADJECTIVE}

CONTRACTIONS = {
    ("an", "dem"): "am",
    ("in", "dem"): "im",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
    ("an", "das"): "ans",
    ("in", "das"): "ins",
}
_PREPOSITION_CASES: dict[str, Case] = {"mit": "dat", "zu": "dat", "nach": "dat", "für": "acc", "ohne": "acc"}


def column(noun: Noun, plural: bool) -> int:
    """Return the column of the declension tables: the gender, which the plural does not show."""
    return _PLURAL if plural else _COLUMN[noun.gender]


def preposition_case(preposition: str, direction: bool = False) -> Case:
    """Return the case after a preposition; the two-way ones take the accusative for a direction, else the dative."""
    return _PREPOSITION_CASES.get(preposition, "acc" if direction else "dat")


def noun_form(noun: Noun, case: Case, plural: bool) -> str:
    """Return the noun in a case and number: dative plural -n, genitive -(e)s, n-declension of weak nouns."""
    if plural:
        return noun.de_plural + ("n" if case == "dat" and noun.de_plural[-1] not in "ns" else "")
    if noun.weak and case != "nom":
        return noun.de_plural
    if case == "gen" and noun.gender != "f":
        return noun.genitive or noun.de + "s"
    return noun.de


def determiner_form(determiner: Determiner, case: Case, column: int) -> str:
    """Return the determiner as it agrees with a noun of this column."""
    if determiner.kind == "article":
        return _ARTICLE[case][column]
    return determiner.de + _DETERMINER_ENDINGS[determiner.kind][case][column]


def adjective_form(adjective: Adjective, after: Determiner | None, case: Case, column: int) -> str:
    """Return the adjective: weak after "der", mixed after "ein", strong where no determiner shows the case."""
    endings = _ADJECTIVE_ENDINGS[after.kind] if after else _STRONG_ADJECTIVE
    return (adjective.stem or adjective.de) + endings[case][column]


def pronoun_form(pronoun: Pronoun, case: Case) -> str:
    """Return the personal pronoun in the nominative, accusative or dative."""
    return pronoun.de[("nom", "acc", "dat").index(case)]


def relative_form(pronoun: RelativePronoun, case: Case) -> str:
    """Return the relative pronoun: gender and number of its noun, case of its own clause."""
    return _RELATIVE[case][column(pronoun.noun, pronoun.plural)]


def noun_phrase_words(phrase: NounPhrase, case: Case) -> list[str]:
    """Return determiner, numeral, adjective and noun, without possessor and relative clause."""
    at = column(phrase.noun, phrase.plural)
    words = [determiner_form(phrase.determiner, case, at)] if phrase.determiner else []
    if phrase.numeral:
        words.append(phrase.numeral.de)
    if phrase.adjective:
        words += ["sehr"] if phrase.very else []
        words.append(adjective_form(phrase.adjective, phrase.determiner, case, at))
    words.append(noun_form(phrase.noun, case, phrase.plural))
    return words


def conjugate(verb: Verb, person: int, plural: bool, preterite: bool = False) -> str:
    """Return the finite form without the separable prefix; the preterite serves "sein" and "haben" only."""
    if preterite or verb.present:
        return paradigm_form(verb.preterite if preterite else verb.present, person, plural)
    infinitive = verb.de[len(verb.prefix) :]
    if plural:
        return infinitive
    stem = infinitive[:-2]
    if person == 1:
        return stem + "e"
    ending = "st" if person == 2 else "t"
    if verb.changed:
        stem = verb.changed
    elif stem[-1] in "td" or stem.endswith("ffn"):
        ending = "e" + ending  # wartest, öffnet
    return stem + (ending[1:] if person == 2 and stem[-1] in "sßxz" else ending)  # du liest, du isst, du tanzt


def paradigm_form(forms: tuple[str, ...], person: int, plural: bool) -> str:
    """Return the form for a subject out of (I, you, he, we); "they" has the form of "we"."""
    return forms[3 if plural else person - 1]
