"""Dialogues of several turns: the environment, single and many at once, and the tasks that are played in turns.

``env`` and ``vector`` are the environments, ``episodes`` is what they share and ``lanes`` their state; ``task`` is what
a task adds, ``demonstrations`` what imitation learns from.
"""
