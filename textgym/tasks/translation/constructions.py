"""Names the constructions of a sentence, so that results can be broken down by them."""

from __future__ import annotations

from collections.abc import Iterator

from textgym.tasks.translation.lexicon import Phrase, Pronoun
from textgym.tasks.translation.syntax import Clause, NounPhrase, Prepositional, Sentence


def constructions(sentence: Sentence) -> tuple[str, ...]:
    """Return the names of the constructions, sorted: "date", "dative", "fronted", "relative_clause", ..."""
    names = set(_of_clause(sentence.main))
    if sentence.subordinate:
        names |= {"subordinate_clause", *_of_clause(sentence.subordinate)}
    if sentence.subordinate_first:
        names.add("subordinate_first")
    return tuple(sorted(names))


def _of_clause(clause: Clause) -> Iterator[str]:
    if clause.front != "subject":
        yield "fronted"
    if clause.modal:
        yield "future" if clause.modal.future else "modal"
    if clause.tense == "past":
        yield "preterite" if clause.verb.preterite else "perfect"
    if clause.verb.prefix:
        yield "separable_verb"
    for slot, complement in zip(clause.verb.slots, clause.complements, strict=True):
        if slot.kind == "object" and slot.case == "dat" and not slot.de:
            yield "dative"
        if isinstance(complement, Pronoun):
            yield "pronoun_object"
    for part in (clause.subject, *clause.complements, clause.time, clause.manner, clause.place):
        yield from _of_part(part)


def _of_part(part: object) -> Iterator[str]:
    if isinstance(part, Prepositional):
        yield "preposition"
        yield from _of_part(part.argument)
    if isinstance(part, Phrase) and part.kind in ("date", "clock", "number"):
        yield part.kind
    if isinstance(part, NounPhrase):
        yield from _of_noun_phrase(part)


def _of_noun_phrase(phrase: NounPhrase) -> Iterator[str]:
    if phrase.adjective:
        yield "adjective"
    if phrase.numeral:
        yield "number"
    if phrase.possessor:
        yield "genitive"
    if phrase.determiner and phrase.determiner.de == "kein":
        yield "negation"
    if phrase.relative:
        yield "relative_clause"
        yield from _of_clause(phrase.relative)
