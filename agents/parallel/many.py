"""Several processes that learn together, through Accelerate and torch.distributed."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from stable_baselines3.common.utils import get_device

import textgym.errors
from agents.models.network import TextNetwork
from agents.parallel.peers import Peers
from agents.parallel.processes import Processes
from agents.parallel.sharded_pass import ShardedPass, put_together, take_apart, whole_state
from agents.parallel.shared_pass import PassModule, SharedPass
from agents.parallel.zero_pass import ZeroPass, choose_device
from textgym.errors import ProcessError, TextGymError

T = TypeVar("T")
PATIENCE = timedelta(days=365)  # for what the first process does alone, which may take as long as it likes


class ManyProcesses(Processes):
    """One of several processes.

    Arrays and JSON values go through gloo and the memory of the CPU, whatever device computes; gradients, and the
    numbers that they are gradients of, through the backend of the device.

    Args:
        accelerator: Knows the processes.
        timeout_seconds: How long one waits for the others.
    """

    def __init__(self, accelerator: Accelerator, timeout_seconds: float) -> None:
        self.accelerator = accelerator
        self.rank = accelerator.process_index
        self.count = accelerator.num_processes
        self.timeout_seconds = timeout_seconds
        self._host = dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_seconds))
        self._patient = dist.new_group(backend="gloo", timeout=PATIENCE)
        self.shards = _is_asked_for("ACCELERATE_USE_FSDP")
        self.deepspeed = _is_asked_for("ACCELERATE_USE_DEEPSPEED")
        self._sharded: WeakKeyDictionary[TextNetwork, ShardedPass] = WeakKeyDictionary()
        self.peers = Peers(self.values(Peers.this()))

    @classmethod
    def launched(cls, device: str, timeout_seconds: float) -> ManyProcesses:
        """Return the processes that were launched with this one; none begins before all are there."""
        kind = get_device(device).type
        if _is_asked_for("ACCELERATE_USE_DEEPSPEED"):
            choose_device(kind)
        handlers = [
            InitProcessGroupKwargs(timeout=timedelta(seconds=timeout_seconds)),
            DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False),  # a head may not learn
        ]
        return cls(Accelerator(cpu=kind == "cpu", mixed_precision="no", kwargs_handlers=handlers), timeout_seconds)

    def leave(self) -> None:
        """End the connections; the processes are not known to Accelerate any more."""
        dist.destroy_process_group()
        self.accelerator.state._reset_state(reset_partial_state=True)

    def joined(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the rows of all processes, one process after the other."""
        rows = np.ascontiguousarray(array)
        parts = self._bytes(rows.tobytes(), self._host, "joined")
        shape = (-1, *array.shape[1:])
        return np.concatenate([np.frombuffer(part, dtype=array.dtype).reshape(shape) for part in parts])

    def values(self, value: Any) -> list[Any]:
        """Return the JSON value of each process."""
        return self._values(value, self._host, "values")

    def of_first(self, value: T) -> T:
        """Return the JSON value of the first process."""
        first: T = self.values(value if self.is_first else None)[0]
        return first

    def largest(self, number: float) -> float:
        """Return the largest number that a process gives."""
        return float(max(self._values(float(number), self._host, "largest")))

    def once(self, work: Callable[[], object]) -> None:
        """Let the first process do something, while the others wait, however long; all raise its error."""
        self._bytes(b"", self._host, "once")  # all have come so far: the patience is for the first one's work alone
        problem: Exception | None = None
        if self.is_first:
            try:
                work()
            except Exception as error:
                problem = error
        told = self._values(_told(problem), self._patient, "once")[0]
        if problem is not None:
            raise problem
        if told is not None:
            raise _error(*told)

    def in_turn(self, work: Callable[[], T]) -> T:
        """Let the first process do something, then the others; all raise the error of the first."""
        results: list[T] = []
        self.once(lambda: results.append(work()))
        return results[0] if self.is_first else work()

    def silenced(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """Return ``say`` for the first process, and for the others what says nothing."""
        return say if self.is_first else lambda line: None

    @contextmanager
    def own_randomness(self, device: torch.device) -> Iterator[None]:
        """Draw, in a block, from a generator that is another one in each process; the common one stands still."""
        seed = int(torch.randint(2**62, ()))
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed + self.rank)
            yield

    def check_in_step(self) -> None:
        """Raise ProcessError unless the processes' random generators are in the same state."""
        digest = hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
        if len(set(self.values(digest))) > 1:
            raise ProcessError(
                "The processes have drawn different random numbers, so that they would no longer learn the same: "
                "something in a callback, a reward or a model draws from torch's generator in some processes only."
            )

    def learning_pass(self, network: TextNetwork, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> SharedPass:
        """Return the learning pass that is shared; all processes get the weights of the first."""
        if self.deepspeed:
            return ZeroPass(network, optimizer, max_grad_norm, self.rank, self.count)
        if self.shards:
            self._sharded[network] = sharded = ShardedPass(network, optimizer, self.rank, self.count)
            return sharded
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch, about an argument that Accelerate passes
            module = self.accelerator.prepare(PassModule(network))
        return SharedPass(network, module, self.rank, self.count)

    def whole(self, network: TextNetwork) -> AbstractContextManager[Any]:
        """Hold all weights of a network in a block."""
        sharded = self._sharded.get(network)
        return nullcontext() if sharded is None else sharded.whole()

    def whole_state(self, network: TextNetwork) -> dict[str, torch.Tensor]:
        """Return the state of a network, whole; every process must ask."""
        return whole_state(network) if network in self._sharded else super().whole_state(network)

    def put_together(self, tree: T) -> T:
        """Return nested values in which tensors that lie in parts are whole."""
        return put_together(tree)

    def take_apart(self, whole: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Return a tensor in parts, where ``like`` lies in parts."""
        return take_apart(whole, like)

    def _values(self, value: Any, group: Any, purpose: str) -> list[Any]:
        return [json.loads(text) for text in self._bytes(json.dumps(value).encode(), group, purpose)]

    def _bytes(self, own: bytes, group: Any, purpose: str) -> list[bytes]:
        """Return the bytes of each process.

        Raises:
            ProcessError: Another process exchanges something else.
        """
        heads = [torch.zeros(2, dtype=torch.int64) for _ in range(self.count)]
        dist.all_gather(heads, torch.tensor([len(own), zlib.crc32(purpose.encode())]), group=group)
        sizes = [int(size) for size, _ in heads]
        if len({int(mark) for _, mark in heads}) > 1:
            raise ProcessError(
                "The processes are at different places of the program: learn, save, load and evaluate are for all of "
                "them to call, in the same order; only what prints or writes by itself belongs under is_first."
            )
        longest = max(1, *sizes)
        parts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.count)]
        dist.all_gather(parts, torch.frombuffer(bytearray(own.ljust(longest, b"\0")), dtype=torch.uint8), group=group)
        return [part.numpy().tobytes()[:size] for part, size in zip(parts, sizes, strict=True)]


def _is_asked_for(variable: str) -> bool:
    """Whether Accelerate's launcher was told to use something."""
    return os.environ.get(variable, "false").lower() == "true"


def _told(problem: Exception | None) -> list[str] | None:
    return None if problem is None else [type(problem).__name__, str(problem)]


def _error(name: str, text: str) -> Exception:
    """Return the error of another process, of its class where that is one of this library's."""
    kind = getattr(textgym.errors, name, None)
    if isinstance(kind, type) and issubclass(kind, TextGymError) and kind is not textgym.errors.MissingExtraError:
        return kind(text)
    return ProcessError(f"The first process failed: {name}: {text}")


@contextmanager
def translated(processes: ManyProcesses) -> Iterator[None]:
    """Say which process has ended where torch.distributed says that a connection has."""
    try:
        yield
    except RuntimeError as error:
        if not _is_of_connections(error):
            raise
        raise ProcessError(
            f"{processes.peers.missing(processes.timeout_seconds)} Nothing can be learned without it, and this process "
            "ends too. What was saved stays: textgym train --resume RUN_FOLDER, under the launcher, goes on from there."
        ) from error


def _is_of_connections(error: RuntimeError) -> bool:
    marks = ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL")
    return isinstance(error, dist.DistError) or any(mark in str(error) for mark in marks)
