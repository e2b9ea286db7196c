"""A learning pass whose weights, gradients and optimizer state lie in parts, one in each process (FSDP).

Between passes a process holds its part of everything. For a pass, and for as long as the network writes, the weights
are put together in every process: one gathering for a whole rollout or a whole pass, none per token. What stays in
parts is what takes most of the memory, the gradients and the optimizer's state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from agents.learning.optimizers import MuonAdam
from agents.models.network import TextNetwork
from agents.parallel.shared_pass import PassModule, SharedPass
from textgym.errors import ConfigError

Tree = TypeVar("Tree")


class ShardedPass(SharedPass):
    """Shares the sequences as :class:`SharedPass` does, and the weights too.

    Args:
        network: Its parameters are replaced by their parts.
        optimizer: Moves the parts from now on.
        rank: Of this process.
        count: Of processes.

    Raises:
        ConfigError: The network or the optimizer is of a kind that was never tried in parts.
    """

    def __init__(self, network: TextNetwork, optimizer: torch.optim.Optimizer, rank: int, count: int) -> None:
        _refuse_untried(network, optimizer)
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        mesh = init_device_mesh(network.device.type, (count,))
        module = PassModule(network)
        fully_shard(module, mesh=mesh)
        super().__init__(network, module, rank, count)
        parts = dict(network.named_parameters())
        for group in optimizer.param_groups:
            group["params"] = [parts[names[id(parameter)]] for parameter in group["params"]]

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Hold all weights in every process, in a block."""
        module = cast(FSDPModule, self.module)
        module.unshard()
        try:
            yield
        finally:
            module.reshard()


def _refuse_untried(network: TextNetwork, optimizer: torch.optim.Optimizer) -> None:
    untried = {
        "adapters (lora)": network.lora is not None,
        "unfrozen_layers": network.unfrozen_layers is not None,
        "the optimizer muon": isinstance(optimizer, MuonAdam),
    }
    for name, is_there in untried.items():
        if is_there:
            raise ConfigError(f"With weights in parts (FSDP), {name} cannot be used: launch with ddp.yaml instead.")


def whole_state(network: TextNetwork) -> dict[str, torch.Tensor]:
    """Return the state of a network, whole and on the CPU; what is one parameter under two names is one tensor."""
    parameters = dict(network.named_parameters(remove_duplicate=False))
    once = {id(parameter): put_together(parameter.detach()) for parameter in network.parameters()}
    return {
        name: once[id(parameters[name])] if name in parameters else value
        for name, value in network.state_dict().items()
    }


def put_together(tree: Tree) -> Tree:
    """Return nested values in which tensors that lie in parts are whole, on the CPU; every process must ask."""
    if isinstance(tree, DTensor):
        return cast(Tree, tree.full_tensor().cpu())
    if isinstance(tree, Mapping):
        return cast(Tree, {key: put_together(value) for key, value in tree.items()})
    if isinstance(tree, list):
        return cast(Tree, [put_together(value) for value in tree])
    return tree


def take_apart(whole: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a tensor as parts, if ``like`` is one of its shape that lies in parts."""
    if not isinstance(like, DTensor) or isinstance(whole, DTensor) or whole.shape != like.shape:
        return whole
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)
