"""Users for dialogues: who answers the agent. Each file here registers a simulator when it is imported."""

from textgym.simulators import language_model, retrieval, rule  # noqa: F401  (importing them registers them)
from textgym.simulators.base import Simulator, Turn
from textgym.simulators.factory import list_simulators, make_simulator, register_simulator

__all__ = ["Simulator", "Turn", "make_simulator", "list_simulators", "register_simulator"]
