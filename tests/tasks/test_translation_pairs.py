"""The translation grammar against pairs of sentences written by hand."""

import pytest

from tests.tasks.abstract import (
    GARDEN,
    HOME,
    IT,
    MODALS,
    MONDAY,
    OFTEN,
    READER,
    SLOWLY,
    STATE,
    TODAY,
    YESTERDAY,
    at,
    clause,
    gap,
    many,
    np_,
    said,
)
from textgym.tasks.translation.calendar import (
    age_phrase,
    clock_phrase,
    count_phrase,
    date_phrase,
    price_phrase,
    together,
)
from textgym.tasks.translation.english import english
from textgym.tasks.translation.german import german
from textgym.tasks.translation.syntax import Sentence

# Written by hand, by people's knowledge of German; each abstract sentence is put into words by the engine.
GOLDEN = [
    # gender, case, number
    (clause(np_("man"), "sehen", np_("dog")), "The man sees the dog.", "Der Mann sieht den Hund."),
    (clause(np_("dog"), "sehen", np_("man")), "The dog sees the man.", "Der Hund sieht den Mann."),
    (clause(np_("woman", "ein"), "haben", np_("car", "ein")), "A woman has a car.", "Eine Frau hat ein Auto."),
    (clause(np_("child"), "essen", np_("apple", "ein")), "The child eats an apple.", "Das Kind isst einen Apfel."),
    (clause(many("child", "d"), "sehen", many("cat")), "The children see cats.", "Die Kinder sehen Katzen."),
    (clause("he", "helfen", many("child", "d")), "He helps the children.", "Er hilft den Kindern."),
    (clause("we", "danken", np_("boy")), "We thank the boy.", "Wir danken dem Jungen."),
    (clause(np_("boy"), "kennen", np_("student")), "The boy knows the student.", "Der Junge kennt den Studenten."),
    (
        clause("I", "sehen", np_("house", possessor=np_("doctor"))),
        "I see the doctor's house.",
        "Ich sehe das Haus des Arztes.",
    ),
    (
        clause("I", "lesen", np_("letter", possessor=np_("sister", "mein"))),
        "I read my sister's letter.",
        "Ich lese den Brief meiner Schwester.",
    ),
    # adjectives: weak, mixed, strong
    (
        clause(np_("man", "d", "old"), "kaufen", np_("lamp", "ein", "red")),
        "The old man buys a red lamp.",
        "Der alte Mann kauft eine rote Lampe.",
    ),
    (
        clause(np_("man", "ein", "old"), "kaufen", np_("bag", "dies", "expensive")),
        "An old man buys this expensive bag.",
        "Ein alter Mann kauft diese teure Tasche.",
    ),
    (clause("she", "tragen", np_("coat", "mein", "new")), "She wears my new coat.", "Sie trägt meinen neuen Mantel."),
    (clause("you", "trinken", np_("milk", None, "cold")), "You drink cold milk.", "Du trinkst kalte Milch."),
    (clause("you", "trinken", np_("coffee", None, "warm")), "You drink warm coffee.", "Du trinkst warmen Kaffee."),
    (clause(many("horse", "all", "young"), "schlafen"), "All young horses sleep.", "Alle jungen Pferde schlafen."),
    (
        clause("they", "helfen", many("friend", "viel", "sick")),
        "They help many sick friends.",
        "Sie helfen vielen kranken Freunden.",
    ),
    (
        clause(np_("girl", "unser", "happy", very=True), "lesen", many("book", None, "good")),
        "Our very happy girl reads good books.",
        "Unser sehr glückliches Mädchen liest gute Bücher.",
    ),
    (clause("he", "haben", np_("car", "kein")), "He has no car.", "Er hat kein Auto."),
    (clause("he", "kaufen", many("egg", "kein")), "He buys no eggs.", "Er kauft keine Eier."),
    # verbs
    (clause("you", "lesen", np_("book")), "You read the book.", "Du liest das Buch."),
    (clause(np_("teacher"), "warten", "she"), "The teacher waits for her.", "Der Lehrer wartet auf sie."),
    (clause(np_("girl"), "öffnen", np_("door")), "The girl opens the door.", "Das Mädchen öffnet die Tür."),
    (clause("she", "denken", np_("concert")), "She thinks of the concert.", "Sie denkt ans Konzert."),
    (clause("he", "spielen", "they"), "He plays with them.", "Er spielt mit ihnen."),
    (clause(np_("key"), "gehören", np_("woman")), "The key belongs to the woman.", "Der Schlüssel gehört der Frau."),
    (clause("she", "anrufen", np_("man")), "She calls the man.", "Sie ruft den Mann an."),
    (clause("he", "abholen", "she"), "He picks her up.", "Er holt sie ab."),
    (
        clause(np_("brother", "mein"), "einladen", many("friend", "d")),
        "My brother invites the friends.",
        "Mein Bruder lädt die Freunde ein.",
    ),
    (clause("I", "zuhören", "you", tense="past"), "I listened to you.", "Ich habe dir zugehört."),
    (clause("she", "aufstehen", tense="past"), "She got up.", "Sie ist aufgestanden."),
    (
        clause("we", "anschauen", np_("picture"), modal=MODALS["can"]),
        "We can look at the picture.",
        "Wir können das Bild anschauen.",
    ),
    (
        clause("he", "aufräumen", np_("kitchen"), modal=MODALS["want to"]),
        "He wants to tidy up the kitchen.",
        "Er will die Küche aufräumen.",
    ),
    (
        clause("they", "kochen", np_("soup"), modal=MODALS["will"]),
        "They will cook the soup.",
        "Sie werden die Suppe kochen.",
    ),
    (clause("I", STATE, said(("tired", "müde")), tense="past"), "I was tired.", "Ich war müde."),
    (clause("they", "haben", np_("dog"), tense="past"), "They had the dog.", "Sie hatten den Hund."),
    # prepositions and contractions
    (
        clause("she", "gehen", at("into", "in", "acc", np_("garden"))),
        "She goes into the garden.",
        "Sie geht in den Garten.",
    ),
    (clause("she", "arbeiten", place=GARDEN), "She works in the garden.", "Sie arbeitet im Garten."),
    (
        clause("I", "laufen", at("into", "in", "acc", np_("office")), tense="past"),
        "I ran into the office.",
        "Ich bin ins Büro gelaufen.",
    ),
    (
        clause("he", "fahren", at("to", "zu", "dat", np_("station"))),
        "He drives to the station.",
        "Er fährt zum Bahnhof.",
    ),
    (
        clause(np_("child"), "gehen", at("to", "zu", "dat", np_("school"))),
        "The child goes to the school.",
        "Das Kind geht zur Schule.",
    ),
    (
        clause("he", "ankommen", at("at", "an", "dat", np_("station")), tense="past"),
        "He arrived at the station.",
        "Er ist am Bahnhof angekommen.",
    ),
    (
        clause("you", "legen", np_("book"), at("on", "auf", "acc", np_("table"))),
        "You put the book on the table.",
        "Du legst das Buch auf den Tisch.",
    ),
    (
        clause(np_("book"), "liegen", at("under", "unter", "dat", np_("bed", "dein"))),
        "The book lies under your bed.",
        "Das Buch liegt unter deinem Bett.",
    ),
    (clause("she", "fliegen", at("to", "nach", "dat", np_("Vienna"))), "She flies to Vienna.", "Sie fliegt nach Wien."),
    (clause("we", "bleiben", HOME["place"], tense="past"), "We stayed at home.", "Wir sind zu Hause geblieben."),
    (
        clause("he", "tanzen", manner=at("without", "ohne", "acc", "she")),
        "He dances without her.",
        "Er tanzt ohne sie.",
    ),
    # numbers, dates, times
    (
        clause("we", "haben", many("horse", numeral=count_phrase(47))),
        "We have forty-seven horses.",
        "Wir haben siebenundvierzig Pferde.",
    ),
    (clause("I", "helfen", many("man", numeral=count_phrase(3, digits=True))), "I help 3 men.", "Ich helfe 3 Männern."),
    (clause("she", "sein", age_phrase(21)), "She is twenty-one years old.", "Sie ist einundzwanzig Jahre alt."),
    (
        clause(np_("car"), "kosten", price_phrase(1_250_000)),
        "The car costs 12,500 euros.",
        "Das Auto kostet 12.500 Euro.",
    ),
    (
        clause("he", "arbeiten", time=date_phrase(3, 5), modal=MODALS["must"]),
        "He must work on the third of May.",
        "Er muss am dritten Mai arbeiten.",
    ),
    (
        clause(np_("film"), "anfangen", time=together(MONDAY, clock_phrase(6, 30)), front="time", modal=MODALS["will"]),
        "On Monday at half past six the film will begin.",
        "Am Montag um halb sieben wird der Film anfangen.",
    ),
    # verb second after a fronted time or place
    (
        clause(np_("boy"), "abholen", "I", time=YESTERDAY, front="time", tense="past"),
        "Yesterday the boy picked me up.",
        "Gestern hat der Junge mich abgeholt.",
    ),
    (clause("she", "schlafen", place=GARDEN, front="place"), "In the garden she sleeps.", "Im Garten schläft sie."),
    (
        clause("he", "sehen", np_("cat"), time=OFTEN, modal=MODALS["can"]),
        "He can often see the cat.",
        "Er kann oft die Katze sehen.",
    ),
    (
        clause(np_("man"), "essen", np_("soup"), time=TODAY, manner=SLOWLY),
        "The man eats the soup slowly today.",
        "Der Mann isst heute die Suppe langsam.",
    ),
    (clause("he", "lesen", np_("book", "ein"), manner=SLOWLY), "He reads a book slowly.", "Er liest langsam ein Buch."),
    # pronouns among objects
    (clause("she", "geben", np_("man"), np_("key")), "She gives the man the key.", "Sie gibt dem Mann den Schlüssel."),
    (
        clause("she", "geben", "he", np_("key"), recipient_last=True),
        "She gives the key to him.",
        "Sie gibt ihm den Schlüssel.",
    ),
    (clause("she", "geben", np_("man"), IT["m"]), "She gives it to the man.", "Sie gibt ihn dem Mann."),
    (clause("she", "geben", "he", IT["n"]), "She gives it to him.", "Sie gibt es ihm."),
    # relative clauses
    (
        clause(np_("man", relative=READER), "schlafen"),
        "The man who reads the book sleeps.",
        "Der Mann, der das Buch liest, schläft.",
    ),
    (
        clause("I", "kennen", np_("woman", relative=clause("you", "helfen", gap("woman")))),
        "I know the woman whom you help.",
        "Ich kenne die Frau, der du hilfst.",
    ),
    (
        clause("I", "kaufen", np_("coat", relative=clause("you", "haben", gap("coat"), tense="past")), tense="past"),
        "I bought the coat that you had.",
        "Ich habe den Mantel gekauft, den du hattest.",
    ),
    (
        clause("I", "danken", many("man", "d", relative=clause("he", "danken", gap("man", True)))),
        "I thank the men whom he thanks.",
        "Ich danke den Männern, denen er dankt.",
    ),
]


@pytest.mark.parametrize(
    ("main", "prompt", "reference"),
    GOLDEN,
    ids=lambda value: value.rstrip(".") if isinstance(value, str) else "",
)
def test_golden_pair(main, prompt, reference):
    assert english(Sentence(main)) == prompt
    assert german(Sentence(main))[0] == reference
