"""Learned rewards: torch and transformers are imported when one of them is made, and nowhere else in textgym."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
