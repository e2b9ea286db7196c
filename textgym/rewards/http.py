"""A reward that an HTTP server gives."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from textgym.errors import ConfigError
from textgym.permissions import require_permission
from textgym.registration import refuse_unknown, rewards
from textgym.rewards.outside import LONGEST_ANSWER, OutsideError, OutsideReward

LOCAL = ("127.0.0.1", "::1", "localhost")
TRANSIENT = (408, 425, 429)  # and all from 500 on


class Deadline:
    """Cuts a connection after some seconds; the connection's own timeout begins anew with each byte that arrives."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._timer = Timer(seconds, self._pass)
        self._timer.daemon = True

    def watch(self, connection: http.client.HTTPConnection) -> None:
        """Connect, and count from now on."""
        self._timer.start()
        connection.connect()
        self._socket = connection.sock

    def cancel(self) -> None:
        """Count no longer."""
        self._timer.cancel()

    def _pass(self) -> None:
        self.passed = True
        if self._socket is not None:
            with suppress(OSError):  # it may have just ended by itself
                self._socket.shutdown(socket.SHUT_RDWR)


class HttpReward(OutsideReward):
    """Asks a server: a POST holds the question of :mod:`textgym.rewards.outside`, its reply the answer.

    Proxies and redirections are not followed. A metric that needs an environment of its own, as COMET and BLEURT do,
    is a server of some lines there. As text, ``http(url='http://127.0.0.1:8000/score')``, only this machine may be
    named, unless the address was permitted (:mod:`textgym.permissions`).

    Args:
        url: Where to; http or https.
        headers: Further headers, such as a token; they are told nowhere.
        options: As for :class:`~textgym.rewards.outside.OutsideReward`.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> None:
        refuse_unknown("The reward 'http'", options, OutsideReward)
        super().__init__(**{"name": "http", **options})
        try:
            parts = urlsplit(url)
            self.host, self.port = parts.hostname or "", parts.port
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"The url of a reward cannot be read: {error}.") from error
        if parts.scheme not in ("http", "https") or not self.host or parts.username is not None:
            raise ConfigError(
                f"The url of a reward is http://host:port/path or https://..., without a user name (a token goes into "
                f"headers), got one of scheme {parts.scheme!r} and host {self.host!r}."
            )
        self.secure = parts.scheme == "https"
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.headers = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}

    def ask(self, question: bytes, timeout: float) -> bytes:
        """Return the body of the reply."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=timeout)
        late = Deadline(timeout)
        try:
            late.watch(connection)
            connection.request("POST", self.path, question, self.headers)
            reply = connection.getresponse()
            body = reply.read(LONGEST_ANSWER + 1)
        except ssl.SSLCertVerificationError as error:
            raise OutsideError(f"{self._where} has a certificate that cannot be trusted: {error}.", True) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            late_too = isinstance(error, TimeoutError)
            raise OutsideError(f"{self._where}: {type(error).__name__}: {error}.", late=late_too) from error
        finally:
            late.cancel()
            connection.close()
            if late.passed:
                raise OutsideError(f"{self._where} gave no whole answer within {timeout:.3g} s.", late=True)
        return self._checked(reply, body)

    def _checked(self, reply: http.client.HTTPResponse, body: bytes) -> bytes:
        status = f"{self._where} answers with status {reply.status} {reply.reason}"
        if reply.status in TRANSIENT or reply.status >= 500:
            raise OutsideError(f"{status}: {body[:200]!r}.", pause=_pause(reply.headers.get("Retry-After")))
        if reply.status != 200:
            raise OutsideError(f"{status}: {body[:200]!r}.", lasting=True)
        if len(body) > LONGEST_ANSWER:
            raise OutsideError(f"{self._where} answers with more than {LONGEST_ANSWER} bytes.", lasting=True)
        if (length := reply.headers.get("Content-Length")) and length.isdigit() and len(body) < int(length):
            raise OutsideError(f"{self._where} broke off after {len(body)} of {length} bytes.")
        return body

    @property
    def _where(self) -> str:
        return f"the server {self.host}:{self.port or (443 if self.secure else 80)}"

    def __repr__(self) -> str:
        return f"HttpReward({self._where!r}, bounds={self.bounds!r})"


@rewards.register("http")
def http_reward(url: str, **options: Any) -> HttpReward:
    """A server's scores: ``http(url='http://127.0.0.1:8000/score')``; see HttpReward for the options."""
    reward = HttpReward(url, **options)
    if reward.host not in LOCAL:
        require_permission(url, "send texts to another machine", "pass HttpReward(url)")
    return reward


def _pause(retry_after: str | None) -> float | None:
    """Return the seconds that a server asks for; a date is not understood."""
    return float(retry_after) if retry_after and retry_after.isdigit() else None
