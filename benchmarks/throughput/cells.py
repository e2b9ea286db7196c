"""The cells of the table: what can be measured on its own, in the order of importance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.throughput import environments, grouped, growth, iterations, memory, minimum, rollouts
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.models import EXTRA, FUSED, MODELS, Absent, Model
from benchmarks.throughput.trl_trainer import Kind

# glibc's allocator, read when a process starts: it keeps what is freed instead of giving it back to the kernel, which
# would clear every page of it again
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(64 << 20)}
Measure = Callable[[int, float], list[Comparison]]  # of repeats and GFLOP/s


@dataclass(frozen=True)
class Cell:
    """Something to measure in a process of its own.

    Attributes:
        name: Parts with slashes between them; the last one is the model where there is one.
        measure: Does it.
        model: The model, if it is one that may be absent or left out.
        usual: Whether it is measured where nothing was chosen.
        environment: Variables that the process must be started with.
    """

    name: str
    measure: Measure
    model: Model | None = None
    usual: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def absent(self) -> str | None:
        """Return why it cannot be measured here, if so."""
        try:
            if self.model:
                self.model.found()
        except Absent as reason:
            return str(reason)
        return None


def cells() -> dict[str, Cell]:
    """Return all cells by name."""
    found = [
        *_grouped("gpt2-4m", usual=True),
        *(cell for cell in _grouped(FUSED, usual=True) if cell.name.startswith("grpo")),
        *_rollouts("gpt2-4m", usual=True),
        Cell("minimum/gpt2-20m", lambda n, _: minimum.compare(MODELS["gpt2-20m"], n), MODELS["gpt2-20m"], usual=True),
        Cell("ppo/long", lambda n, rate: [iterations.compare(iterations.SHAPES["long"], n, rate)], usual=True),
        Cell("memory", lambda n, _: memory.compare(min(n, 3)), usual=True),
        *_rollouts("stories260k", usual=True),
        Cell("growth/lanes", lambda n, _: growth.lanes(n)),
        Cell("growth/length", lambda n, _: growth.lengths(n)),
        *(cell for name in MODELS if name not in ("gpt2-4m", "stories260k", FUSED) for cell in _rollouts(name)),
        *(cell for name in MODELS if name not in ("gpt2-4m", FUSED) for cell in _grouped(name)),
        *(_minimum(name) for name in MODELS if name not in ("gpt2-20m", FUSED)),
        *(_ppo(size) for size in iterations.SHAPES if size != "long"),
        Cell("environment/free", lambda n, _: [environments.compare(None, n)], usual=True),
        Cell("environment/bleu", lambda n, _: [environments.compare("bleu", n)]),
    ]
    return {cell.name: cell for cell in found}


def chosen(only: list[str], models: list[str], everything: bool) -> list[Cell]:
    """Return the cells to measure.

    Args:
        only: Names, or parts of names, of which a cell has one at least; none is no condition.
        models: Names; a cell with another model is left out. None are all but those that are measured only if named.
        everything: Whether a cell is taken that is not usual, where neither of these chooses.
    """
    found = cells()

    def named(cell: Cell) -> bool:
        return any(part == cell.name or (part not in found and part in cell.name) for part in only)

    def wanted(cell: Cell) -> bool:
        if only and not named(cell):
            return False
        if models:
            return cell.model is not None and cell.model.name in models
        if cell.model is not None and cell.model.name in EXTRA and cell.name not in only:
            return False
        return cell.usual or everything or bool(only)

    return [cell for cell in found.values() if wanted(cell)]


def _rollouts(name: str, usual: bool = False) -> list[Cell]:
    model = MODELS[name]
    return [
        Cell(f"rollout/fixed/{name}", lambda n, rate: rollouts.compare(model, n, rate), model, usual),
        Cell(f"rollout/variable/{name}", lambda n, _: rollouts.compare_variable(model, n), model, usual),
    ]


def _grouped(name: str, usual: bool = False) -> list[Cell]:
    kinds: tuple[Kind, ...] = ("grpo", "rloo")
    return [
        _one_grouped(kind, MODELS[name], length, allocator, usual and (kind == "grpo" or length == "fixed"))
        for kind in kinds
        for length in ("fixed", "variable")
        for allocator in ("default", "tuned")
    ]


def _one_grouped(kind: Kind, model: Model, length: str, allocator: str, usual: bool) -> Cell:
    tuned = allocator == "tuned"
    measure = partial(grouped.compare, kind, model, ends=length == "variable", tuned=tuned)
    environment = TUNED if tuned else {}
    return Cell(f"{kind}/{length}/{allocator}/{model.name}", lambda n, _: measure(n), model, usual, environment)


def _minimum(name: str) -> Cell:
    return Cell(f"minimum/{name}", lambda n, _: minimum.compare(MODELS[name], n), MODELS[name])


def _ppo(size: str) -> Cell:
    return Cell(f"ppo/{size}", lambda n, rate: [iterations.compare(iterations.SHAPES[size], n, rate)])
