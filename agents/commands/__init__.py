"""The verbs of the command line that need a learner: ``textgym train``, ``textgym eval`` and ``textgym demo``."""

from agents.commands.evaluating import evaluate, find_subject
from agents.commands.training import demo, train

__all__ = ["demo", "evaluate", "find_subject", "train"]
