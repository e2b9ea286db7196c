"""Transformer policies for Stable-Baselines3 and the algorithms that teach them.

>>> from agents import PPO, TransformerPolicy, make_vec_env
>>> envs = make_vec_env("textgym/Translation-v0", num_envs=64)
>>> model = PPO(TransformerPolicy, envs, policy_kwargs=dict(model={"model_type": "gpt2", "n_embd": 128, "n_layer": 2}))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.algorithms.a2c import A2C
    from agents.algorithms.grpo import GRPO
    from agents.algorithms.ppo import PPO
    from agents.algorithms.rloo import RLOO
    from agents.algorithms.sft import SFT
    from agents.evaluation.drift import measure_drift
    from agents.evaluation.evaluate import evaluate
    from agents.evaluation.report import Report
    from agents.evaluation.response_files import write_responses
    from agents.evaluation.significance import compare
    from agents.evaluation.swap import SwapReport, swap_test
    from agents.learning.buffer import SequenceRolloutBuffer
    from agents.pointer_policy import PointerPolicy
    from agents.policy import TransformerPolicy
    from agents.vec_env import make_vec_env

__all__ = [
    "A2C",
    "PPO",
    "RLOO",
    "GRPO",
    "SFT",
    "SequenceRolloutBuffer",
    "TransformerPolicy",
    "PointerPolicy",
    "make_vec_env",
    "evaluate",
    "compare",
    "measure_drift",
    "swap_test",
    "SwapReport",
    "write_responses",
    "Report",
]

_HOMES = {
    "A2C": "agents.algorithms.a2c",
    "PPO": "agents.algorithms.ppo",
    "RLOO": "agents.algorithms.rloo",
    "GRPO": "agents.algorithms.grpo",
    "SFT": "agents.algorithms.sft",
    "SequenceRolloutBuffer": "agents.learning.buffer",
    "TransformerPolicy": "agents.policy",
    "PointerPolicy": "agents.pointer_policy",
    "compare": "agents.evaluation.significance",
    "evaluate": "agents.evaluation.evaluate",
    "measure_drift": "agents.evaluation.drift",
    "swap_test": "agents.evaluation.swap",
    "SwapReport": "agents.evaluation.swap",
    "write_responses": "agents.evaluation.response_files",
    "Report": "agents.evaluation.report",
    "make_vec_env": "agents.vec_env",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: torch takes seconds, and ``textgym train --help`` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'agents' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
