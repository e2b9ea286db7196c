"""English: inflection and word order of the abstract syntax."""

from __future__ import annotations

from collections.abc import Sequence

from textgym.tasks.translation.lexicon import Modal, Phrase, Pronoun, Slot, Verb
from textgym.tasks.translation.syntax import (
    Clause,
    Complement,
    NounPhrase,
    Prepositional,
    RelativePronoun,
    Sentence,
    agreement,
)


def english(sentence: Sentence) -> str:
    """Return the sentence in English, capitalised and with its full stop."""
    main = clause_words(sentence.main)
    if sentence.subordinate and sentence.conjunction:
        subordinate = [sentence.conjunction.en, *clause_words(sentence.subordinate)]
        main = [" ".join(subordinate) + ",", *main] if sentence.subordinate_first else main + subordinate
    text = " ".join(main)
    return f"{text[0].upper()}{text[1:]}."


def clause_words(clause: Clause) -> list[str]:
    """Return a clause in its order: front, subject, verb, complements, manner, place, time; a gap comes first."""
    complements = list(zip(clause.verb.slots, clause.complements, strict=True))
    words = [_noun_or_pronoun(c, 1) for _, c in complements if isinstance(c, RelativePronoun)]
    time, place = (clause.time.en if clause.time else ""), _adjunct(clause.place)
    words += [{"time": time, "place": place, "subject": ""}[clause.front]]
    words += [_noun_or_pronoun(clause.subject, 0), *verb_words(clause), *_complement_words(clause, complements)]
    words += [_adjunct(clause.manner), place if clause.front != "place" else ""]
    if clause.time and clause.front != "time" and not clause.time.mid:
        words.append(time)
    return [word for word in words if word]


def verb_words(clause: Clause) -> list[str]:
    """Return the verb with its modal, and an adverb such as "often" before the full verb but after "be" and "can"."""
    person, plural = agreement(clause.subject)
    mid = [clause.time.en] if clause.time and clause.time.mid and clause.front != "time" else []
    if clause.modal:
        finite = _modal(clause.modal, person, plural)
        base = clause.verb.en[0]
        return [*mid, finite, base] if clause.modal.inflected else [finite, *mid, base]
    finite = _finite(clause.verb, person, plural, clause.tense == "past")
    return [finite, *mid] if clause.verb.en[0] == "be" else [*mid, finite]


def noun_phrase_text(phrase: NounPhrase) -> str:
    """Return a noun phrase with its possessor and relative clause."""
    noun = phrase.noun.en_plural if phrase.plural else phrase.noun.en
    words = ["very"] if phrase.very else []
    words += [phrase.adjective.en] if phrase.adjective else []
    words.append(noun)
    if phrase.numeral:
        words.insert(0, phrase.numeral.en)
    if phrase.possessor:
        words.insert(0, noun_phrase_text(phrase.possessor) + "'s")
    elif phrase.determiner:
        determiner = phrase.determiner.en_plural if phrase.plural else phrase.determiner.en
        words.insert(0, "an" if determiner == "a" and words[0][0] in "aeiou" else determiner or "")
    if phrase.relative:
        words += clause_words(phrase.relative)
    return " ".join(word for word in words if word)


def _complement_words(clause: Clause, complements: list[tuple[Slot, Complement]]) -> list[str]:
    """Return the complements, those with a preposition last; a particle follows a pronoun, else it comes first."""
    bare: list[str] = []
    prepositional: list[str] = []
    recipient = _recipient_needs_to(clause)
    for i, (slot, complement) in enumerate(complements):
        preposition = "to" if recipient and i == 0 else slot.en
        text = _complement(complement)
        if preposition:
            prepositional += [preposition, text]
        else:
            bare.append(text)
    if clause.verb.particle:
        after = bool(clause.complements) and isinstance(clause.complements[0], Pronoun)
        bare.insert(1 if after else 0, clause.verb.particle)
    return bare + prepositional


def _recipient_needs_to(clause: Clause) -> bool:
    """Whether the first of two objects comes last ("gives it to him"): asked for, or the other is a pronoun."""
    two: Sequence[Slot] = clause.verb.slots
    if len(two) != 2 or two[0].case != "dat":
        return False
    recipient, thing = clause.complements
    return clause.recipient_last or isinstance(thing, Pronoun) or isinstance(recipient, RelativePronoun)


def _complement(complement: Complement) -> str:
    if isinstance(complement, RelativePronoun):
        return ""  # it opened the clause
    if isinstance(complement, Phrase | Prepositional):
        return _adjunct(complement)
    return _noun_or_pronoun(complement, 1)


def _adjunct(adjunct: Phrase | Prepositional | None) -> str:
    if isinstance(adjunct, Prepositional):
        return f"{adjunct.en} {_noun_or_pronoun(adjunct.argument, 1)}"
    return adjunct.en if adjunct else ""


def _noun_or_pronoun(argument: NounPhrase | Pronoun | RelativePronoun, case: int) -> str:
    """Return the argument; ``case`` 0 is the nominative, 1 the accusative, which only pronouns tell apart."""
    if isinstance(argument, NounPhrase):
        return noun_phrase_text(argument)
    if isinstance(argument, Pronoun):
        return argument.en[case]
    if "person" in argument.noun.classes:
        return ("who", "whom")[case]
    return "that"


def _finite(verb: Verb, person: int, plural: bool, past: bool) -> str:
    base, third, past_form = verb.en
    if base == "be":
        return _be(person, plural, past)
    if past:
        return past_form
    return third if person == 3 and not plural else base


def _be(person: int, plural: bool, past: bool) -> str:
    if plural or person == 2:
        return "were" if past else "are"
    if past:
        return "was"
    return "am" if person == 1 else "is"


def _modal(modal: Modal, person: int, plural: bool) -> str:
    return modal.en_third if person == 3 and not plural else modal.en
