"""One split of a user's data: a file, several, parallel text, rows, or samples as they are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from textgym.core import Sample
from textgym.data.columns import Fields, guess_fields
from textgym.data.dataset import DatasetSamples, is_dataset
from textgym.data.merging import Concatenated
from textgym.data.readers import read_file, read_parallel
from textgym.data.rows import check_size, normalized, sample_of
from textgym.data.rules import PLAIN, Rules
from textgym.data.skipping import Skipped
from textgym.errors import ConfigError, DataError

PARALLEL = ("prompt", "references")


class Part(NamedTuple):
    """The samples of a split, and what was passed over in each of its files."""

    samples: Sequence[Sample]
    skipped: Sequence[Skipped]


def read_part(part: Any, rules: Rules, split: str) -> Part:
    """Return the samples of a split.

    Args:
        part: A path, a list of paths, a dict with the paths of parallel text, a ``datasets.Dataset``, or a sequence.
        rules: How rows are read.
        split: The name of the split, for messages.

    Raises:
        ConfigError: It is none of these.
        DataError: There is no sample in it, or a bad one.
    """
    if _is_path(part):
        return _part(read_file(_path(part), rules))
    if is_dataset(part):
        return _part(DatasetSamples(part, f"data[{split!r}]", rules))
    if isinstance(part, Mapping):
        return _part(_read_pair(part, rules, split))
    if isinstance(part, (list, tuple)) and part and all(map(_is_path, part)):
        parts = [read_file(_path(path), rules) for path in part]
        return Part(Concatenated(parts), [skipped for one in parts for skipped in _part(one).skipped])
    if isinstance(part, Sequence):
        return _read_rows(part, rules, split)
    raise ConfigError(
        "data= is a path, a list of Sample or of dicts, a dict of splits that holds such, "
        '{"prompt": path, "references": paths} for parallel text, "hub:user/name", a datasets.Dataset, or a Task; '
        f"got {type(part).__name__} for the split {split!r}."
    )


def is_parallel(data: Mapping[Any, Any]) -> bool:
    """Whether a dict names the files of parallel text."""
    return bool(data) and set(data) <= set(PARALLEL)


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))


def _path(path: Any) -> Path:
    return Path(os.path.expanduser(path))


def _part(samples: Sequence[Sample]) -> Part:
    skipped = getattr(samples, "skipped", None)
    return Part(samples, [skipped] if isinstance(skipped, Skipped) else [])


def _read_pair(part: Mapping[Any, Any], rules: Rules, split: str) -> Sequence[Sample]:
    """Return the samples of parallel text."""
    prompt, references = part.get("prompt"), part.get("references")
    listed = references if isinstance(references, (list, tuple)) else [references]
    if not is_parallel(part) or not listed or not all(map(_is_path, (prompt, *listed))):
        raise ConfigError(
            f'Parallel text is {{"prompt": path, "references": path or list of paths}}, got {dict(part)!r:.200} for '
            f"the split {split!r}. (One row alone is given as a list of one.)"
        )
    try:
        return read_parallel(_path(prompt), [_path(path) for path in listed], rules)
    except DataError as error:
        if os.path.isfile(_path(prompt)):
            raise
        raise DataError(f"{error} (One row alone is given as a list of one.)") from None


def _read_rows(rows: Sequence[Any], rules: Rules, split: str) -> Part:
    """Return the samples of a list; another kind of sequence, which may be lazy, is taken as it is."""
    if len(rows) == 0:
        raise DataError(f"data= has 0 rows in the split {split!r}: give at least one Sample.")
    if not isinstance(rows, (list, tuple)):
        return _as_it_is(rows, rules, split)
    fields: Fields | None = None
    skipped = Skipped(rules.on_bad_row)
    samples: list[Sample] = []
    for i, row in enumerate(rows):
        try:
            if isinstance(row, Mapping):
                fields = fields or guess_fields(row, columns=rules.columns)
                samples.append(sample_of(row, fields, rules=rules, tally=skipped))
            else:
                samples.append(_checked(row, rules))
        except DataError as error:
            skipped.add(f"data[{split!r}][{i}]", error)
    skipped.finish()
    if not samples:
        raise DataError(f"data= has 0 rows in the split {split!r}{skipped}: give at least one Sample.")
    return Part(tuple(samples), [skipped])


def _as_it_is(rows: Sequence[Any], rules: Rules, split: str) -> Part:
    kind = f"data= in the split {split!r} is a {type(rows).__name__}"
    if not isinstance(rows[0], Sample):
        raise DataError(f"{kind} of {type(rows[0]).__name__}: its items must be Sample; a list may also hold dicts.")
    if rules != PLAIN:
        raise ConfigError(
            f"{kind}, which is taken as it is: leave out the options that tell how to read rows, or make it a list."
        )
    return _part(rows)


def _checked(sample: object, rules: Rules) -> Sample:
    """Return a sample that a user made; one without references is allowed, for rewards that need none."""
    if not isinstance(sample, Sample):
        raise DataError(f": an item is a Sample or a dict, got {type(sample).__name__}: {str(sample)[:60]!r}.")
    if not sample.prompt or sample.prompt.isspace():
        raise DataError(": the prompt is blank. Give it text or remove the sample.")
    check_size(sample.prompt, sample.references, "", rules.max_chars)
    return normalized(sample, rules)
