"""A learning pass whose gradients and optimizer state lie in parts, one in each process (ZeRO 2, of DeepSpeed).

The weights stay whole in every process, so that rollouts gather nothing. A backward pass leaves its gradients with the
processes whose part they are; a step moves the parts, and then all get all weights.
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from agents.models.network import TextNetwork
from agents.parallel.shared_pass import PassModule, SharedPass
from textgym.errors import ConfigError, ModelError

BUCKET = 50_000_000  # gradients, at most, that are summed at once; DeepSpeed keeps memory for them
TRIED = (torch.optim.Adam, torch.optim.SGD)  # each number is moved by itself, so that pieces may be flat


def choose_device(kind: str) -> None:
    """Let DeepSpeed compute where the processes do, and say nothing but errors; to be called before it is used.

    Args:
        kind: Of the device, as torch names it.
    """
    os.environ["DS_ACCELERATOR"] = kind  # looked at when it is imported first
    import deepspeed.ops

    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    if kind == "cpu":
        deepspeed.ops.__compatible_ops__ = {}  # or it compiles, for a minute, an exchange that is not used here


class ZeroPass(SharedPass):
    """Shares the sequences as :class:`SharedPass` does, and the gradients and the optimizer's state too.

    Args:
        network: Its parameters become views of one flat tensor.
        optimizer: Moves a part of it from now on; what :meth:`moving` gives takes its place.
        max_grad_norm: Gradients are clipped to this norm in every step.
        rank: Of this process.
        count: Of processes.

    Raises:
        ConfigError: The optimizer is of a kind that was never tried in parts, or the norm is not positive.
    """

    def __init__(
        self, network: TextNetwork, optimizer: torch.optim.Optimizer, max_grad_norm: float, rank: int, count: int
    ) -> None:
        if type(optimizer) not in TRIED:
            raise ConfigError(
                f"With gradients in parts (DeepSpeed), the optimizer must be Adam or SGD, got "
                f"{type(optimizer).__name__}: launch with ddp.yaml instead."
            )
        if not max_grad_norm > 0:
            raise ConfigError(f"max_grad_norm must be positive, float('inf') for no limit, got {max_grad_norm}.")
        groups = [list(group["params"]) for group in optimizer.param_groups]
        engine = _engine(PassModule(network), optimizer, max_grad_norm)
        super().__init__(network, engine, rank, count)
        self.optimizer = ZeroOptimizer(engine, optimizer, groups)

    def moving(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Return what moves the weights from now on."""
        return self.optimizer

    def step(self, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> float:
        """Move the weights, clipped to the norm that was given first; return the norm of the gradient."""
        optimizer.step()
        return self.optimizer.norm


class ZeroOptimizer(torch.optim.Optimizer):
    """Steps as DeepSpeed does, and tells its state as the optimizer of one process would.

    Args:
        engine: DeepSpeed's.
        own: The optimizer of this process's parts, whose groups, learning rates included, are those of this one.
        groups: The parameters of each of its groups, as they were before.

    Attributes:
        norm: Of the gradient of the latest step, before it was clipped.
    """

    def __init__(self, engine: Any, own: torch.optim.Optimizer, groups: list[list[Tensor]]) -> None:
        super().__init__(own.param_groups, {})
        self._engine, self._own, self._groups = engine, own, groups
        self.norm = math.nan

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move the weights; gradients are clipped here; ``closure`` is not for this optimizer.

        Raises:
            ModelError: The gradient is not finite; nothing has moved.
        """
        assert closure is None
        self._engine.optimizer.refresh_fp32_params()  # weights may have been loaded since the latest step
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch, about a function that DeepSpeed calls
            self._engine.step()
        self.norm = float(self._engine.get_global_grad_norm())
        if not math.isfinite(self.norm):
            raise ModelError(
                "The gradient of a step is not finite, so that the weights are as they were before it: take a smaller "
                "learning_rate, fewer epochs, or shorter responses."
            )
        torch.autograd.graph.increment_version([weight for group in self._groups for weight in group])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self._engine.optimizer.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the whole state, as the optimizer has it in one process, on the CPU; every process must ask."""
        stored = self._own.state_dict()
        state: dict[int, dict[str, Any]] = {}
        for number, weight, flat in self._parameters():
            entries = self._own.state.get(flat, {})
            if entries:
                state[number] = {name: _whole(value, weight, flat) for name, value in entries.items()}
        numbers = iter(range(sum(map(len, self._groups))))
        named = [[next(numbers) for _ in group] for group in self._groups]
        groups = [group | {"params": own} for group, own in zip(stored["param_groups"], named, strict=True)]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what the optimizer of any number of processes gave; each keeps its parts."""
        found: dict[Tensor, dict[str, Any]] = {}
        for number, weight, flat in self._parameters():
            for name, value in state_dict["state"].get(number, {}).items():
                _take_part(found.setdefault(flat, {}), name, value, weight, flat)
        self._own.state.clear()
        self._own.state.update(found)
        for group, stored in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({name: value for name, value in stored.items() if name != "params"})

    def _parameters(self) -> Iterator[tuple[int, Any, Tensor]]:
        """Yield, for each parameter, its number, itself, and the flat part of its group that lies here."""
        number = 0
        for group, own in zip(self._groups, self._own.param_groups, strict=True):
            for weight in group:
                yield number, weight, own["params"][0]
                number += 1


def _engine(module: torch.nn.Module, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> Any:
    """Return DeepSpeed's engine around a module; it sums the gradients of any number of backward passes."""
    import deepspeed

    size = sum(weight.numel() for group in optimizer.param_groups for weight in group["params"])
    bucket = min(BUCKET, size + size % 2)
    config = {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,
        "gradient_clipping": max_grad_norm,
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {
            "stage": 2,
            "overlap_comm": False,
            "reduce_bucket_size": bucket,
            "allgather_bucket_size": bucket,
        },
    }
    return deepspeed.initialize(model=module, optimizer=optimizer, config=config)[0]


def _whole(value: Any, weight: Any, flat: Tensor) -> Any:
    """Return what all processes together hold of a state for a parameter, on the CPU."""
    if not isinstance(value, Tensor):
        return value
    if value.shape != flat.shape:
        return value.clone()  # one for all parameters here, one for each in the state that is told
    whole = torch.zeros(weight.shape, dtype=value.dtype, device=value.device)
    mapping = weight._hp_mapping
    if mapping is not None:
        _here(whole.view(-1), mapping.lp_fragment_address).copy_(_here(value, mapping.hp_fragment_address))
    torch.distributed.all_reduce(whole)
    return whole.cpu()


def _take_part(entries: dict[str, Any], name: str, value: Any, weight: Any, flat: Tensor) -> None:
    """Enter this process's part of a parameter's state into that of the flat part."""
    if not isinstance(value, Tensor) or value.shape != weight.shape:
        entries[name] = value
        return
    held = entries.setdefault(name, torch.zeros_like(flat, requires_grad=False))
    mapping = weight._hp_mapping
    if mapping is not None:
        _here(held, mapping.hp_fragment_address).copy_(_here(value.reshape(-1), mapping.lp_fragment_address))


def _here(flat: Tensor, address: Any) -> Tensor:
    return flat.narrow(0, address.start, address.numel)
