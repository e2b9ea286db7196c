"""Short names for building abstract sentences by hand."""

from textgym.tasks.translation.calendar import (
    weekday_phrase,
)
from textgym.tasks.translation.lexicon import Phrase, lexicon
from textgym.tasks.translation.syntax import Clause, NounPhrase, Prepositional, RelativePronoun

WORDS = lexicon()
NOUNS = {noun.en: noun for noun in WORDS.nouns}
VERBS = {verb.de: verb for verb in WORDS.verbs}
ADJECTIVES = {adjective.en: adjective for adjective in WORDS.adjectives}
MODALS = {modal.en: modal for modal in WORDS.modals}
CONJUNCTIONS = {conjunction.de: conjunction for conjunction in WORDS.conjunctions}
PRONOUNS = {pronoun.en[0]: pronoun for pronoun in WORDS.pronouns if not pronoun.thing}
IT = {pronoun.gender: pronoun for pronoun in WORDS.pronouns if pronoun.thing}
STATE = next(verb for verb in WORDS.verbs if verb.group == "state")
TODAY = Phrase("today", "heute", "time")
YESTERDAY = Phrase("yesterday", "gestern", "time")
OFTEN = Phrase("often", "oft", "time", mid=True)
SLOWLY = Phrase("slowly", "langsam")
HOME = WORDS.home


def np_(noun, determiner="d", adjective=None, **fields):
    """A noun phrase by its English noun, German determiner and English adjective."""
    stem = None if NOUNS[noun].proper else determiner
    known = WORDS.determiner[stem] if stem else None
    return NounPhrase(NOUNS[noun], known, adjective=ADJECTIVES[adjective] if adjective else None, **fields)


def many(noun, determiner=None, adjective=None, **fields):
    return np_(noun, determiner, adjective, plural=True, **fields)


def clause(subject, verb, *complements, **fields):
    verb = VERBS[verb] if isinstance(verb, str) else verb
    subject = PRONOUNS[subject] if isinstance(subject, str) else subject
    complements = tuple(PRONOUNS[c] if isinstance(c, str) else c for c in complements)
    return Clause(subject, verb, complements, **fields)


def at(en, de, case, argument):
    return Prepositional(en, de, case, PRONOUNS[argument] if isinstance(argument, str) else argument)


def said(word):
    return Phrase(*word, "predicate")


def gap(noun, plural=False):
    return RelativePronoun(NOUNS[noun], plural)


GARDEN = at("in", "in", "dat", np_("garden"))
MONDAY = weekday_phrase(0)
READER = clause(gap("man"), "lesen", np_("book"))
