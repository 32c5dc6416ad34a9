"""HTTP connections on which every wait ends, whatever the other side does."""

from __future__ import annotations

import functools
import http.client
import io
import logging
import math
import socket
import time
import typing as t

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

if t.TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3.connectionpool import HTTPConnectionPool

MOST_ANSWER_BYTES: t.Final = 1 << 20
"""Of an answer as it is sent, its head and all, and of its body without compression."""
TOO_LONG: t.Final = f"the answer is longer than {MOST_ANSWER_BYTES:,} bytes"

_INTERIM: t.Final = frozenset(range(100, 200)) - {http.client.SWITCHING_PROTOCOLS}
_MOST_UNSENT_BYTES: t.Final = 1 << 18
"""What the system may take from us long before it can send it: of more, nobody would
know on a slow line when the last byte has left."""


# Of a header that makes no sense it would log a traceback.
logging.getLogger(HTTPConnection.__module__).setLevel(logging.ERROR)


class Session(requests.Session):
    """A session whose requests end: see `Connection`."""

    def __init__(self, send_timeout: float) -> None:
        """Open nothing yet.

        Args:
            send_timeout: Seconds after which a request fails that cannot be sent on.
        """
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(send_timeout))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect: `requests` would read all of its body for that."""


class _Adapter(HTTPAdapter):
    def __init__(self, send_timeout: float) -> None:
        self._send_timeout = send_timeout
        super().__init__()

    def get_connection_with_tls_context(
        self, *args: t.Any, **kwargs: t.Any
    ) -> HTTPConnectionPool:
        pool = t.cast(
            "HTTPConnectionPool",
            super().get_connection_with_tls_context(*args, **kwargs),
        )
        pool.ConnectionCls = _ending(pool.ConnectionCls, self._send_timeout)
        return pool


class Connection(HTTPConnection):
    """Has a limit for each wait, as `urllib3` has it, and for an answer as a whole.

    The timeout for connecting is one for the proxy's answer, too, and that for reading
    is for all of an answer, from the last byte sent on.
    """

    send_timeout: float

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            unsent = (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT_BYTES)
            options = kwargs.get(
                "socket_options", HTTPConnection.default_socket_options
            )
            kwargs["socket_options"] = [*options, unsent]
        super().__init__(*args, **kwargs)

    def request(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Connect within the timeout for that, and send with the one for sending."""
        if self.sock is None:
            self.connect()
        self.timeout = self.send_timeout
        super().request(*args, **kwargs)


@functools.cache
def _ending(kind: type[t.Any], send_timeout: float) -> type[t.Any]:
    """Return a kind of connection, such as HTTPS or SOCKS, with the limits added."""
    if issubclass(kind, Connection):
        return kind
    limits = {"response_class": _Response, "send_timeout": send_timeout}
    return type(kind.__name__, (Connection, kind), limits)


class _Response(http.client.HTTPResponse):
    """An answer that has to arrive within the timeout that its socket has at first."""

    def __init__(self, sock: socket.socket, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Limited(sock, self.fp.detach()))

    def begin(self, **options: t.Any) -> None:
        """Read the head of the answer; `103 Early Hints` and the like are none."""
        super().begin(**options)
        while self.status in _INTERIM:
            self.headers = None  # type: ignore[assignment] # so it goes on reading
            super().begin(**options)


class _Limited(io.RawIOBase):
    """Reads from a socket for as long as its timeout, in all, and not without end."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._socket = sock
        self._raw = raw
        timeout = sock.gettimeout()
        self._deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        self._bytes_left = MOST_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if self._bytes_left <= 0:
            raise OSError(TOO_LONG)
        self._socket.settimeout(left)
        count = self._raw.readinto(buffer)
        self._bytes_left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
