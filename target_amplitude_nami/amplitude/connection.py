"""HTTP connections on which every wait ends, whatever the other side does.

It is imported with the first request, as it loads `requests`.
"""

from __future__ import annotations

import dataclasses
import functools
import http.client
import io
import logging
import math
import socket
import ssl
import time
import typing as t

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from target_amplitude_nami.amplitude.responses import Response

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer
    from urllib3.connectionpool import HTTPConnectionPool

    from target_amplitude_nami.amplitude.destination import Destination

MOST_ANSWER_BYTES: t.Final = 1 << 20
"""Of a response on the wire with its head, and of its body uncompressed."""
TOO_LONG: t.Final = f"the answer is longer than {MOST_ANSWER_BYTES:,} bytes"

_INTERIM: t.Final = frozenset(range(100, 200)) - {http.client.SWITCHING_PROTOCOLS}
_MOST_UNSENT_BYTES: t.Final = 1 << 18
"""How much the system may buffer; with more, nobody would know on a slow line when the
last byte has left."""


# It would log a traceback for a malformed header.
logging.getLogger(HTTPConnection.__module__).setLevel(logging.ERROR)


def open_session(destination: Destination, *, trusts_environment: bool) -> _Session:
    """Return a session whose requests all end: see `Connection`.

    Args:
        destination: Where its requests go, and within which times.
        trusts_environment: Whether the environment may name a proxy.
    """
    session = _Session(destination.read_timeout)
    session.headers.update(
        {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": destination.user_agent,
        }
    )
    if destination.gzip:
        session.headers["Content-Encoding"] = "gzip"
    session.trust_env = trusts_environment
    session.auth = lambda request: request  # else a password of ~/.netrc is added
    return session


def exchange(
    session: requests.Session, destination: Destination, body: bytes
) -> Response:
    """Send a body and read the response.

    Raises:
        OSError: When there is no response, a `requests.RequestException` as a rule.
        ValueError: When what came is no HTTP.
    """
    try:
        with session.post(
            destination.url,
            # As a file: in one piece, it would all have to leave within one timeout,
            # which a slow line cannot do.
            data=io.BytesIO(body),
            timeout=(destination.connect_timeout, destination.read_timeout),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = response.raw.read(MOST_ANSWER_BYTES + 1, decode_content=True)
    except HTTPError as error:
        if isinstance(error, ValueError):  # of the URL
            raise
        raise requests.ConnectionError(error) from error
    if len(content) > MOST_ANSWER_BYTES:
        raise requests.ConnectionError(TOO_LONG)
    return Response(response.status_code, response.headers, content)


@dataclasses.dataclass(frozen=True, slots=True)
class Tls:
    """What a connection is protected by."""

    version: str
    expires: str | None
    """Until when the certificate is valid, as OpenSSL writes it."""


def connect(destination: Destination, *, trusts_environment: bool) -> Tls | None:
    """Connect as a request would, through the proxy if there is one; send nothing.

    Returns:
        What the connection is protected by; None for one that is not.

    Raises:
        OSError: When there is no connection, a `requests.RequestException` as a rule.
        ValueError: When what came is no HTTP.
    """
    with open_session(destination, trusts_environment=trusts_environment) as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(destination.read_timeout, _stop))
        try:
            exchange(session, destination, b"")
        except _ConnectedError as connected:
            return connected.tls
    return None  # pragma: no cover - the adapter sees to it


class _ConnectedError(Exception):
    """There is a connection, and nothing is to be sent on it."""

    def __init__(self, tls: Tls | None) -> None:
        super().__init__()
        self.tls = tls


def _stop(connection: Connection) -> t.NoReturn:
    peer = connection.sock
    if not isinstance(peer, ssl.SSLSocket):
        raise _ConnectedError(None)
    expires = (peer.getpeercert() or {}).get("notAfter")
    raise _ConnectedError(
        Tls(peer.version() or "TLS", expires if isinstance(expires, str) else None)
    )


class _Session(requests.Session):
    def __init__(self, send_timeout: float) -> None:
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(send_timeout))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect: `requests` would read all of its body for that."""


class _Adapter(HTTPAdapter):
    def __init__(
        self,
        send_timeout: float,
        on_connected: Callable[[Connection], None] | None = None,
    ) -> None:
        self._send_timeout = send_timeout
        self._on_connected = on_connected
        super().__init__()

    def get_connection_with_tls_context(
        self, *args: t.Any, **kwargs: t.Any
    ) -> HTTPConnectionPool:
        pool = t.cast(
            "HTTPConnectionPool",
            super().get_connection_with_tls_context(*args, **kwargs),
        )
        pool.ConnectionCls = _ending(
            pool.ConnectionCls, self._send_timeout, self._on_connected
        )
        return pool


class Connection(HTTPConnection):
    """Limits each wait, as `urllib3` does, and a response as a whole.

    The timeout for connecting covers the proxy's response, too; that for reading covers
    all of a response, from the last byte sent on.
    """

    send_timeout: float
    on_connected: tuple[Callable[[Connection], None], ...]
    """Called before anything is sent."""

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
        for call in self.on_connected:
            call(self)
        self.timeout = self.send_timeout
        super().request(*args, **kwargs)


@functools.cache
def _ending(
    kind: type[t.Any],
    send_timeout: float,
    on_connected: Callable[[Connection], None] | None = None,
) -> type[t.Any]:
    """Return a kind of connection, such as HTTPS or SOCKS, with the limits added."""
    if issubclass(kind, Connection):
        return kind
    limits = {
        "response_class": _Response,
        "send_timeout": send_timeout,
        "on_connected": () if on_connected is None else (on_connected,),
    }
    return type(kind.__name__, (Connection, kind), limits)


class _Response(http.client.HTTPResponse):
    """A response that has to arrive within the timeout that its socket has at first."""

    def __init__(self, sock: socket.socket, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Limited(sock, self.fp.detach()))

    def begin(self, **options: t.Any) -> None:
        """Read the head; skip interim responses such as `103 Early Hints`."""
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
