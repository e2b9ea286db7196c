"""Who is evaluated: an algorithm, a policy, a checkpoint or a plain Hugging Face folder, seen alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import get_device

from agents.checkpoint import load_policy, tokenizer_of
from agents.models import TextNetwork
from agents.policy import TransformerPolicy
from agents.pretrained import make_network
from textgym import TokenSpace
from textgym.errors import ConfigError


@dataclass(frozen=True)
class Subject:
    """A policy that is to answer prompts.

    Attributes:
        env_kwargs: The arguments of an environment that it was made for: lengths, and the tokenizer where it is known.
        network_for: Gives its network for an environment's observation space.
    """

    env_kwargs: dict[str, Any]
    network_for: Callable[[TokenSpace], TextNetwork]


def subject_of(policy: BaseAlgorithm | TransformerPolicy | str | Path, device: torch.device | str) -> Subject:
    """Return the subject behind anything that :func:`agents.evaluate` takes."""
    if isinstance(policy, TransformerPolicy):
        return _made_for_a_space(policy, None)
    if isinstance(policy, BaseAlgorithm):
        return _made_for_a_space(cast(TransformerPolicy, policy.policy), tokenizer_of(policy))
    folder = Path(policy)
    if (folder / "manifest.json").is_file():
        tokenizer = folder / "tokenizer.json"
        return _made_for_a_space(load_policy(folder, device), str(tokenizer) if tokenizer.is_file() else None)
    return Subject({"tokenizer": f"hf:{policy}"}, lambda space: make_network(policy, space).to(get_device(device)))


def _made_for_a_space(policy: TransformerPolicy, tokenizer: Any) -> Subject:
    network = policy.network
    names = ("max_prompt_tokens", "max_new_tokens", "min_new_tokens")
    kwargs = {name: getattr(network.space, name) for name in names}

    def network_for(space: TokenSpace) -> TextNetwork:
        if network.space != space:
            raise ConfigError(
                f"The policy was made for {network.space}, the environment has {space}: give the environment the same "
                "tokenizer, lengths and banned tokens."
            )
        return network.eval()

    return Subject(kwargs if tokenizer is None else kwargs | {"tokenizer": tokenizer}, network_for)
