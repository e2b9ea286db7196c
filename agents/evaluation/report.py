"""What an evaluation found: scores with intervals and every response, to be written down and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textgym import Reward, Sample
from textgym.errors import ConfigError
from textgym.rewards.signature import column

FORMAT = 1


@dataclass(frozen=True)
class Score:
    """One metric on all samples, on the scale that its tool prints; intervals are 95% percentile bootstraps.

    Attributes:
        name: Of the metric.
        corpus: The score of the responses taken together.
        corpus_interval: Of that.
        corpus_signature: What makes it reproducible.
        sentence: The mean of the responses' own scores.
        sentence_interval: Of that.
        signature: What makes it reproducible.
        spec: What ``textgym.make_reward`` makes the metric from; None where it was an object or a function.
        sentences: The score of each response.
    """

    name: str
    corpus: float
    corpus_interval: tuple[float, float]
    corpus_signature: str
    sentence: float
    sentence_interval: tuple[float, float]
    signature: str
    spec: Any = None
    sentences: tuple[float, ...] = ()

    @property
    def title(self) -> str:
        """What tables call it: "1-wer" for wer."""
        return column(self.name, self.signature)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the single scores as JSON values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "sentences"}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


@dataclass(frozen=True)
class Report:
    """What :func:`agents.evaluate` found.

    Attributes:
        env_id: The environment.
        split: Of its samples.
        mode: How the policy answered: "greedy", "sampled at temperature ...", "beam search of ...", "best of ...".
        scores: One for each reward.
        samples: What was played, in the order of ``responses``.
        responses: One for each sample.
        mean_length: Tokens per response, eos included.
        ended: The share of responses that ended by themselves, with eos or a stop string.
        seed: Of the sampling and the bootstrap.
        indices: The number of each sample in its split.
        lengths: Tokens of each response, eos included.
        finishes: How each response ended: "eos", "stop" or "length".
        selected_by: With best of n, the signature of the reward that chose.
        pool: With best of n, the scores of all n samples of each prompt: what sampling gives without a choice.
        judges: The metrics themselves; a report that was read from JSON has none.
    """

    env_id: str
    split: str
    mode: str
    scores: tuple[Score, ...]
    samples: tuple[Sample, ...]
    responses: tuple[str, ...]
    mean_length: float
    ended: float
    seed: int
    indices: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    finishes: tuple[str, ...] = ()
    selected_by: str | None = None
    pool: tuple[Score, ...] = ()
    judges: tuple[Reward, ...] = field(default=(), repr=False, compare=False)

    def __getitem__(self, name: str) -> Score:
        """Return the score of a metric.

        Raises:
            KeyError: There is none of that name.
        """
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(f"The report has no {name!r}, but {', '.join(score.name for score in self.scores)}.")

    def to_json(self, answers: bool = False) -> dict[str, Any]:
        """Return everything but the texts as JSON values; with ``answers`` the texts too, for :meth:`from_json`."""
        names = ("env_id", "split", "mode", "mean_length", "ended", "seed")
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        plain |= {"count": len(self.responses), "scores": [score.to_json() for score in self.scores]}
        if self.selected_by is not None:
            plain |= {"selected_by": self.selected_by, "pool": [score.to_json() for score in self.pool]}
        return {"format": FORMAT, **plain, "answers": self.answers()} if answers else plain

    def answers(self) -> list[dict[str, Any]]:
        """Return each sample with its response as JSON values; ``scores`` has those of the response, by metric.

        Metadata that JSON cannot hold are left out.
        """
        columns = zip(*(score.sentences for score in self.scores), strict=True)
        names = self.columns()
        rows = zip(self.indices, self.samples, self.responses, self.finishes, self.lengths, columns, strict=True)
        return [
            {
                "index": index,
                "prompt": sample.prompt,
                "references": list(sample.references),
                "metadata": _plain(sample.metadata),
                "response": response,
                "finish": finish,
                "length": length,
                "scores": dict(zip(names, scores, strict=True)),
            }
            for index, sample, response, finish, length, scores in rows
        ]

    def columns(self) -> list[str]:
        """Return a name for each metric, two of which may have the same: the second bleu is "bleu 2"."""
        names = [score.name for score in self.scores]
        before = [names[:i].count(name) for i, name in enumerate(names)]
        return [f"{name} {count + 1}" if count else name for name, count in zip(names, before, strict=True)]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Report:
        """Return the report that ``to_json(answers=True)`` wrote.

        Raises:
            ConfigError: It is no such report, or one of a newer format.
        """
        if not isinstance(values, Mapping) or "answers" not in values:
            raise ConfigError("This is no report with answers: write one with textgym eval ... --report FILE.json.")
        if values.get("format") != FORMAT:
            raise ConfigError(f"The report has format {values.get('format')!r}, {FORMAT} is known: update textgym.")
        try:
            return cls(**_arguments(values))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"The report is damaged ({type(error).__name__}: {error}): write it again.") from error

    def save(self, path: str | Path) -> None:
        """Write the report with every response as one JSON file.

        Raises:
            ConfigError: The file cannot be written.
        """
        text = json.dumps(self.to_json(answers=True), indent=1, ensure_ascii=False)
        try:
            # a lone surrogate becomes \udXXX, which JSON reads as what it was
            Path(path).write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise ConfigError(f"The report {path} cannot be written: {error.strerror}.") from error

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigError: The file cannot be read, or holds no report.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"The report {path} cannot be read as JSON: {error}.") from error
        try:
            return cls.from_json(values)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items that JSON can hold, as it gives them back."""
    plain = {}
    for key, value in metadata.items():
        try:
            plain[str(key)] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            continue
    return plain


def _arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constructor's arguments from JSON values."""
    answers: Sequence[Mapping[str, Any]] = values["answers"]
    plain = {name: values[name] for name in ("env_id", "split", "mode", "mean_length", "ended", "seed")}
    samples = [Sample(row["prompt"], tuple(row["references"]), row["metadata"]) for row in answers]
    singles = zip(*(row["scores"].values() for row in answers), strict=True)
    return plain | {
        "scores": tuple(_score(score, sentences) for score, sentences in zip(values["scores"], singles, strict=True)),
        "samples": tuple(samples),
        "responses": tuple(str(row["response"]) for row in answers),
        "indices": tuple(int(row["index"]) for row in answers),
        "lengths": tuple(int(row["length"]) for row in answers),
        "finishes": tuple(str(row["finish"]) for row in answers),
        "selected_by": values.get("selected_by"),
        "pool": tuple(_score(score, ()) for score in values.get("pool", ())),
    }


def _score(values: Mapping[str, Any], sentences: Sequence[float]) -> Score:
    intervals = {name: tuple(values[name]) for name in ("corpus_interval", "sentence_interval")}
    return Score(**(dict(values) | intervals), sentences=tuple(sentences))
