"""Several processes that learn as one: each plays its lanes, computes its part of every update, and all agree."""

from agents.parallel.joining import joined
from agents.parallel.processes import Processes, current

__all__ = ["Processes", "current", "joined"]
