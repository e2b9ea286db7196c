"""What all published benchmarks share: where their rows come from, and how the rows of a split become samples."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textgym.core import Sample, Task
from textgym.data import DataTask
from textgym.data.folder import SPLITS
from textgym.data.hub import PREFIX, hub_call, load_hub
from textgym.data.overlap import refuse_overlap
from textgym.data.parts import is_parallel
from textgym.data.rules import MAX_CHARS, EncodingErrors, Form, Rules
from textgym.data.skipping import OnBadRow
from textgym.errors import ConfigError, DataError, MissingExtraError
from textgym.tasks.published.files import Reader, Source, find_sources, source_of
from textgym.tasks.published.splits import Splits
from textgym.tokenizers.training import cache_folder

if TYPE_CHECKING:
    from textgym.tokenizers import Tokenizer


class PublishedTask(Task):
    """A benchmark whose rows have columns of their own.

    A subclass declares where they come from, and gives :meth:`sample`.

    Args:
        data: None takes the folder ``data/<name>`` of the cache where there is one, else the hub. A folder or file in
            the published format, or a dict of splits that holds such; ``"hub:user/name"`` is another copy on the hub.
            With ``columns=`` beside it, or where it holds no paths, it is samples of one's own as for any task.
        repository: The copy on the hub, ``user/name``; None is the standard one.
        config: Its configuration; None is the standard one.
        revision: Its branch, tag or commit; None is the standard one.
        on_bad_row: As ``textgym.data.load_data`` takes it.
        encoding_errors: The same.
        max_chars: The same.
        normalize: The same.
        strict: The same.

    Attributes:
        repository: The standard copy on the hub; None where there is none in plain files.
        config: Its configuration.
        revision: Its revision.
        download: Where the published files come from.
        files: By split the names that the published files have, patterns allowed, the first that is found is taken;
            ``train.parquet`` and so on are always looked for.
        reader: How they are read; None is by suffix.
        columns: What every row has.
        languages: Of parallel text, which column each file of a pair is.
        aliases: Other names of columns, by which copies of the data differ, with the published ones.
        varies: Whether a row may give no sample, or several (:meth:`unfolded`, :meth:`holds`).
        merged: Whether rows with the same prompt are one sample with several references.
        held_out: Where no validation split is published: every so many-th training sample is one of validation.
    """

    overlong: Literal["error", "truncate", "drop"] = "truncate"
    repository: ClassVar[str | None] = None
    config: ClassVar[str | None] = None
    revision: ClassVar[str | None] = None
    download: ClassVar[str] = ""
    files: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    reader: ClassVar[Reader | None] = None
    columns: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    aliases: ClassVar[tuple[tuple[str, str], ...]] = ()
    varies: ClassVar[bool] = False
    merged: ClassVar[bool] = False
    held_out: ClassVar[int | None] = None
    _called: tuple[tuple[Any, ...], dict[str, Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        """Write out the signature, so that an option that a subclass passes on is known by name."""
        super().__init_subclass__(**options)
        own, shared = (inspect.signature(kind.__init__).parameters for kind in (cls, PublishedTask))
        named = [one for one in {**own, **shared}.values() if one.name != "self" and one.kind is not one.VAR_KEYWORD]
        cls.__signature__ = inspect.Signature([one.replace(kind=one.KEYWORD_ONLY) for one in named])  # type: ignore[attr-defined]

    def __new__(cls, *arguments: Any, **options: Any) -> PublishedTask:
        """Remember how the task was made, which is all that a pickle holds and what tells two tasks apart."""
        task = super().__new__(cls)
        task._called = (arguments, options)
        return task

    def __init__(
        self,
        data: Any = None,
        *,
        repository: str | None = None,
        config: str | None = None,
        revision: str | None = None,
        on_bad_row: OnBadRow = "error",
        encoding_errors: EncodingErrors = "strict",
        max_chars: int = MAX_CHARS,
        normalize: Form | None = None,
        strict: bool = False,
    ) -> None:
        if not self.takes(data, {}):
            raise ConfigError(
                f"data= of the task {self.name!r} is a folder, a file, or a dict of splits that holds such, got "
                f"{data!r:.80}. Samples of your own go to gymnasium.make(..., data=...) or textgym.data.load_data."
            )
        on_hub = isinstance(data, str) and data.startswith(PREFIX)
        if on_hub and repository is not None:
            raise ConfigError(f"data={data!r} and repository={repository!r} both name a data set: give one of them.")
        self.data = None if on_hub else data
        given = data.removeprefix(PREFIX) if on_hub else repository
        if self.data is not None and (given, config, revision) != (None, None, None):
            raise ConfigError(f"repository=, config= and revision= belong to the hub, got data={data!r} beside them.")
        self.asked = given is not None or config is not None or revision is not None
        same = given is None or given == type(self).repository
        self.hub_name = given or type(self).repository
        self.hub_config = config or (type(self).config if same else None)
        self.hub_revision = revision or (type(self).revision if same else None)
        self.strict = strict
        self.rules = Rules(
            on_bad_row=on_bad_row, encoding_errors=encoding_errors, max_chars=max_chars, normalize=normalize
        )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return the sample of a row, whose columns are all there."""
        raise NotImplementedError

    def unfolded(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return the samples of a row, where there may be any number."""
        return (self.sample(row),)

    def holds(self, row: Mapping[str, Any], split: str) -> bool:
        """Whether a row belongs to a split, where the files do not tell."""
        return True

    @classmethod
    def takes(cls, data: Any, options: Mapping[str, Any]) -> bool:
        """Whether ``data=`` is in the published format, by what is written; else it is the user's own samples."""
        if options.keys() & {"columns", "by_prompt", "quotes"}:
            return False
        if isinstance(data, Mapping):
            return bool(data) and not is_parallel(data) and all(source_of(part) is not None for part in data.values())
        return data is None or isinstance(data, (str, os.PathLike))

    def file_names(self, split: str) -> Sequence[str | tuple[str, str]]:
        """Return the names that a split's files may have; a pair of them is parallel text."""
        return self.files.get(split, ())

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split.

        Raises:
            DataError: The data is not here, and the message says what to download and where to put it; or it is not in
                the published format.
            ConfigError: The data has no such split.
        """
        return self._read.samples(split)

    def tokenizer(self) -> Tokenizer:
        """Return byte pairs learned on the training split.

        Raises:
            ConfigError: There is no training split.
        """
        return self._read.tokenizer()

    @property
    def origin(self) -> dict[str, Any]:
        """Of data of the hub its name, configuration and commit."""
        return self._read.origin

    @property
    def skipped(self) -> dict[str, int]:
        """How many bad rows were passed over in each split that was read."""
        return {split: sum(one.count for one in part.skipped) for split, part in self._splits.parts.items()}

    @property
    def blanks(self) -> dict[str, int]:
        """How many blank references were left out of the rows that were read at opening, by split."""
        return {split: sum(one.blanks for one in part.skipped) for split, part in self._splits.parts.items()}

    @property
    def home(self) -> Path:
        """The folder in which the published files are looked for."""
        return cache_folder() / "data" / self.name

    def found(self) -> bool:
        """Whether the data is on this machine, without a look at the network."""
        if self.data is not None or (self.home.is_dir() and not self.asked):
            return True
        if self.hub_name is None:
            return False
        try:
            load_hub(f"{PREFIX}{self.hub_name}", self.hub_config, self.hub_revision, cached_only=True)
        except (DataError, ConfigError, MissingExtraError):
            return False
        return True

    def advice(self) -> str:
        """Return what to download, and where to put it."""
        named = [self.file_names(split) for split in SPLITS]
        firsts = [names[0] if isinstance(names[0], str) else " and ".join(names[0]) for names in named if names]
        names = ", ".join(dict.fromkeys(firsts)) or "train.parquet, ..."
        by_hand = f"put the published files ({names}; {self.download}) into {self.home}, or pass data=FOLDER."
        if self.hub_name is None:
            return f"Download and {by_hand}"
        call = hub_call(self.hub_name, self.hub_config, self.hub_revision)
        return f"Where there is a network, run {call} and bring the cache of the hub here; or {by_hand}"

    @cached_property
    def _splits(self) -> Splits:
        sources, self._origin = self._sources()
        return Splits(self, sources)

    @cached_property
    def _read(self) -> DataTask:
        task = DataTask(self._splits, self, origin=self._origin)
        if self.strict:
            refuse_overlap(task)
        return task

    def _sources(self) -> tuple[dict[str, Source], Mapping[str, Any]]:
        """Return by split what to read, and what was resolved to get it."""
        folder = self.data if self.data is not None else self.home
        if self.data is not None or (self.home.is_dir() and not self.asked):
            return find_sources(folder, self), {}
        if self.hub_name is None:
            raise DataError(f"The task {self.name!r} has no data here. {self.advice()}")
        try:
            parts, origin = load_hub(f"{PREFIX}{self.hub_name}", self.hub_config, self.hub_revision)
        except (DataError, MissingExtraError) as error:
            reason = str(error).partition(" Where there is a network")[0].rstrip(".")
            raise DataError(f"The task {self.name!r} has no data here: {reason}. {self.advice()}") from None
        found = {split: next((parts[name] for name in names if name in parts), None) for split, names in SPLITS.items()}
        return {split: Source(part, self.reader) for split, part in found.items() if part is not None}, origin

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._called == other._called

    def __hash__(self) -> int:
        return hash((type(self), repr(self._called)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), *self._called)


def _made(kind: type[PublishedTask], arguments: tuple[Any, ...], options: dict[str, Any]) -> PublishedTask:
    return kind(*arguments, **options)
