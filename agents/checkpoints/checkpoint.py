"""Checkpoints: folders of safetensors and JSON that are complete or absent, checked by hash, and never unpickled.

A checkpoint holds ``model/`` (a plain Hugging Face folder), ``value_head.safetensors``, ``policy.json``, and for an
algorithm also ``algorithm.json``, ``optimizer.*``, ``training_state.*``, ``tokenizer.json``, ``template.json`` and
``reference/``. ``manifest.json``, written last, lists every file with its SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from gymnasium import spaces
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.checkpoints.files import read_json, write_json
from agents.checkpoints.folders import open_folder, write_folder
from agents.checkpoints.training_state import TrainingState
from agents.learning.optimizers import MuonAdam
from agents.learning.reference import ReferencePolicy
from agents.models.engine import Engine
from agents.models.lora import Lora, load_plain, split_state
from agents.models.network import TextNetwork
from agents.models.truncation import Truncation
from agents.parallel.processes import current
from agents.policy import TransformerPolicy
from agents.vec_env import episodes_of
from textgym import TokenSpace
from textgym.errors import CheckpointError
from textgym.tokenizers.hub import quiet

Algorithm = TypeVar("Algorithm", bound=BaseAlgorithm)
BRANCH = "branch.safetensors"  # in the folder of a reference that is upper layers alone


def save_policy(policy: TransformerPolicy, path: Path) -> None:
    """Write a policy as a checkpoint folder."""
    weights = dict(policy.network.state_dict())
    write_folder(path, "agents.TransformerPolicy", lambda folder: _write_policy(policy, folder, weights))


def load_policy(path: Path, device: torch.device | str = "auto") -> TransformerPolicy:
    """Read the policy of any checkpoint folder."""
    folder, manifest = open_folder(path)
    if "model" not in {name.partition("/")[0] for name in manifest["files"]}:
        raise CheckpointError(f"{folder} holds {manifest['kind']}, not a policy that writes: use its own class.")
    stored = read_json(folder / "policy.json")
    space = TokenSpace.from_json(stored["space"])
    actions = spaces.Discrete(space.vocab_size)
    policy = TransformerPolicy(space, actions, lambda _: 0.0, model=str(folder), **stored["kwargs"])
    return policy.to(_device(device))


def save_algorithm(algorithm: Any, path: Path, notes: Mapping[str, Any] | None = None) -> None:
    """Write an algorithm of this library as a checkpoint folder; an ending ``.zip`` is left off.

    All processes that learn together call this, and the first one writes.

    Args:
        algorithm: During a rollout, what is written is its state at the rollout's beginning.
        path: The folder.
        notes: JSON values of one's own by the names of their files, such as ``{"run.json": {...}}``.
    """
    path = path.with_suffix("") if path.suffix == ".zip" else path
    state: TrainingState = algorithm.training_state()
    weights = current().whole_state(algorithm.policy.network)
    optimizer = current().put_together(algorithm.policy.optimizer.state_dict())

    def write(folder: Path) -> None:
        _write_policy(algorithm.policy, folder, weights)
        _write_optimizer(optimizer, folder)
        state.write(folder)
        plain = {"arguments": _plain_arguments(algorithm.arguments), "n_envs": algorithm.n_envs}
        write_json(folder / "algorithm.json", plain | {"counters": state.values["counters"]})
        for name, value in (notes or {}).items():
            write_json(folder / name, value)
        for name, value in writing_of(algorithm).items():
            write_json(folder / f"{name}.json", value)
        reference = getattr(algorithm, "reference", None)
        if reference is not None:
            _write_reference(reference, folder / "reference")

    current().once(lambda: write_folder(path, _kind(type(algorithm)), write))


def load_algorithm(
    cls: type[Algorithm], path: Path, env: Any, device: torch.device | str, changes: dict[str, Any]
) -> Algorithm:
    """Read an algorithm that :func:`save_algorithm` wrote; ``changes`` replace constructor arguments.

    With an environment it can go on learning: ``learn(n, reset_num_timesteps=False)`` goes on exactly where the
    checkpoint was written, if the environment is equal to the one of then and no other seed is asked for.
    """
    path = path.with_suffix("") if path.suffix == ".zip" else path
    folder, manifest = open_folder(path)
    if manifest["kind"] != _kind(cls):
        raise CheckpointError(
            f"{folder} holds {manifest['kind']}, not {_kind(cls)}: load it with that class, or start a new "
            f"{cls.__name__} from its weights with policy_kwargs=dict(model={str(folder)!r})."
        )
    state = read_json(folder / "algorithm.json")
    stored = {name: value for name, value in state["arguments"].items() if name not in changes}
    arguments = _live_arguments(stored, folder, learns=env is not None) | changes
    arguments["policy_kwargs"] = (arguments["policy_kwargs"] or {}) | {"model": str(folder)}
    algorithm = cls(TransformerPolicy, env, device=device, _init_setup_model=False, **arguments)  # type: ignore[call-arg]
    if env is None:
        space = TokenSpace.from_json(read_json(folder / "policy.json")["space"])
        algorithm.observation_space, algorithm.action_space = space, spaces.Discrete(space.vocab_size)
        algorithm.n_envs = state["n_envs"]
    algorithm._setup_model()
    _read_state(algorithm, folder, state)
    if env is not None and "seed" not in changes:
        algorithm._saved = TrainingState.read(folder)  # type: ignore[attr-defined]
    return algorithm


def _read_state(algorithm: Any, folder: Path, state: dict[str, Any]) -> None:
    for name, value in state["counters"].items():
        setattr(algorithm, name, value)
    _read_optimizer(algorithm.policy.optimizer, folder)
    if getattr(algorithm, "reference", None) is None:
        return
    if (folder / "reference" / BRANCH).is_file():
        algorithm.reference.branch.load_state_dict(load_file(folder / "reference" / BRANCH))
    elif (folder / "reference").is_dir():
        load_plain(algorithm.reference.network.model, load_file(folder / "reference" / "model.safetensors"))
        algorithm.reference.network.model.tie_weights()
    elif algorithm.policy.network.lora is not None:  # its adapters had not moved when the algorithm was made
        algorithm.reference = ReferencePolicy(algorithm.policy.network, shared=True)


def writing_of(algorithm: BaseAlgorithm) -> dict[str, Any]:
    """Return how an algorithm's environment writes, its tokenizer and template as JSON values; nothing without one."""
    episodes = None if algorithm.env is None else episodes_of(algorithm.env)
    if episodes is None:
        return {}
    return {"tokenizer": episodes.tokenizer.to_json(), "template": episodes.template.to_json()}


