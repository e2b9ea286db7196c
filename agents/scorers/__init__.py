"""Scorers trained on people's judgments, which the reward ``scorer`` reads."""

from agents.scorers.config import ScorerConfig
from agents.scorers.train import train_scorer

__all__ = ["ScorerConfig", "train_scorer"]
