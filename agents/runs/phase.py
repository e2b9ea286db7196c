"""The parts of a run that learn, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from agents.config.run_config import RunConfig


@dataclass(frozen=True)
class Phase:
    """What a part of a run is called.

    Attributes:
        label: In the table and in the metrics.
        checkpoint: The folder of what it has taught.
        metrics: The file of its metrics; a process that runs beside the main one has a file of its own.
        log_interval: Updates, or rollouts, between two lines of metrics.
    """

    label: str
    checkpoint: str
    metrics: str = "metrics.jsonl"
    log_interval: int = 1


UPDATES_PER_LINE = 20  # in supervised learning, whose updates are short
WARM_START = Phase("warm start", "warm-start", log_interval=UPDATES_PER_LINE)
CONTINUED = Phase(
    "warm start continued", "warm-start-continued", "metrics-continued.jsonl", log_interval=UPDATES_PER_LINE
)


def phases_of(config: RunConfig) -> list[Phase]:
    """Return the phases of a run's main process, in order."""
    reinforcement = Phase(config.reinforcement.algorithm, "reinforcement")
    enabled = ((config.warm_start.enabled, WARM_START), (config.reinforcement.enabled, reinforcement))
    return [phase for is_enabled, phase in enabled if is_enabled]
