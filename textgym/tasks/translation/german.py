"""German word order: the abstract syntax as main clauses (verb second) and subordinate clauses (verb last).

A clause is a field before the finite verb, the finite verb, a middle field, and a closing bracket (separated prefix,
participle or infinitive). The middle field allows several orders; all functions return the canonical one first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from textgym.tasks.translation.lexicon import Case, Phrase, Pronoun, Slot, lexicon
from textgym.tasks.translation.morphology import (
    CONTRACTIONS,
    conjugate,
    noun_phrase_words,
    paradigm_form,
    pronoun_form,
    relative_form,
)
from textgym.tasks.translation.syntax import (
    Argument,
    Clause,
    Complement,
    NounPhrase,
    Prepositional,
    RelativePronoun,
    Sentence,
    agreement,
)

Words = list[str]


def german(sentence: Sentence) -> tuple[str, ...]:
    """Return the sentence in German in every order that the grammar knows, the canonical one first."""
    mains = main_clauses(sentence.main, inverted=sentence.subordinate_first)
    if not sentence.subordinate or not sentence.conjunction:
        return tuple(dict.fromkeys(_finish(words) for words in mains))
    subordinates = subordinate_clauses(sentence.subordinate, sentence.conjunction.de)
    pairs = [(main, subordinates[0]) for main in mains] + [(mains[0], other) for other in subordinates[1:]]
    if sentence.subordinate_first:
        return tuple(dict.fromkeys(_finish([*second, ",", *main]) for main, second in pairs))
    return tuple(dict.fromkeys(_finish([*main, ",", *second]) for main, second in pairs))


def main_clauses(clause: Clause, inverted: bool = False) -> list[Words]:
    """Return the verb-second orders; ``inverted`` leaves the first place to a subordinate clause."""
    parts = _parts(clause)
    finite, nonfinite = _verb_forms(clause)
    bracket = nonfinite or clause.verb.prefix
    if inverted:
        return [[finite, *rest] for rest in _fields(parts, "none", bracket)]
    clauses = []
    for front in _fronts(clause):
        first = {"subject": parts.subject, "time": parts.time, "place": parts.place}[front]
        fields = _fields(parts, front, bracket)
        clauses += [[first, finite, *rest] for rest in (fields if front == clause.front else fields[:1])]
    return clauses


def subordinate_clauses(clause: Clause, opener: str) -> list[Words]:
    """Return the verb-last orders after a conjunction or relative pronoun."""
    finite, nonfinite = _verb_forms(clause)
    bracket = f"{nonfinite} {finite}" if nonfinite else clause.verb.prefix + finite
    return [[opener, *rest] for rest in _fields(_parts(clause), "none", bracket)]


@dataclass(slots=True)
class _Parts:
    """The constituents of a clause as text, by the place that they take in the middle field."""

    subject: str = ""
    light_subject: bool = False  # a pronoun: nothing comes between it and the verb
    pronouns: Words = field(default_factory=list)
    objects: Words = field(default_factory=list)  # in the order of the verb's slots
    definite: list[bool] = field(default_factory=list)
    time: str = ""
    adverb: str = ""
    company: str = ""
    place: str = ""
    last: Words = field(default_factory=list)  # what belongs to the verb: prepositional object, direction, predicate
    relative: str = ""  # the relative clause of the last object
    recipient_last: bool = False


def _parts(clause: Clause) -> _Parts:
    parts = _Parts(recipient_last=clause.recipient_last)
    if not isinstance(clause.subject, RelativePronoun):  # a relative pronoun opens its clause
        parts.subject = _argument(clause.subject, "nom")
        parts.light_subject = isinstance(clause.subject, Pronoun)
    for slot, complement in zip(clause.verb.slots, clause.complements, strict=True):
        _add_complement(parts, slot, complement)
    if isinstance(clause.manner, Phrase) and clause.manner.kind == "adverb":
        parts.adverb = clause.manner.de
    elif clause.manner:
        parts.company = _adjunct(clause.manner)
    parts.time = clause.time.de if clause.time else ""
    parts.place = _adjunct(clause.place) if clause.place else ""
    return parts


def _add_complement(parts: _Parts, slot: Slot, complement: Complement) -> None:
    if isinstance(complement, Phrase | Prepositional):
        parts.last.append(_adjunct(complement))
    elif isinstance(complement, RelativePronoun):
        return
    elif slot.de:
        parts.last.append(_with_preposition(slot.de, complement, slot.case))
    elif isinstance(complement, Pronoun):
        # "er gibt es ihm": the accusative pronoun comes before the dative one
        parts.pronouns.insert(0 if slot.case == "acc" else len(parts.pronouns), pronoun_form(complement, slot.case))
    else:
        head, parts.relative = _split_noun_phrase(complement, slot.case)
        parts.objects.append(head)
        parts.definite.append(complement.definite)


def _fields(parts: _Parts, front: str, bracket: str) -> list[Words]:
    """Return what follows the finite verb or the conjunction: middle field, bracket, extraposed relative clause."""
    fields = []
    for opening in _openings(parts, front):
        for middle in _middles(parts, front):
            fields.append([*opening, *middle, bracket, parts.relative])
        if parts.relative and bracket:
            fields.append([*opening, *_middles(parts, front)[0], parts.relative, bracket])
    return fields


def _openings(parts: _Parts, front: str) -> list[Words]:
    """Return the orders of subject and object pronouns, which come first in the middle field."""
    if front == "subject":
        return [parts.pronouns]
    openings = [[parts.subject, *parts.pronouns]]
    if parts.subject and parts.pronouns and not parts.light_subject:
        openings.append([*parts.pronouns, parts.subject])
    return openings


def _middles(parts: _Parts, front: str) -> list[Words]:
    """Return the orders of objects and adverbials: known before new, time before manner before place."""
    time = parts.time if front != "time" else ""
    place = parts.place if front != "place" else ""
    known = [text for text, definite in zip(parts.objects, parts.definite, strict=True) if definite]
    new = [text for text, definite in zip(parts.objects, parts.definite, strict=True) if not definite]
    rest = [parts.adverb, *new, parts.company, place, *parts.last]
    middles = [[time, *known, *rest]]
    if parts.relative:
        return middles
    if known:
        middles.append([*known, time, *rest])
    if parts.objects and not parts.last:
        middles.append([time, parts.adverb, parts.company, place, *known, *new])
    if other := _other_object_order(parts, known + new):
        middles.append([time, *other, parts.company, place])
    return middles


def _other_object_order(parts: _Parts, used: Words) -> Words:
    """Return another good order of two objects, or none: recipient first, or last where English has it last."""
    if len(parts.objects) < 2:
        return []
    if used != parts.objects:
        return parts.objects
    recipient_known, thing_known = parts.definite
    return used[::-1] if parts.recipient_last and thing_known >= recipient_known else []


def _fronts(clause: Clause) -> list[str]:
    """Return what may stand before the finite verb, the English choice first."""
    fronts: list[str] = [clause.front]
    if isinstance(clause.subject, NounPhrase) and clause.subject.relative:
        return fronts
    available = {"subject": True, "time": clause.time and not clause.time.mid, "place": clause.place}
    return fronts + [front for front, given in available.items() if given and front != clause.front]


def _verb_forms(clause: Clause) -> tuple[str, str]:
    """Return the finite form (without separable prefix) and the participle or infinitive, "" in simple tenses."""
    verb, (person, plural) = clause.verb, agreement(clause.subject)
    if clause.modal:
        return paradigm_form(clause.modal.present, person, plural), verb.de
    if clause.tense == "past" and not verb.preterite:
        auxiliary = lexicon().auxiliaries[verb.aux]
        return paradigm_form(auxiliary, person, plural), verb.participle
    return conjugate(verb, person, plural, preterite=clause.tense == "past"), ""


def _split_noun_phrase(phrase: NounPhrase, case: Case) -> tuple[str, str]:
    """Return the phrase with its possessor, and its relative clause between commas or ""."""
    words = noun_phrase_words(phrase, case)
    if phrase.possessor:
        words += noun_phrase_words(phrase.possessor, "gen")
    return " ".join(words), _relative_clause(phrase) if phrase.relative else ""


def _relative_clause(phrase: NounPhrase) -> str:
    clause = phrase.relative
    assert clause is not None
    pronoun, case = _gap(clause)
    words = subordinate_clauses(clause, relative_form(pronoun, case))[0]
    return f", {' '.join(word for word in words if word)} ,"


def _gap(clause: Clause) -> tuple[RelativePronoun, Case]:
    if isinstance(clause.subject, RelativePronoun):
        return clause.subject, "nom"
    filled = zip(clause.verb.slots, clause.complements, strict=True)
    return next((c, slot.case) for slot, c in filled if isinstance(c, RelativePronoun))


def _argument(argument: Argument, case: Case) -> str:
    if isinstance(argument, NounPhrase):
        head, relative = _split_noun_phrase(argument, case)
        return f"{head} {relative}" if relative else head
    return pronoun_form(argument, case) if isinstance(argument, Pronoun) else relative_form(argument, case)


def _adjunct(adjunct: Phrase | Prepositional) -> str:
    if isinstance(adjunct, Phrase):
        return adjunct.de
    return _with_preposition(adjunct.de, adjunct.argument, adjunct.case)


def _with_preposition(preposition: str, argument: NounPhrase | Pronoun, case: Case) -> str:
    """Return the preposition with its argument, contracted with a plain article: "im", "zur"."""
    first, _, rest = _argument(argument, case).partition(" ")
    contracted = CONTRACTIONS.get((preposition, first))
    return " ".join(filter(None, [contracted, rest] if contracted else [preposition, first, rest]))


def _finish(words: Words) -> str:
    """Join the words, set the commas, capitalise, and add the full stop."""
    text = " ".join(word for word in words if word).replace(" ,", ",").replace(",,", ",").rstrip(",")
    return f"{text[0].upper()}{text[1:]}."
