"""One request to Amplitude, one `Answer`."""

from __future__ import annotations

import functools
import gzip
import io
import ipaddress
import json
import typing as t
from urllib.parse import urlsplit

import msgspec
import requests
from urllib3.exceptions import HTTPError

from target_amplitude_nami.amplitude.answers import Answer, Fatal, Unknown
from target_amplitude_nami.amplitude.connection import (
    MOST_ANSWER_BYTES,
    TOO_LONG,
    Session,
)
from target_amplitude_nami.amplitude.failures import Failures, FirstName
from target_amplitude_nami.amplitude.quoting import Quotes
from target_amplitude_nami.amplitude.responses import Response, Understanding

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GZIP_LEVEL = 1
"""Of the standard library, three times faster than its default for a sixth more bytes;
ISA-L is faster still."""


def compressor() -> Callable[[bytes], bytes]:
    """Return what compresses as gzip: ISA-L where it is, else the standard library."""
    try:
        from isal import igzip  # noqa: PLC0415 - not on every platform
    except ImportError:
        compress = gzip.compress
    else:
        compress = igzip.compress
    return functools.partial(compress, compresslevel=_GZIP_LEVEL, mtime=0)


_compress: t.Final = compressor()


class Destination(msgspec.Struct, frozen=True):
    """Where events go and how: what every client of a run has in common."""

    url: str
    api_key: str
    user_agent: str
    gzip: bool = False
    min_id_length: int | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    """For all of an answer, and for sending to make progress."""
    key_setting: str = "api_key"
    """Where the key comes from, for messages."""

    def envelope(self) -> tuple[bytes, bytes]:
        """Return what stands before and after the events in a request's body."""
        options = (
            b""
            if self.min_id_length is None
            else b',"options":{"min_id_length":%d}' % self.min_id_length
        )
        key = json.dumps(self.api_key).encode("ascii")
        return b'{"api_key":' + key + b',"events":[', b"]" + options + b"}"

    def at(self, url: str) -> Destination:
        """Return the same destination at another address."""
        return msgspec.structs.replace(self, url=url)


class Client:
    """A connection to Amplitude for one thread."""

    def __init__(
        self, destination: Destination, first_name: FirstName | None = None
    ) -> None:
        """Open nothing yet.

        Args:
            destination: Where requests will go, and how.
            first_name: What the clients of a run share.
        """
        self._destination = destination
        self._before, self._after = destination.envelope()
        self._host = urlsplit(destination.url).netloc
        self._first_name = first_name or FirstName()
        # Neither a proxy for loopback, nor a password of ~/.netrc in a header.
        trusts_environment = not _is_loopback(destination.url)
        self._failures = Failures(
            destination.url,
            self._first_name,
            connect_timeout=destination.connect_timeout,
            send_timeout=destination.read_timeout,
            proxies=trusts_environment,
        )
        self._understanding = Understanding(destination.url, destination.key_setting)
        self._session = Session(send_timeout=destination.read_timeout)
        self._session.headers.update(
            {
                "Accept": "*/*",
                "Content-Type": "application/json",
                "User-Agent": destination.user_agent,
            }
        )
        if destination.gzip:
            self._session.headers["Content-Encoding"] = "gzip"
        self._session.trust_env = trusts_environment
        self._session.auth = lambda request: request

    def encode(self, events: Iterable[bytes]) -> bytes:
        """Return a request's body, compressed where the destination takes that."""
        body = b"".join((self._before, b",".join(events), self._after))
        if self._destination.gzip:
            return _compress(body)
        return body

    def post(self, body: bytes, count: int) -> Answer:
        """Send a body of `encode` that holds `count` events. Never raises."""
        quotes = Quotes(self._destination.api_key, body)
        self._first_name.seek()
        try:
            response = self._exchange(body)
        except (requests.RequestException, HTTPError, UnicodeError) as error:
            return self._failures.explain(error, quotes)
        except OSError as error:  # before anything is sent: of a file, as a rule
            return Fatal(f"no request can be made: {quotes.error(str(error))}")
        except ValueError as error:
            return Unknown(f"no HTTP of {self._host}: {quotes.error(str(error))}")
        self._first_name.find()
        return self._understanding.of(response, count, quotes)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _exchange(self, body: bytes) -> Response:
        destination = self._destination
        with self._session.post(
            destination.url,
            # As a file: in one piece, it would all have to leave within one timeout,
            # which a slow line cannot do.
            data=io.BytesIO(body),
            timeout=(destination.connect_timeout, destination.read_timeout),
            allow_redirects=False,
            stream=True,
        ) as answer:
            content = answer.raw.read(MOST_ANSWER_BYTES + 1, decode_content=True)
            if len(content) > MOST_ANSWER_BYTES:
                raise HTTPError(TOO_LONG)
            return Response(answer.status_code, answer.headers, content)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
