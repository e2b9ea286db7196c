"""A domain of task-oriented dialogue: slots, a small database, and what a text says about them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from textgym.arguments import whole_number
from textgym.errors import ConfigError
from textgym.tokenizers.words import WORD

ANY = "any"  # what a user says of a slot that does not matter
CONSTRAINTS = {
    "price": ("cheap", "moderate", "expensive"),
    "food": ("thai", "indian", "italian", "french", "chinese", "greek"),
    "area": ("north", "south", "east", "west", "centre"),
}
DETAILS = {
    "day": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "people": ("1", "2", "3", "4", "5", "6", "7", "8"),
}
SLOTS = (*CONSTRAINTS, *DETAILS)
SLOT_OF = {value: slot for slot, values in (CONSTRAINTS | DETAILS).items() for value in values}
_NAMES = (
    "amber anchor apollo arcade aurora bamboo basil beacon birch bistro bluebell bridge cactus camellia canopy cedar "
    "cellar chapel cinnamon clover copper coral cypress dahlia dolphin ember falcon fig garland ginger granite harbour "
    "hazel heron ivy jasmine juniper lantern laurel lemon lily lotus magnolia maple mill mulberry olive orchid otter "
    "pepper plum poplar quince raven saffron sage terrace thistle tulip willow"
)
_OTHER_WORDS = (
    "i want a an place in the for people what find found nothing book yes no um pardon thanks bye hello restaurant "
    "any is it and , . ?"
)
NAMES, OTHER_WORDS = _NAMES.split(), _OTHER_WORDS.split()
Goal = Mapping[str, str]


class Heard(NamedTuple):
    """What a text of the agent says.

    Attributes:
        name: The one restaurant that it names; None where it names none or several.
        values: The value of each slot of which it names exactly one.
        asked: The slots whose names stand in a question.
        is_query: Whether it asks the database.
    """

    name: str | None
    values: dict[str, str]
    asked: tuple[str, ...]
    is_query: bool


class Domain:
    """Restaurants that can be booked: each has a price, a food and an area, no two the same three.

    Args:
        seed: Of the database.
        size: How many restaurants it holds, at most one for each of the 60 names.

    Attributes:
        restaurants: The price, food and area of each name, in the order of the database.
    """

    def __init__(self, seed: int = 0, size: int = 30) -> None:
        if not 1 <= whole_number("database_size", size) <= len(NAMES):
            raise ConfigError(f"database_size must lie in [1, {len(NAMES)}], got {size}.")
        if whole_number("database_seed", seed) < 0:
            raise ConfigError(f"database_seed must be at least 0, got {seed}.")
        self.seed, self.size = seed, size
        rng = np.random.default_rng(seed)
        kinds = list(product(*CONSTRAINTS.values()))
        names = [NAMES[i] for i in rng.permutation(len(NAMES))[:size]]
        chosen = rng.permutation(len(kinds))[:size]
        pairs = zip(names, chosen, strict=True)
        self.restaurants = {name: dict(zip(CONSTRAINTS, kinds[i], strict=True)) for name, i in pairs}
        self.hear = lru_cache(maxsize=4096)(self._hear)  # the task and the user hear the same text

    def __reduce__(self) -> tuple[Any, ...]:
        return domain_of, (self.seed, self.size)

    @property
    def words(self) -> list[str]:
        """Every word that a user, the database or the scripted agent says."""
        return [*SLOTS[:-1], *SLOT_OF, *sorted(NAMES), *OTHER_WORDS]

    @cached_property
    def wishes(self) -> list[dict[str, str]]:
        """All pairs and triples of constraints that some restaurant meets, sorted."""
        kept = [(), *[(slot,) for slot in CONSTRAINTS]]  # which constraint does not matter
        found = {
            tuple((slot, value) for slot, value in kind.items() if slot not in left)
            for kind in self.restaurants.values()
            for left in kept
        }
        return [dict(wish) for wish in sorted(found)]

    def matching(self, values: Mapping[str, str]) -> list[str]:
        """Return the names of the restaurants that have all the given values, in the order of the database."""
        wanted = [(slot, value) for slot, value in values.items() if slot in CONSTRAINTS and value != ANY]
        return [name for name, kind in self.restaurants.items() if all(kind[slot] == value for slot, value in wanted)]

    def _hear(self, text: str) -> Heard:
        """Return what any text says; several restaurants, or several values of a slot, are as none."""
        words = WORD.findall(text.lower())
        names = {word for word in words if word in self.restaurants}
        said: dict[str, str] = {}
        several = set()
        for word in words:
            slot = SLOT_OF.get(word)
            if slot is not None and said.setdefault(slot, word) != word:
                several.add(slot)
        values = {slot: value for slot, value in said.items() if slot not in several}
        asked = tuple(slot for slot in SLOTS if slot in words) if "?" in words or "what" in words else ()
        return Heard(names.pop() if len(names) == 1 else None, values, asked, "find" in words)

    def look_up(self, heard: Heard) -> str:
        """Return what the database answers to a query: the first restaurant with the values in it."""
        found = self.matching(heard.values)
        return f"found {found[0]} ." if found else "found nothing ."

    def wrong(self, goal: Goal, heard: Heard) -> list[str]:
        """Return the slots of the goal that an offer does not have right, all of them where there is no offer."""
        offered = {} if heard.name is None else {**heard.values, **self.restaurants[heard.name]}
        return [slot for slot, value in goal.items() if offered.get(slot) != value]

    def script(self, known: Mapping[str, str]) -> str:
        """Return what the scripted agent says when it knows some slots: it asks for the others, then it books.

        Args:
            known: The value of each slot that the user has told, or "any".
        """
        missing = [slot for slot in SLOTS if slot not in known]
        if missing:
            return f"what {' , '.join(missing)} ?"
        found = self.matching(known)
        return f"book {found[0]} , {known['day']} , {known['people']} people ." if found else "what food ?"


@lru_cache(maxsize=32)
def domain_of(seed: int = 0, size: int = 30) -> Domain:
    """Return the domain with this database, once in a process."""
    return Domain(seed, size)


def phrase(values: Mapping[str, str]) -> str:
    """Return the values of some slots as a user says them: ``cheap , thai , friday , 4 people``."""
    return " , ".join(_value(slot, value) for slot, value in values.items())


def _value(slot: str, value: str) -> str:
    return f"{value} {slot}" if value == ANY or (slot == "people" and value.isdecimal()) else value


def wish(values: Mapping[str, str]) -> str:
    """Return how a user opens, with some of the constraints: ``i want a cheap thai place in the north .``."""
    kind = "".join(f" {values[slot]}" for slot in ("price", "food") if slot in values)
    area = f" in the {values['area']}" if "area" in values else ""
    article = "an" if kind[1:2] in tuple("aeiou") else "a"
    return f"i want {article}{kind} place{area} ."
