"""Rewards: each file here may register some, and is found without being listed anywhere."""

from importlib import import_module
from pkgutil import iter_modules

from textgym.rewards.function import FunctionReward
from textgym.rewards.spec import make_reward
from textgym.rewards.weighted_sum import WeightedSum

__all__ = ["make_reward", "FunctionReward", "WeightedSum"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
