"""The outcome of one comparison."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.throughput.timing import median, speedups


@dataclass
class Comparison:
    """Seconds of ours and of the other side for the same work.

    Attributes:
        name: What was compared.
        setting: Shapes and whatever else tells what was done.
        other: What ours is compared with.
        unit: Of the work, such as "tokens".
        work: How many of them one measurement does.
        ours: CPU seconds of each measurement.
        theirs: The same of the other side, scaled to the whole work where ``setting`` says so.
        target: The ratio to reach, if one is set.
        bound: The ratio of both sides' least arithmetic, if it limits the ratio.
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
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """How many times faster ours is, one ratio for each pair of neighbours in time, sorted."""
        return speedups(self.theirs, self.ours)

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)

    def speed(self, seconds: list[float]) -> float:
        """Return the median work per second."""
        return self.work / median(seconds)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        figures = {"ratio": self.ratio, "least": self.ratios[0], "greatest": self.ratios[-1]}
        return asdict(self) | {name: round(value, 3) for name, value in figures.items()}
