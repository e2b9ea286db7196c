"""Tasks whose drafts are edited, and the environment in which the draft of any task is."""

import importlib
import pkgutil

from textgym.registration import register_edit_env

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

register_edit_env("textgym/Edit-v0", task="translation", corruption={"language": "de"}, max_draft_tokens=48)
