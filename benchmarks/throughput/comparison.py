"""The outcome of one comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.throughput.timing import median, speedups

TOLERANCE = 0.01  # of the tokens that both sides wrote


@dataclass
class Comparison:
    """What ours and the other side took for the same work.

    Attributes:
        name: What was compared.
        setting: Shapes and whatever else tells what was done.
        other: What ours is compared with.
        unit: Of the work, such as "tokens".
        work: How many of them one measurement does.
        ours: CPU seconds of each measurement, or another cost in ``cost_unit``.
        theirs: The same of the other side, scaled to the whole work where ``setting`` says so.
        target: The ratio to reach, if one is set.
        bound: The ratio of both sides' least arithmetic, if it limits the ratio.
        at_most: Whether the ratio is ours / theirs and the target its upper limit; else it is theirs / ours.
        model: The name of the model, if one is used.
        cost_unit: "s", or "MB" of memory.
        done: By side, what all of its measured calls wrote or read, counted as they ran.
        details: Further figures.
    """

    name: str
    setting: str
    other: str
    unit: str
    work: float
    ours: list[float]
    theirs: list[float]
    target: float | None = None
    bound: float | None = None
    at_most: bool = False
    model: str = ""
    cost_unit: str = "s"
    done: dict[str, int] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """The ratio of each pair of neighbours in time, sorted."""
        return speedups(self.ours, self.theirs) if self.at_most else speedups(self.theirs, self.ours)

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target; None where there is none."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target

    @property
    def same_work(self) -> bool | None:
        """Whether both sides counted the same, but for what rounding ends elsewhere; None where nothing was counted."""
        return min(self.done.values()) > (1 - TOLERANCE) * max(self.done.values()) if self.done else None

    def speed(self, seconds: list[float]) -> float:
        """Return the median work per second."""
        return self.work / median(seconds)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values, with the ratio for those who read the file."""
        figures = {"ratio": self.ratio, "least": self.ratios[0], "greatest": self.ratios[-1]}
        told = {name: round(value, 3) for name, value in figures.items()}
        return asdict(self) | told | {"met": self.met, "same_work": self.same_work}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Comparison:
        """Return the comparison that :meth:`to_json` told."""
        return cls(**{name: value for name, value in values.items() if name in cls.__dataclass_fields__})
