"""Numbers, ordinals, dates, times of day, ages and prices as phrases in both languages."""

from __future__ import annotations

from textgym.tasks.translation.lexicon import Phrase, lexicon

_EN_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"}
_EN_ORDINALS |= {"nine": "ninth", "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}
_DE_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def english_number(n: int) -> str:
    """Return the English word for an integer from 0 to 99: "forty-seven"."""
    if n < 20:
        return lexicon().ones[n][0]
    tens = lexicon().tens[n // 10 - 2][0]
    return f"{tens}-{lexicon().ones[n % 10][0]}" if n % 10 else tens


def german_number(n: int) -> str:
    """Return the German word for an integer from 0 to 99, ones before tens: "siebenundvierzig"."""
    if n < 20:
        return lexicon().ones[n][1]
    tens = lexicon().tens[n // 10 - 2][1]
    ones = "ein" if n % 10 == 1 else lexicon().ones[n % 10][1]
    return f"{ones}und{tens}" if n % 10 else tens


def english_ordinal(n: int) -> str:
    """Return the English ordinal for an integer from 1 to 99: "twenty-third"."""
    head, dash, last = english_number(n).rpartition("-")
    return head + dash + _EN_ORDINALS.get(last, last + "th")


def german_ordinal(n: int) -> str:
    """Return the German ordinal's stem for an integer from 1 to 99, to which an adjective ending attaches."""
    return _DE_ORDINALS.get(n, german_number(n) + ("t" if n < 20 else "st"))


def count_phrase(n: int, digits: bool = False) -> Phrase:
    """Return a number above 1 that counts things, in words or digits."""
    return Phrase(str(n), str(n), "number") if digits else Phrase(english_number(n), german_number(n), "number")


def age_phrase(years: int, digits: bool = False) -> Phrase:
    """Return an age of at least two years."""
    count = count_phrase(years, digits)
    return Phrase(f"{count.en} years old", f"{count.de} Jahre alt", "number")


def price_phrase(cents: int, digits: bool = True) -> Phrase:
    """Return a price above one euro; digits differ in their separators: "12,500" / "12.500", "3.50" / "3,50"."""
    euros, rest = divmod(cents, 100)
    if not digits:
        count = count_phrase(euros)
        return Phrase(f"{count.en} euros", f"{count.de} Euro", "number")
    text = f"{euros:,}" + (f".{rest:02}" if rest else "")
    return Phrase(f"{text} euros", f"{text.translate(str.maketrans(',.', '.,'))} Euro", "number")


def date_phrase(day: int, month: int, digits: bool = False) -> Phrase:
    """Return a date, month from 1 to 12: "on the third of May" / "am dritten Mai", or "on May 3" / "am 3. Mai"."""
    en, de = lexicon().months[month - 1]
    if digits:
        return Phrase(f"on {en} {day}", f"am {day}. {de}", "date")
    return Phrase(f"on the {english_ordinal(day)} of {en}", f"am {german_ordinal(day)}en {de}", "date")


def weekday_phrase(day: int) -> Phrase:
    """Return a day of the week, 0 for Monday."""
    en, de = lexicon().weekdays[day]
    return Phrase(f"on {en}", f"am {de}", "date")


def clock_phrase(hour: int, minute: int = 0, digits: bool = False) -> Phrase:
    """Return a time of day, hour from 1 to 12: "half past six" / "halb sieben".

    In words the minute is 0, 15, 30 or 45.
    """
    if digits:
        return Phrase(f"at {hour}:{minute:02}", f"um {hour}:{minute:02} Uhr", "clock")
    following = hour % 12 + 1
    if minute == 0:
        spoken = "ein" if hour == 1 else german_number(hour)
        return Phrase(f"at {english_number(hour)} o'clock", f"um {spoken} Uhr", "clock")
    en, de = {
        15: (f"a quarter past {english_number(hour)}", f"Viertel nach {german_number(hour)}"),
        30: (f"half past {english_number(hour)}", f"halb {german_number(following)}"),
        45: (f"a quarter to {english_number(following)}", f"Viertel vor {german_number(following)}"),
    }[minute]
    return Phrase(f"at {en}", f"um {de}", "clock")


def together(day: Phrase, clock: Phrase) -> Phrase:
    """Return a day and a time of day as one phrase: "on Monday at six o'clock"."""
    return Phrase(f"{day.en} {clock.en}", f"{day.de} {clock.de}", "clock")