def _write_policy(policy: TransformerPolicy, folder: Path, weights: Mapping[str, torch.Tensor]) -> None:
    network = policy.network
    _write_model(network, folder / "model", _under("model.", weights))
    head = {name: weight.contiguous() for name, weight in _under("value_head.", weights).items()}
    save_file(head, folder / "value_head.safetensors")
    kwargs = {name: getattr(network, name) for name in ("temperature", "detach_value", "value_hidden")}
    if network.truncation:
        kwargs["truncation"] = network.truncation.to_json()
    if network.looks_back:
        kwargs["repetition_penalty"] = network.repetition_penalty
    if network.unfrozen_layers is not None:
        kwargs["unfrozen_layers"] = network.unfrozen_layers
    if network.engine:
        kwargs["engine"] = network.engine.to_json()
    if network.lora is not None:
        kwargs["lora"] = network.lora.to_json()
        save_file({k: v.contiguous() for k, v in split_state(network.model)[1].items()}, folder / "adapter.safetensors")
    write_json(folder / "policy.json", {"space": network.space.to_json(), "kwargs": kwargs})


def _under(prefix: str, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights of a part of a network, by their names there."""
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def _write_model(network: TextNetwork, folder: Path, weights: dict[str, torch.Tensor] | None = None) -> None:
    """Write the model as a plain Hugging Face folder, without the adapters that it may have.

    Args:
        network: Whose model.
        folder: Where to.
        weights: The model's, by name; None takes them from it.
    """
    with quiet():
        plain = weights if network.lora is None else split_state(network.model)[0]
        network.model.save_pretrained(folder, state_dict=plain)


def _write_reference(reference: ReferencePolicy, folder: Path) -> None:
    if reference.branch is not None:
        folder.mkdir()
        save_file({k: v.contiguous() for k, v in reference.branch.state_dict().items()}, folder / BRANCH)
    elif not reference.shared:
        _write_model(reference.network, folder)


def _write_optimizer(state: Mapping[str, Any], folder: Path) -> None:
    tensors, plain = {}, {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{index}.{name}"] = value.contiguous()
            else:
                plain[f"{index}.{name}"] = value
    save_file(tensors, folder / "optimizer.safetensors")
    write_json(folder / "optimizer.json", {"groups": state["param_groups"], "plain": plain})


def _read_optimizer(optimizer: torch.optim.Optimizer, folder: Path) -> None:
    stored = read_json(folder / "optimizer.json")
    entries: dict[int, dict[str, Any]] = {}
    tensors = {key: value.clone() for key, value in load_file(folder / "optimizer.safetensors").items()}  # off the file
    for key, value in (tensors | stored["plain"]).items():
        index, name = key.split(".", 1)
        entries.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": entries, "param_groups": stored["groups"]})
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                state[name] = current().take_apart(value, parameter)


def _plain_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return constructor arguments as JSON values; functions become ``{"function": name}``, which loading asks for."""
    plain: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, dict):
            plain[name] = _plain_arguments(value)
        elif isinstance(value, type) and issubclass(value, torch.optim.Optimizer):
            plain[name] = {"optimizer": value.__name__}
        elif isinstance(value, Truncation | Lora | Engine):
            plain[name] = value.to_json()
        elif callable(value):
            plain[name] = {"function": getattr(value, "__name__", type(value).__name__)}
        else:
            plain[name] = str(value) if isinstance(value, Path) else value
    return plain


def _live_arguments(stored: dict[str, Any], folder: Path, learns: bool) -> dict[str, Any]:
    live: dict[str, Any] = {}
    for name, value in stored.items():
        if isinstance(value, dict) and set(value) == {"function"}:
            if learns:
                raise CheckpointError(
                    f"{folder} was made with a function as {name}, which is not stored: pass {name}=..."
                )
            value = 0.0  # a schedule, which nobody asks who only predicts
        if isinstance(value, dict) and set(value) == {"optimizer"}:
            value = _optimizer_class(value["optimizer"], folder)
        elif isinstance(value, dict):
            value = _live_arguments(value, folder, learns)
        live[name] = value
    return live


def _optimizer_class(name: str, folder: Path) -> type[torch.optim.Optimizer]:
    found = MuonAdam if name == MuonAdam.__name__ else getattr(torch.optim, name, None)
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)):
        raise CheckpointError(f"{folder} names the optimizer {name!r}, which torch.optim does not have.")
    return found


def _kind(cls: type) -> str:
    return f"agents.{cls.__name__}"


def _device(device: torch.device | str) -> torch.device:
    from stable_baselines3.common.utils import get_device

    return get_device(device)
