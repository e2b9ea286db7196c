"""A pointing policy as a checkpoint folder: its space and its model as JSON, its weights as safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.utils import get_device

from agents.checkpoints.files import read_json, write_json
from agents.checkpoints.folders import open_folder, write_folder
from agents.pointer_policy import PointerPolicy
from textgym.editing import EditActions, EditSpace
from textgym.errors import CheckpointError

KIND = "agents.PointerPolicy"
WEIGHTS = "weights.safetensors"


def save_pointer(policy: PointerPolicy, path: Path) -> None:
    """Write a policy as a checkpoint folder.

    Raises:
        CheckpointError: Something that is no checkpoint stands there, or the disk takes no more.
    """

    def write(folder: Path) -> None:
        write_json(folder / "policy.json", {"space": policy.network.space.to_json(), "model": policy.model_config})
        weights = {name: weight.detach().cpu().contiguous() for name, weight in policy.network.state_dict().items()}
        save_file(weights, folder / WEIGHTS)

    write_folder(path, KIND, write)


def load_pointer(path: Path, device: torch.device | str = "auto") -> PointerPolicy:
    """Read the policy in a checkpoint folder.

    Raises:
        CheckpointError: It is no checkpoint, of another kind of policy, or a file is missing or changed.
    """
    folder, manifest = open_folder(path)
    if manifest.get("kind") != KIND:
        raise CheckpointError(f"{path} holds {manifest.get('kind')}, not {KIND}: load it with its own class.")
    stored = read_json(folder / "policy.json")
    space = EditSpace.from_json(stored["space"])
    policy = PointerPolicy(space, EditActions(space).space, lambda _: 0.0, model=stored["model"])
    try:
        policy.network.load_state_dict(load_file(folder / WEIGHTS))
    except (RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"The weights in {folder} do not fit its policy.json: {error}") from error
    return policy.to(get_device(device))
