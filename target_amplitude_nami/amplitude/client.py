"""Sends one request to Amplitude and returns its `Answer`."""

from __future__ import annotations

import functools
import gzip
import ipaddress
import typing as t
from urllib.parse import urlsplit

from target_amplitude_nami.amplitude.name_lookup import NameLookup
from target_amplitude_nami.amplitude.redacted_quotes import RedactedQuotes
from target_amplitude_nami.amplitude.responses import Response, parse_response

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import requests

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.destination import Destination

_GZIP_LEVEL = 1
"""In the standard library, three times faster than its default for a sixth more bytes;
ISA-L is faster still."""


def compressor() -> Callable[[bytes], bytes]:
    """Return a gzip function: of ISA-L where it is installed, else the standard one."""
    try:
        from isal import igzip  # noqa: PLC0415 - not on every platform
    except ImportError:
        compress = gzip.compress
    else:
        compress = igzip.compress
    return functools.partial(compress, compresslevel=_GZIP_LEVEL, mtime=0)


_compress: t.Final = compressor()


class Session(t.Protocol):
    """The connection of a client; a test may hand in a plain function instead of it."""

    def post(self, body: bytes, /) -> Response:
        """Send a body and return the response.

        Raises:
            OSError: When there is no response.
            ValueError: When what came is no HTTP.
        """

    def close(self) -> None:
        """Close the connection."""


class HttpSession:
    """The session that connects to a destination with its first request."""

    def __init__(self, destination: Destination) -> None:
        """Initialise without a connection."""
        self._destination = destination
        self._session: requests.Session | None = None

    def post(self, body: bytes) -> Response:
        """Send a body and return the response: see `Session`."""
        # `requests` takes a while to load, and not every run sends something.
        from target_amplitude_nami.amplitude import connection  # noqa: PLC0415

        if self._session is None:
            self._session = connection.open_session(
                self._destination,
                trusts_environment=trusts_environment(self._destination.url),
            )
        return connection.exchange(self._session, self._destination, body)

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()


class Client:
    """Sends the requests of one thread to Amplitude."""

    def __init__(
        self,
        destination: Destination,
        session: Session | None = None,
        *,
        names: NameLookup | None = None,
    ) -> None:
        """Initialise without a connection.

        Args:
            destination: Where requests go, and how.
            session: Carries them; None: HTTP.
            names: The name lookups that the clients of a run share.
        """
        self._destination = destination
        self._host = urlsplit(destination.url).netloc
        self._session = session or HttpSession(destination)
        self._names = names or NameLookup()

    def encode(self, events: Iterable[bytes]) -> bytes:
        """Return a request's body, compressed where the destination takes that."""
        body = self._destination.body_of(events)
        if self._destination.gzip:
            return _compress(body)
        return body

    def post(self, body: bytes, count: int) -> Answer:
        """Send a body of `encode` that holds `count` events; return the answer."""
        destination = self._destination
        quotes = RedactedQuotes(destination.api_key, body)
        self._names.start()
        try:
            response = self._session.post(body)
        except (OSError, ValueError) as error:
            # It loads `requests`, as the session that failed has done.
            from target_amplitude_nami.amplitude import failures  # noqa: PLC0415

            return failures.explain_failure(
                error,
                destination,
                trusts_environment=trusts_environment(destination.url),
                names=self._names,
                quotes=quotes,
            )
        self._names.succeed()
        return parse_response(
            response,
            count,
            quotes,
            host=self._host,
            key_setting=destination.key_setting,
        )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def trusts_environment(url: str) -> bool:
    """Return whether proxies of the environment apply to a URL: not to loopback."""
    host = urlsplit(url).hostname or ""
    try:
        return host != "localhost" and not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
