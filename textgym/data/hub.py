"""Data sets of the Hugging Face hub, through the library ``datasets``: resolved to a commit, never run as a script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from textgym.errors import ConfigError, DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import datasets

PREFIX = "hub:"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
CONVERTED = "refs/convert/parquet"  # where the hub keeps the rows of scripts as files, a folder for each configuration
PATIENCE = 5  # seconds that the hub has to answer
LOADERS = ("parquet", "arrow", "json", "csv", "text", "cache")  # others run decoders, or read pickles
SUFFIXES = (".parquet", ".arrow", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")  # no archives


class HubData(NamedTuple):
    """A data set of the hub.

    Attributes:
        splits: By split a ``datasets.Dataset``, in files that are mapped into memory; of converted scripts, the parquet
            files.
        origin: What was resolved, JSON values: ``hub`` (the name), ``config`` and ``revision`` (the commit).
    """

    splits: Mapping[str, Any]
    origin: dict[str, Any]


def load_hub(
    data: str, config: str | None = None, revision: str | None = None, *, cached_only: bool = False
) -> HubData:
    """Download a data set of the hub, or take it from the cache of ``datasets`` where the hub cannot be reached.

    Args:
        data: ``hub:user/name``.
        config: The configuration, where there are several.
        revision: A branch, tag or commit; without one, the newest commit, which ``origin`` records.
        cached_only: Whether to look into the cache alone.

    Raises:
        ConfigError: The name is none.
        DataError: There is no such data set, configuration or revision; it is a script; or the hub cannot be reached
            and the cache does not have it, which is told within seconds.
        MissingExtraError: ``datasets`` is not installed.
    """
    name = data.removeprefix(PREFIX)
    if not NAME.fullmatch(name) or ".." in name:
        raise ConfigError(f"data={data!r} names no data set of the hub: write hub:user/name.")
    _import_datasets(data)
    commit = DataError("it was not asked") if cached_only else _resolved(name, revision)
    if revision == CONVERTED:
        return _converted(name, config or "default", commit)
    builder = _online(name, config, commit) if isinstance(commit, str) else _cached(name, config, revision, commit)
    splits = _prepared(name, builder)
    return HubData(splits, {"hub": name, "config": builder.config.name, "revision": builder.hash})


def _import_datasets(data: str) -> None:
    try:
        import datasets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("datasets", "hub", f"data={data!r}") from error


def _resolved(name: str, revision: str | None) -> str | Exception:
    """Return the commit of a revision, or why the hub does not answer: with patience, as it has a habit of trying on.

    Raises:
        DataError: The hub answers that there is no such data set or revision, or that it is a script.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().dataset_info(name, revision=revision, timeout=PATIENCE)
    except RevisionNotFoundError:
        raise DataError(f"The data set {name!r} of the hub has no revision {revision!r}: check revision=.") from None
    except RepositoryNotFoundError:
        raise DataError(
            f"The hub has no data set {name!r}, or does not show it to you: check the name, or log in where it is "
            "private or gated (hf auth login)."
        ) from None
    except Exception as error:  # no network, no name service, a server's fault, offline mode: each its own class
        return error
    if f"{name.rpartition('/')[2]}.py" in [file.rfilename for file in info.siblings or ()]:
        raise DataError(
            f"The data set {name!r} of the hub is a script, and scripts are never run: try "
            'revision="refs/convert/parquet", where the hub keeps the data of many of them.'
        )
    return str(info.sha)


def _online(name: str, config: str | None, commit: str) -> datasets.DatasetBuilder:
    import datasets

    try:
        builder = datasets.load_dataset_builder(name, config, revision=commit)
    except Exception as error:  # many kinds, from the hub, the files and their description
        raise _unusable(name, error) from None
    loader = type(builder).__module__.split(".")[-1]
    files = [str(file) for part in (builder.config.data_files or {}).values() for file in part]
    strange = next((file for file in files if not file.lower().endswith(SUFFIXES)), None)
    if loader not in LOADERS or strange is not None:
        raise DataError(
            f"The data set {name!r} of the hub holds {strange or loader}: only plain files are read "
            f"({', '.join(SUFFIXES)}), no archives and nothing that has to be decoded. Convert it to parquet."
        )
    return builder


