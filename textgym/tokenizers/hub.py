"""The Hugging Face hub: what is cached is taken from there, and a hub that cannot be reached is not waited for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

HUB = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
PATIENCE = 3.0  # seconds; the hub's own client would go on trying for 46
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and tables for every model that is read or written."""
    from transformers.utils import logging

    drawn, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if drawn:
            logging.enable_progress_bar()


def hub_reachable() -> bool:
    """Whether asking the hub makes sense: not when the environment forbids it, nor without an answer in 3 seconds."""
    if any(os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in OFFLINE):
        return False
    answered: list[bool] = []
    # in a thread, because looking up a name has no time limit of its own
    attempt = threading.Thread(target=lambda: answered.append(_answers(*_address())), daemon=True)
    attempt.start()
    attempt.join(PATIENCE)
    return bool(answered) and answered[0]


def _address() -> tuple[str, int]:
    """Return host and port of what is asked first: the proxy where one is set, else the hub."""
    hub = urlsplit(HUB)
    proxy = getproxies().get(hub.scheme)
    if proxy and not proxy_bypass(hub.hostname or ""):
        first = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        return first.hostname or "", first.port or (443 if first.scheme == "https" else 80)
    return hub.hostname or "", hub.port or (80 if hub.scheme == "http" else 443)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except (OSError, UnicodeError):
        return False
    return True
