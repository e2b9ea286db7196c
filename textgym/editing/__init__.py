"""Drafts that are improved by edits: tokens are inserted, replaced and deleted, and each change of a metric is paid.

``space`` knows what an edit does and which are legal, ``actions`` how they are written; ``episodes`` holds the
arguments, ``env`` plays one episode, ``vector`` many; ``oracle`` knows the fewest edits to a reference.
"""

from textgym.editing.actions import EditActions
from textgym.editing.env import EditEnv
from textgym.editing.oracle import EditDemonstrations, shortest_edits
from textgym.editing.space import DELETE, INSERT, KINDS, REPLACE, STOP, Edits, EditSpace

__all__ = [
    "EditEnv",
    "EditSpace",
    "EditActions",
    "Edits",
    "STOP",
    "INSERT",
    "REPLACE",
    "DELETE",
    "KINDS",
    "shortest_edits",
    "EditDemonstrations",
]
