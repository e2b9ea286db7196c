"""The verbs of the command line that need a learner: ``train``, ``eval``, ``demo``, ``plan`` and ``train-scorer``."""

from agents.commands.evaluating import evaluate, find_subject
from agents.commands.planning import plan
from agents.commands.scorers import train_scorer
from agents.commands.training import demo, train

__all__ = ["demo", "evaluate", "find_subject", "plan", "train", "train_scorer"]
