"""What each part of a run has brought: the rows of its table, each written down as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from agents.config.run_config import RunConfig
from agents.evaluation.report import Report
from agents.evaluation.summary import Row, comparison, example_episodes, signatures
from agents.runs.curve import draw_curve
from agents.runs.judging import judge
from agents.runs.phase import CONTINUED, phases_of
from agents.runs.run_folder import RunFolder
from textgym.errors import CheckpointError, ConfigError


class Comparison:
    """The rows of a run's table, those from before an interruption included.

    Args:
        run: Where they are: ``evaluation.json`` has the numbers of all, ``responses/`` a file with the texts of each.
        config: Of the run.
        say: Takes lines for the user.

    Attributes:
        names: Of the rows, in the order of the table.
        seconds: Of learning, by phase.
        problem: Why there is no row of the continued warm start, None while there is nothing to tell.
    """

    def __init__(self, run: RunFolder, config: RunConfig, say: Callable[[str], None]) -> None:
        self.run = run
        self.config = config
        self.say = say
        untrained = "untrained" if isinstance(config.model, dict) else "as given"
        labels = [phase.label for phase in phases_of(config)]
        continued = [CONTINUED.label] if config.continues_warm_start else []
        self.names = [untrained, *labels[:-1], *continued, labels[-1]]
        self._rows = {name: row for name in self.names if (row := self._stored(name)) is not None}
        stored = self._stored_evaluation()
        self.seconds: dict[str, float] = stored.get("seconds", {})
        self.problem: str | None = stored.get("problem")

    @property
    def rows(self) -> dict[str, Row]:
        """The rows that are known, in the order of the table."""
        return {name: self._rows[name] for name in self.names if name in self._rows}

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done."""
        missing = [name for name in self.names if name not in self._rows]
        return not missing or (missing == [CONTINUED.label] and self.problem is not None)

    def judge(self, name: str, policy: Callable[[], Any]) -> None:
        """Evaluate a policy and write down what is known so far, unless its row is known already."""
        if name in self._rows:
            return
        judged = policy()
        row = self._rows[name] = Row(judge(self.config, judged, True), judge(self.config, judged, False))
        texts = {"greedy": row.greedy.to_json(answers=True), "sampled": row.sampled.to_json(answers=True)}
        self.run.write_json(_file(name), texts)
        self.write()
        self.say(f"{name}: {row.headline()}")

    def forget_all_but(self, names: Collection[str]) -> None:
        """Drop the rows of what will be learned again."""
        for name in self._rows.keys() - set(names):
            del self._rows[name]
            self.run.remove(_file(name))
            self.seconds.pop(name, None)
            self.problem = None

    def write(self) -> None:
        """Write down the numbers that are known so far."""
        rows = {name: row.to_json() for name, row in self.rows.items()}
        self.run.write_json("evaluation.json", {"rows": rows, "seconds": self.seconds, "problem": self.problem})

    def summarize(self) -> None:
        """Tell the table, the signatures and some episodes; draw the learning curve where that was not done."""
        picture = self.run.path / "learning_curve.png"
        if not picture.is_file():
            draw_curve([*self.run.metrics().read(), *self.run.metrics(CONTINUED.metrics).read()], picture)
        rows = self.rows
        names = list(rows)
        if list(self._stored_evaluation().get("rows", {})) != names:  # the process ended between the two files of a row
            self.write()
        before = "warm start" if "warm start" in names[:-1] else names[0]
        reports = [(name, rows[name].greedy) for name in (before, names[-1])]
        parts = ["", comparison(rows), signatures(reports[0][1].scores)]
        parts += [f"warning: {self.problem}"] if self.problem else []
        if self.config.evaluation.examples:
            parts.append(example_episodes(reports[0], reports[1], self.config.evaluation.examples))
        self.say("\n\n".join(parts))
        self.say(f"\nlearning curve: {picture}\nrun folder:     {self.run.path}")

    def _stored(self, name: str) -> Row | None:
        """Return a row that was written down; None when it was not, or not by this version."""
        try:
            stored = self.run.read_json(_file(name))
            reports = (Report.from_json(stored[mode]) for mode in ("greedy", "sampled"))
            return None if stored is None else Row(*reports)
        except (CheckpointError, ConfigError, LookupError, TypeError):
            return None

    def _stored_evaluation(self) -> dict[str, Any]:
        try:
            stored = self.run.read_json("evaluation.json")
        except CheckpointError:
            return {}
        return stored if isinstance(stored, dict) else {}


def _file(name: str) -> str:
    return f"responses/{name.replace(' ', '-')}.json"
