"""Small tasks with known answers, made without end from a seed: every file here registers the tasks that it holds.

``task`` is what they share, and ``generated`` makes their samples; ``letters``, ``people``, ``booking`` and
``small_grammar`` hold what they talk about.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
