"""Tasks for other tools: JSON lines, data sets of the library ``datasets``, prompts and rewards for TRL."""

from textgym.export.dataset import to_dataset
from textgym.export.jsonl import write_jsonl
from textgym.export.trl import trl_dataset, trl_reward

__all__ = ["write_jsonl", "to_dataset", "trl_dataset", "trl_reward"]
