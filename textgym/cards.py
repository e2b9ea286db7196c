"""What is known about a task beside its samples: where they come from, how they may be used, what others scored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A result to compare with, as its paper prints it.

    Attributes:
        system: Who scored it.
        metric: What was measured, as the paper calls it.
        value: The figure, on the paper's scale.
        where: The paper and its table, so that the figure can be checked.
    """

    system: str
    metric: str
    value: float
    where: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a reader asks about a task before using it.

    Attributes:
        source: Where the samples come from, with the paper that describes them.
        licence: What the samples may be used for; "none stated" where nothing is.
        metrics: Rewards, by name, that tables of this task print beside its own.
        published: Results to compare with.
    """

    source: str
    licence: str
    metrics: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()


def results(system: str, where: str, metrics: str, *values: float) -> tuple[Published, ...]:
    """Return the results of one system, a value for each of the metrics, which are told with spaces between them."""
    return tuple(Published(system, metric, value, where) for metric, value in zip(metrics.split(), values, strict=True))
