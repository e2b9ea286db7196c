"""Benchmarks that papers compare on, each a declaration over :class:`~textgym.tasks.published.task.PublishedTask`.

Files without a registered task hold what several share. Data comes from the Hugging Face hub, or from the published
files.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
