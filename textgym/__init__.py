"""Language tasks as Gymnasium environments: an action is a token, a reward is a metric of the response.

>>> import gymnasium as gym
>>> import textgym
>>> env = gym.make("textgym/Translation-v0", reward="0.5*bleu + 0.5*rougeL")
"""

from typing import TYPE_CHECKING, Any

from textgym import rewards, tasks  # noqa: F401  (importing them registers what comes with the library)
from textgym.core import Reward, Sample, Task
from textgym.making import make, make_vec
from textgym.permissions import permit
from textgym.registration import (
    list_rewards,
    list_tasks,
    make_reward,
    make_task,
    register_edit_env,
    register_env,
    register_reward,
    register_task,
)
from textgym.simulators import Simulator, list_simulators, make_simulator, register_simulator
from textgym.spaces import TokenSpace

if TYPE_CHECKING:
    from textgym.checker import check_text_env
    from textgym.normalization import normalized_score
    from textgym.tokenizers import Tokenizer

__version__ = "0.1.0"

__all__ = [
    "Sample",
    "Task",
    "Reward",
    "Tokenizer",
    "TokenSpace",
    "make",
    "make_vec",
    "Simulator",
    "make_task",
    "make_reward",
    "list_tasks",
    "list_rewards",
    "register_task",
    "register_reward",
    "register_env",
    "register_edit_env",
    "check_text_env",
    "make_simulator",
    "list_simulators",
    "register_simulator",
    "permit",
    "normalized_score",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name == "Tokenizer":
        from textgym.tokenizers import Tokenizer

        return Tokenizer
    if name == "check_text_env":
        from textgym.checker import check_text_env

        return check_text_env
    if name == "normalized_score":
        from textgym.normalization import normalized_score

        return normalized_score
    raise AttributeError(f"module 'textgym' has no attribute {name!r}")
