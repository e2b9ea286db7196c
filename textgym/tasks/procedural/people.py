"""People, what they do and have: the words of the tasks that write small English sentences."""

from __future__ import annotations

NAMES = ("anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo")
PERSONS = ("boy", "girl", "man", "woman", "teacher", "doctor", "farmer", "baker")
THINGS = ("ball", "book", "hat", "cup", "lamp", "chair", "bike", "clock")
VERBS = {
    "see": "sees",
    "find": "finds",
    "buy": "buys",
    "paint": "paints",
    "need": "needs",
    "carry": "carries",
    "clean": "cleans",
    "sell": "sells",
}
SAID = {"job": "is a", "city": "lives in", "age": "is", "pet": "has a"}
VALUES = {
    "job": ("baker", "cook", "dentist", "farmer", "nurse", "pilot", "singer", "teacher"),
    "city": ("berlin", "cairo", "lima", "lisbon", "madrid", "oslo", "paris", "rome"),
    "age": ("20", "21", "22", "23", "24", "25", "26", "27"),
    "pet": ("cat", "dog", "goat", "hamster", "horse", "parrot", "rabbit", "turtle"),
}