def _cached(name: str, config: str | None, revision: str | None, reason: Exception) -> datasets.DatasetBuilder:
    """Return what ``datasets`` keeps of earlier downloads, without a look at the network."""
    import datasets
    from datasets.packaged_modules.cache.cache import Cache

    short = name.rpartition("/")[2]
    try:
        builder = Cache(repo_id=name, dataset_name=short, config_name=config, version="auto", hash="auto")
    except (ValueError, OSError) as error:
        raise _absent(
            name, hub_call(name, config, revision), datasets.config.HF_DATASETS_CACHE, reason, error
        ) from None
    if revision not in (None, "main", builder.hash):
        held = f"The hub cannot be reached ({_line(reason)}), and the cache holds {name!r} at {builder.hash}, "
        raise DataError(
            held
            + ("not at" if COMMIT.fullmatch(str(revision)) else "which may or may not be")
            + f" revision={revision!r}: pass that commit as revision=, or go online."
        )
    return builder


def _converted(name: str, config: str, commit: str | Exception) -> HubData:
    """Return the files that the hub made of a script's rows, downloaded or from the cache."""
    from huggingface_hub import constants, snapshot_download

    online, files = isinstance(commit, str), f"{config}/*/*.parquet"
    try:
        held = snapshot_download(
            name, repo_type="dataset", revision=CONVERTED, allow_patterns=files, local_files_only=not online
        )
        folder = Path(held)
        splits = {part.name: sorted(part.glob("*.parquet")) for part in sorted((folder / config).glob("*"))}
        if not splits:
            raise DataError(f"there is no configuration {config!r} at {CONVERTED}")
    except Exception as error:  # many kinds, from the hub and the cache
        if isinstance(commit, str):
            raise _unusable(name, error) from None
        none = DataError(f"no parquet files of {config!r} at {CONVERTED}")
        raise _absent(name, hub_call(name, config, CONVERTED), constants.HF_HUB_CACHE, commit, none) from None
    return HubData(splits, {"hub": name, "config": config, "revision": folder.name})


def hub_call(name: str, config: str | None, revision: str | None) -> str:
    """Return the command that downloads a data set into the cache."""
    if revision == CONVERTED:
        return f"hf download --repo-type dataset {name} --revision {revision} --include '{config or 'default'}/*'"
    call = ", ".join(map(repr, filter(None, (name, config)))) + (f", revision={revision!r}" if revision else "")
    return f'python -c "import datasets; datasets.load_dataset({call})"'


def _absent(name: str, call: str, cache: Any, reason: Exception, error: Exception) -> DataError:
    return DataError(
        f"The hub cannot be reached ({_line(reason)}), and {cache} does not hold the data set {name!r} "
        f"({_line(error)}). Where there is a network, run {call}, and bring that folder here; or put its parquet files "
        "into a folder as train.parquet, validation.parquet and test.parquet, and pass data=FOLDER."
    )


def _prepared(name: str, builder: datasets.DatasetBuilder) -> Mapping[str, Any]:
    """Download what is missing, and return the splits."""
    try:
        builder.download_and_prepare()
        splits: Mapping[str, Any] = builder.as_dataset()
    except Exception as error:
        raise _unusable(name, error) from None
    return splits


def _unusable(name: str, error: Exception) -> DataError:
    told = str(error).strip().replace("\n", " ")[:400]
    return DataError(f"The data set {name!r} of the hub cannot be used: {told or type(error).__name__}")


def _line(error: Exception) -> str:
    if type(error).__name__ == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set"
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200].rstrip(".")
