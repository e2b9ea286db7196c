"""One class that finds things by name: what is registered here, and what installed packages announce."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from textgym.errors import ConfigError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and what they stand for.

    Args:
        kind: What is registered, for messages: "task", "reward".
        group: The entry-point group through which other packages add names; loaded only when a name is asked for.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
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

    def _load(self, name: str) -> None:
        for point in entry_points(group=self.group, name=name):
            try:
                item = point.load()
            except Exception as error:
                raise ConfigError(
                    f"The {self.kind} {name!r} comes from {point.value!r} (package {point.dist and point.dist.name}), "
                    f"which fails to import: {type(error).__name__}: {error}."
                ) from error
            self._items.setdefault(name, item)


def _same_definition(old: object, new: object) -> bool:
    """Whether ``new`` is ``old`` defined again, as happens when a notebook cell or a module is run twice."""
    where = [(getattr(x, "__module__", None), getattr(x, "__qualname__", None)) for x in (old, new)]
    return where[0] == where[1] and where[0] != (None, None)
