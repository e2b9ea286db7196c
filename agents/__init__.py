"""Transformer policies for Stable-Baselines3 and the algorithms that teach them.

>>> from agents import PPO, TransformerPolicy, make_vec_env
>>> envs = make_vec_env("textgym/Translation-v0", num_envs=64)
>>> model = PPO(TransformerPolicy, envs, policy_kwargs=dict(model={"model_type": "gpt2", "n_embd": 128, "n_layer": 2}))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.algorithms.a2c import A2C
    from agents.algorithms.ppo import PPO
    from agents.algorithms.sft import SFT
    from agents.buffer import SequenceRolloutBuffer
    from agents.drift import measure_drift
    from agents.evaluation import evaluate
    from agents.policy import TransformerPolicy
    from agents.report import Report
    from agents.response_files import write_responses
    from agents.significance import compare
    from agents.vec_env import make_vec_env

__all__ = [
    "A2C",
    "PPO",
    "SFT",
    "SequenceRolloutBuffer",
    "TransformerPolicy",
    "make_vec_env",
    "evaluate",
    "compare",
    "measure_drift",
    "write_responses",
    "Report",
]

_HOMES = {
    "A2C": "agents.algorithms.a2c",
    "PPO": "agents.algorithms.ppo",
    "SFT": "agents.algorithms.sft",
    "SequenceRolloutBuffer": "agents.buffer",
    "TransformerPolicy": "agents.policy",
    "compare": "agents.significance",
    "evaluate": "agents.evaluation",
    "measure_drift": "agents.drift",
    "write_responses": "agents.response_files",
    "Report": "agents.report",
    "make_vec_env": "agents.vec_env",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: torch takes seconds, and ``textgym train --help`` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'agents' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
