"""German forms: declension, conjugation, numbers and dates against tables written by hand."""

import itertools

import pytest

from tests.tasks.abstract import (
    VERBS,
    WORDS,
    np_,
)
from textgym.tasks.translation.calendar import (
    age_phrase,
    clock_phrase,
    date_phrase,
    english_number,
    english_ordinal,
    german_number,
    german_ordinal,
    price_phrase,
    weekday_phrase,
)
from textgym.tasks.translation.morphology import (
    adjective_form,
    conjugate,
    determiner_form,
    noun_form,
    noun_phrase_words,
)

DECLENSION = {
    ("d", "man"): "der alte Mann, den alten Mann, dem alten Mann, des alten Mannes",
    ("d", "cat"): "die alte Katze, die alte Katze, der alten Katze, der alten Katze",
    ("d", "house"): "das alte Haus, das alte Haus, dem alten Haus, des alten Hauses",
    ("ein", "man"): "ein alter Mann, einen alten Mann, einem alten Mann, eines alten Mannes",
    ("ein", "cat"): "eine alte Katze, eine alte Katze, einer alten Katze, einer alten Katze",
    ("ein", "house"): "ein altes Haus, ein altes Haus, einem alten Haus, eines alten Hauses",
    ("dies", "neighbor"): "dieser alte Nachbar, diesen alten Nachbarn, diesem alten Nachbarn, dieses alten Nachbarn",
    ("unser", "car"): "unser altes Auto, unser altes Auto, unserem alten Auto, unseres alten Autos",
    (None, "man"): "alter Mann, alten Mann, altem Mann, alten Mannes",
    (None, "cat"): "alte Katze, alte Katze, alter Katze, alter Katze",
    (None, "house"): "altes Haus, altes Haus, altem Haus, alten Hauses",
}
PLURAL_DECLENSION = {
    ("d", "man"): "die alten Männer, die alten Männer, den alten Männern, der alten Männer",
    (None, "man"): "alte Männer, alte Männer, alten Männern, alter Männer",
    ("viel", "car"): "viele alte Autos, viele alte Autos, vielen alten Autos, vieler alter Autos",
    ("mein", "cat"): "meine alten Katzen, meine alten Katzen, meinen alten Katzen, meiner alten Katzen",
    ("all", "key"): "alle alten Schlüssel, alle alten Schlüssel, allen alten Schlüsseln, aller alten Schlüssel",
}


@pytest.mark.parametrize(("plural", "table"), [(False, DECLENSION), (True, PLURAL_DECLENSION)])
def test_noun_phrases_decline_as_grammar_books_say(plural, table):
    for (determiner, noun), forms in table.items():
        phrase = np_(noun, determiner, "old", plural=plural)
        assert [" ".join(noun_phrase_words(phrase, case)) for case in ("nom", "acc", "dat", "gen")] == forms.split(", ")


CONJUGATION = {
    "sehen": "sehe siehst sieht sehen",
    "essen": "esse isst isst essen",
    "warten": "warte wartest wartet warten",
    "finden": "finde findest findet finden",
    "öffnen": "öffne öffnest öffnet öffnen",
    "tanzen": "tanze tanzt tanzt tanzen",
    "einladen": "lade lädst lädt laden",
    "anfangen": "fange fängst fängt fangen",
    "laufen": "laufe läufst läuft laufen",
    "wissen": "weiß weißt weiß wissen",
    "sein": "bin bist ist sind",
    "wohnen": "wohne wohnst wohnt wohnen",
}


@pytest.mark.parametrize(("infinitive", "forms"), CONJUGATION.items())
def test_verbs_conjugate_as_grammar_books_say(infinitive, forms):
    persons = [(1, False), (2, False), (3, False), (3, True)]
    assert [conjugate(VERBS[infinitive], *person) for person in persons] == forms.split()


def test_numbers_in_words():
    assert [german_number(n) for n in (1, 7, 16, 17, 21, 30, 66, 99)] == (
        ["eins", "sieben", "sechzehn", "siebzehn", "einundzwanzig", "dreißig", "sechsundsechzig", "neunundneunzig"]
    )
    assert [english_number(n) for n in (1, 12, 20, 44, 99)] == ["one", "twelve", "twenty", "forty-four", "ninety-nine"]
    assert len({german_number(n) for n in range(100)}) == len({english_number(n) for n in range(100)}) == 100
    assert [german_ordinal(n) + "en" for n in (1, 3, 7, 8, 19, 20, 31)] == (
        ["ersten", "dritten", "siebten", "achten", "neunzehnten", "zwanzigsten", "einunddreißigsten"]
    )
    assert [english_ordinal(n) for n in (1, 2, 5, 9, 12, 20, 23, 31)] == (
        ["first", "second", "fifth", "ninth", "twelfth", "twentieth", "twenty-third", "thirty-first"]
    )


@pytest.mark.parametrize(
    ("phrase", "en", "de"),
    [
        (date_phrase(1, 3), "on the first of March", "am ersten März"),
        (date_phrase(23, 12, digits=True), "on December 23", "am 23. Dezember"),
        (weekday_phrase(6), "on Sunday", "am Sonntag"),
        (clock_phrase(1), "at one o'clock", "um ein Uhr"),
        (clock_phrase(12, 30), "at half past twelve", "um halb eins"),
        (clock_phrase(3, 15), "at a quarter past three", "um Viertel nach drei"),
        (clock_phrase(3, 45), "at a quarter to four", "um Viertel vor vier"),
        (clock_phrase(7, 5, digits=True), "at 7:05", "um 7:05 Uhr"),
        (price_phrase(350), "3.50 euros", "3,50 Euro"),
        (price_phrase(4200, digits=False), "forty-two euros", "zweiundvierzig Euro"),
        (age_phrase(8, digits=True), "8 years old", "8 Jahre alt"),
    ],
)
def test_dates_times_and_prices(phrase, en, de):
    assert (phrase.en, phrase.de) == (en, de)


def test_every_word_of_the_lexicon_is_well_formed():
    for noun in WORDS.nouns:
        assert noun.de[0].isupper()
        assert noun.gender in "mfn"
        assert noun.proper or noun.mass or (noun.en_plural and noun.de_plural)
        assert not noun.weak or noun_form(noun, "acc", False) == noun.de_plural
    for verb in WORDS.verbs:
        assert verb.de.startswith(verb.prefix)
        assert not verb.prefix or verb.participle.startswith(verb.prefix)
        assert verb.aux in WORDS.auxiliaries
        classes = {name for slot in verb.slots for name in slot.of if name != "phrase"} | set(verb.subject)
        assert all(WORDS.with_class([name]) for name in classes)
    for determiner, adjective in itertools.product(WORDS.determiners, WORDS.adjectives):
        for case, column in itertools.product(("nom", "acc", "dat", "gen"), range(4)):
            assert determiner_form(determiner, case, column)
            assert adjective_form(adjective, determiner, case, column)[-1] in "enrsm"
