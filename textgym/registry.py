"""One class that finds things by name: what is registered here, and what installed packages announce."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

from textgym.errors import ConfigError, did_you_mean

T = TypeVar("T")


class Plugin(NamedTuple):
    """A name that an installed package announces; ``problem`` is empty where it can be used."""

    kind: str
    name: str
    value: str
    package: str
    problem: str


class Registry(Generic[T]):
    """Names and what they stand for.

    Args:
        kind: What is registered, for messages: "task", "reward".
        group: The entry-point group through which other packages add names; loaded only when a name is asked for.
        adopt: Makes what is registered of a name and what an entry point leads to; by default that itself.
    """

    def __init__(self, kind: str, group: str, adopt: Callable[[str, Any], T] | None = None) -> None:
        self.kind = kind
        self.group = group
        self.adopt = adopt
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument under ``name``; a name can be taken only once."""
        if not isinstance(name, str) or not name:
            raise ConfigError(f"A {self.kind} needs a name: write @register_{self.kind}('name'), got {name!r}.")

        def decorate(item: T) -> T:
            known = self._items.get(name)
            if known is not None and not _same_definition(known, item):
                raise ConfigError(f"The {self.kind} {name!r} is already registered by {known!r}: choose another name.")
            self._items[name] = item
            return item

        return decorate

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            self._load(name)
        if name not in self._items:
            raise ConfigError(f"Unknown {self.kind} {name!r}. {did_you_mean(name, self.names())}")
        return self._items[name]

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def names(self) -> list[str]:
        """Return all known names, sorted, those of installed packages included (without importing them)."""
        return sorted({*self._items, *(point.name for point in entry_points(group=self.group))})

    def plugins(self) -> list[Plugin]:
        """Return what installed packages announce, each imported and with what is wrong about it; nothing is raised."""
        found = []
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            problem = ""
            if _module(self._items.get(point.name)) == "textgym":
                problem = f"the name is taken: the {self.kind} {point.name!r} of textgym is used"
            else:
                try:
                    self[point.name]
                except ConfigError as error:
                    problem = str(error)
            found.append(Plugin(self.kind, point.name, point.value, _package(point), problem))
        return found

    def _load(self, name: str) -> None:
        points = tuple(entry_points(group=self.group, name=name))
        if len(points) > 1:
            told = ", ".join(sorted(f"{point.value!r} (package {_package(point)})" for point in points))
            raise ConfigError(f"The {self.kind} {name!r} is announced more than once: {told}. Uninstall one of them.")
        for point in points:
            try:
                self._take(name, point.load())
            except (Exception, SystemExit) as error:
                raise ConfigError(
                    f"The {self.kind} {name!r} comes from {point.value!r} (package {_package(point)}), "
                    f"which fails to import: {type(error).__name__}: {error}."
                ) from error

    def _take(self, name: str, item: Any) -> None:
        """Register what an entry point leads to, unless its import did so itself."""
        if name in self._items:
            return
        if isinstance(item, ModuleType):
            raise ConfigError(f"importing {item.__name__!r} registers no {self.kind} {name!r}")
        self._items[name] = self.adopt(name, item) if self.adopt else item


def _module(item: object) -> str:
    return str(getattr(item, "__module__", "")).partition(".")[0]


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def _same_definition(old: object, new: object) -> bool:
    """Whether ``new`` is ``old`` defined again, as happens when a notebook cell or a module is run twice."""
    where = [(getattr(x, "__module__", None), getattr(x, "__qualname__", None)) for x in (old, new)]
    return where[0] == where[1] and where[0] != (None, None)
