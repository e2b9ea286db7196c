"""German word order: subordinate clauses and the orders that a main clause allows."""

from collections import Counter

import numpy as np
import pytest

from tests.tasks.abstract import (
    CONJUNCTIONS,
    GARDEN,
    HOME,
    IT,
    MODALS,
    MONDAY,
    READER,
    STATE,
    TODAY,
    at,
    clause,
    gap,
    np_,
    said,
)
from textgym.tasks.translation import Translation
from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.english import english
from textgym.tasks.translation.german import german, main_clauses, subordinate_clauses
from textgym.tasks.translation.grammar import draw_sentence
from textgym.tasks.translation.morphology import (
    conjugate,
)
from textgym.tasks.translation.syntax import Sentence, agreement

WEIL = CONJUNCTIONS["weil"]
SUBORDINATE = [
    (
        Sentence(clause("she", "kaufen", np_("lamp")), WEIL, clause(IT["f"], STATE, said(("cheap", "billig")))),
        "She buys the lamp because it is cheap.",
        "Sie kauft die Lampe, weil sie billig ist.",
    ),
    (
        Sentence(clause("I", "bleiben", HOME["place"]), WEIL, clause("you", "anrufen", "I")),
        "I stay at home because you call me.",
        "Ich bleibe zu Hause, weil du mich anrufst.",
    ),
    (
        Sentence(clause("he", "wissen"), CONJUNCTIONS["dass"], clause("she", "ankommen", HOME["place"], tense="past")),
        "He knows that she arrived at home.",
        "Er weiß, dass sie zu Hause angekommen ist.",
    ),
    (
        Sentence(clause("I", "fernsehen"), CONJUNCTIONS["wenn"], clause("I", "arbeiten", modal=MODALS["must"]), True),
        "When I must work, I watch TV.",
        "Wenn ich arbeiten muss, sehe ich fern.",
    ),
    (
        Sentence(
            clause("he", "lesen", np_("book"), tense="past"),
            CONJUNCTIONS["als"],
            clause(np_("sister", "sein"), "einladen", np_("boy"), tense="past"),
        ),
        "He read the book when his sister invited the boy.",
        "Er hat das Buch gelesen, als seine Schwester den Jungen eingeladen hat.",
    ),
    (
        Sentence(
            clause(np_("boy", relative=clause(gap("boy"), STATE, said(("sick", "krank")))), "gehen", HOME["direction"]),
            CONJUNCTIONS["obwohl"],
            clause("he", "aufräumen", np_("kitchen"), modal=MODALS["should"]),
        ),
        "The boy who is sick goes home although he should tidy up the kitchen.",
        "Der Junge, der krank ist, geht nach Hause, obwohl er die Küche aufräumen sollte.",
    ),
]


@pytest.mark.parametrize(
    ("sentence", "prompt", "reference"),
    SUBORDINATE,
    ids=lambda value: value.rstrip(".") if isinstance(value, str) else "",
)
def test_golden_pair(sentence, prompt, reference):
    assert english(sentence) == prompt
    assert german(sentence)[0] == reference


ORDERS = [
    (
        clause(np_("man"), "lesen", np_("book", "ein"), time=TODAY, place=GARDEN),
        (
            "Der Mann liest heute ein Buch im Garten.",
            "Der Mann liest heute im Garten ein Buch.",
            "Heute liest der Mann ein Buch im Garten.",
            "Im Garten liest der Mann heute ein Buch.",
        ),
    ),
    (
        clause("he", "abholen", np_("woman"), time=MONDAY, tense="past"),
        (
            "Er hat am Montag die Frau abgeholt.",
            "Er hat die Frau am Montag abgeholt.",
            "Am Montag hat er die Frau abgeholt.",
        ),
    ),
    (
        clause(np_("man"), "sehen", "she", time=TODAY, front="time"),
        ("Heute sieht der Mann sie.", "Heute sieht sie der Mann.", "Der Mann sieht sie heute."),
    ),
    (
        clause("I", "geben", np_("man", "ein"), np_("key")),
        ("Ich gebe den Schlüssel einem Mann.", "Ich gebe einem Mann den Schlüssel."),
    ),
    (
        clause("I", "geben", np_("man"), np_("key"), recipient_last=True),
        ("Ich gebe dem Mann den Schlüssel.", "Ich gebe den Schlüssel dem Mann."),
    ),
    (
        clause("I", "sehen", np_("man", relative=READER), tense="past"),
        ("Ich habe den Mann gesehen, der das Buch liest.", "Ich habe den Mann, der das Buch liest, gesehen."),
    ),
]


@pytest.mark.parametrize(("main", "references"), ORDERS, ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_references_are_the_german_orders(main, references):
    assert german(Sentence(main)) == references


def drawn(count, seed=0):
    return [draw_sentence(Dice(np.random.default_rng([seed, i]))) for i in range(count)]


def test_references_are_permutations_of_the_first():
    several = 0
    for sentence in drawn(2_000):
        references = german(sentence)
        words = [Counter(reference.lower().replace(",", "").rstrip(".").split()) for reference in references]
        assert all(other == words[0] for other in words)
        assert len(set(references)) == len(references)
        several += len(references) > 1
    assert several > 700


def test_finite_verb_is_second_in_main_and_last_in_subordinate_clauses():
    mains = [sentence.main for sentence in drawn(2_000)]
    simple = [main for main in mains if main.tense == "present" and not main.modal]
    assert len(simple) > 500
    for main in simple:
        verb = conjugate(main.verb, *agreement(main.subject))
        assert {words[1] for words in main_clauses(main)} == {verb}
        orders = [[word for word in words if word] for words in subordinate_clauses(main, "weil")]
        extraposed = orders[0][-1].startswith(",")
        assert orders[0][-2 if extraposed else -1] == main.verb.prefix + verb


def test_the_example_of_the_docstring_is_what_the_engine_writes():
    brother = np_("brother", "ihr", "tired")
    station = at("at", "an", "dat", np_("station"))
    main = clause("she", "abholen", brother, time=MONDAY, place=station, front="time", tense="past")
    example = Translation.__doc__.partition("prompt ")[2].split("\n\n")[0]
    shown = [line.rpartition("  ")[2] for line in example.splitlines()]
    assert shown == [english(Sentence(main)), *german(Sentence(main))]
