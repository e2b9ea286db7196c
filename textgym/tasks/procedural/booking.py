"""A request for a table in a restaurant: its slots, their values, and how they are said."""

from __future__ import annotations

SAID = {
    "food": "{} food",
    "area": "in the {}",
    "price": "at {} prices",
    "day": "on {}",
    "hour": "at {}",
    "guests": "for {} people",
}
_VALUES = {
    "food": "chinese french greek indian italian japanese korean mexican spanish thai turkish vegan",
    "area": "centre east harbour north park south station west",
    "price": "cheap high low medium",
    "day": "monday tuesday wednesday thursday friday saturday sunday",
    "hour": "noon one five six seven eight nine",
    "guests": "two three four ten eleven twelve",
}
VALUES = {slot: tuple(values.split()) for slot, values in _VALUES.items()}
OPENINGS = ("i want a table", "please book a table", "we look for a place")
LITERALS = tuple(dict.fromkeys(" ".join([*OPENINGS, *SAID.values()]).replace("{}", "").split()))
