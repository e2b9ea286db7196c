"""English to German by a synchronous grammar: one abstract syntax, drawn once, and two linearisers.

``lexicon`` holds the words (JSON files), ``syntax`` the abstract sentences; ``grammar``, ``clauses`` and
``arguments`` draw them; ``english`` and ``german`` (with ``morphology``) put them into words; ``generated`` makes
samples of them.
"""

from textgym.tasks.translation.task import Translation

__all__ = ["Translation"]
