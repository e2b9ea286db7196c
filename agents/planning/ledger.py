"""A ledger of tensors: which exist at what time, how large they are, and what they are for."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PASSING = "passing arrays"
ATEN = torch.ops.aten
COPYING = {ATEN._log_softmax.default, ATEN._softmax.default}  # their kernels copy what is not contiguous
LARGE = 2**25  # bytes from which on glibc gives an array back to the system as soon as nothing refers to it
INDEXED = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default}


@dataclass
class _Entry:
    """A storage: its bytes, what it is for, and the times of its birth and death."""

    size: int
    label: str
    birth: int
    death: float = float("inf")


class Ledger(TorchDispatchMode):
    """Within, notes the storage of every tensor that an operation makes, until nothing refers to it any more.

    It also lets tensors without contents meet real ones: a real mask selects as many rows of them as it is true, and
    where a number is read off one, that is 1, or true.

    Args:
        widths: What a tensor is for that is no label's, by the length of its last dimension.
    """

    def __init__(self, widths: Mapping[int, str] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self._live_large = 0
        self._widths = dict(widths or {})
        self._entries: list[_Entry] = []
        self._known: dict[int, _Entry] = {}  # by the address of a storage
        self._watchers: dict[int, Any] = {}
        self._time = 0
        self.begin()

    def begin(self) -> None:
        """Begin a period, of which the peak is wanted, and those of the arrays that are large and that are not."""
        self.peak, self._peak_time = self.live, self._time
        self.large, self.small = self._live_large, self.live - self._live_large

    def label(self, name: str, tensors: Iterable[Tensor]) -> int:
        """Say what tensors are for; return the bytes of their storages, each counted once."""
        entries = {id(entry): entry for tensor in tensors if (entry := self._note(tensor))}
        for entry in entries.values():
            entry.label = name
        return sum(entry.size for entry in entries.values())

    def label_rest(self, name: str) -> None:
        """Say what all that exists is for, of which nothing was said yet."""
        for entry in self._known.values():
            if entry.label == PASSING:
                entry.label = name

    def at_peak(self) -> dict[str, int]:
        """Return the bytes that existed at the peak of the present period, by what they were for."""
        found: dict[str, int] = {}
        for entry in self._entries:
            if entry.birth <= self._peak_time < entry.death:
                found[entry.label] = found.get(entry.label, 0) + entry.size
        return found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and note what it made."""
        if func is ATEN._local_scalar_dense.default and isinstance(args[0], FakeTensor):
            return True if args[0].dtype == torch.bool else 1
        if func in INDEXED:
            args = (args[0], [place for index in args[1] for place in _places(index)], *args[2:])
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._note(leaf)
        if func in COPYING and not args[0].is_contiguous():
            self._note(torch.empty_like(args[0], memory_format=torch.contiguous_format))
        return made

    def _note(self, tensor: Tensor) -> _Entry | None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known or not size:
            return self._known.get(key)
        self._time += 1
        label = self._widths.get(tensor.shape[-1], PASSING) if tensor.dim() > 1 else PASSING
        entry = _Entry(size, label, self._time)
        self._entries.append(entry)
        self._known[key] = entry
        self._watchers[key] = weakref.ref(storage, partial(self._forget, key))
        self._count(size, 1)
        if self.live > self.peak:
            self.peak, self._peak_time = self.live, self._time
        return entry

    def _count(self, size: int, sign: int) -> None:
        self.live += sign * size
        self._live_large += sign * size * (size >= LARGE)
        self.large = max(self.large, self._live_large)
        self.small = max(self.small, self.live - self._live_large)

    def _forget(self, key: int, _: Any) -> None:
        entry = self._known.pop(key)
        del self._watchers[key]
        self._time += 1
        entry.death = self._time
        self._count(entry.size, -1)


def _places(index: Any) -> list[Any]:
    """Return a real mask as the places where it is true: how many there are cannot be told from a size."""
    is_mask = isinstance(index, Tensor) and index.dtype == torch.bool and not isinstance(index, FakeTensor)
    return list(index.nonzero().unbind(1)) if is_mask else [index]
