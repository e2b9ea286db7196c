"""Who is evaluated: an algorithm, a policy, a checkpoint or a plain Hugging Face folder, seen alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import get_device

from agents.checkpoints.checkpoint import load_policy, writing_of
from agents.checkpoints.files import read_json
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.policy import TransformerPolicy
from textgym import TokenSpace
from textgym.errors import ConfigError


@dataclass(frozen=True)
class Subject:
    """A policy that is to answer prompts.

    Attributes:
        env_kwargs: The arguments of an environment that it was made for: lengths and what ends a response; where they
            are known, the tokenizer and the template.
        network_for: Gives its network for an environment's observation space.
    """

    env_kwargs: dict[str, Any]
    network_for: Callable[[TokenSpace], TextNetwork]


def subject_of(policy: BaseAlgorithm | TransformerPolicy | str | Path, device: torch.device | str) -> Subject:
    """Return the subject behind anything that :func:`agents.evaluate` takes."""
    if isinstance(policy, TransformerPolicy):
        return _made_for_a_space(policy, {})
    if isinstance(policy, BaseAlgorithm):
        return _made_for_a_space(cast(TransformerPolicy, policy.policy), writing_of(policy))
    folder = Path(policy)
    if (folder / "manifest.json").is_file():
        files = [folder / f"{name}.json" for name in ("tokenizer", "template")]
        writing = {file.stem: read_json(file) for file in files if file.is_file()}
        return _made_for_a_space(load_policy(folder, device), writing)
    return Subject({"tokenizer": f"hf:{policy}"}, lambda space: make_network(policy, space).to(get_device(device)))


def _made_for_a_space(policy: TransformerPolicy, writing: dict[str, Any]) -> Subject:
    network, space = policy.network, policy.network.space
    names = ("max_prompt_tokens", "max_new_tokens", "min_new_tokens")
    kwargs = {name: getattr(space, name) for name in names}
    kwargs |= {"stop": list(space.stop.strings)} if space.stop else {}
    kwargs |= {"stop_at_eos": False} if space.eos_id is None else {}

    def network_for(space: TokenSpace) -> TextNetwork:
        if network.space != space:
            raise ConfigError(
                f"The policy was made for {network.space}, the environment has {space}: give the environment the same "
                "tokenizer, lengths, stop strings and banned tokens."
            )
        return network.eval()

    return Subject(kwargs | writing, network_for)
