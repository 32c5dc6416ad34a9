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
import urllib3

from target_amplitude_nami.amplitude.answers import Answer, Fatal, Unknown
from target_amplitude_nami.amplitude.understanding import Understanding

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CONNECT_TIMEOUT_SECONDS: t.Final = 10
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
    read_timeout: float = 60.0
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

    def __init__(self, destination: Destination) -> None:
        """Open nothing yet; `destination` says where requests will go."""
        self._destination = destination
        self._before, self._after = destination.envelope()
        self._host = urlsplit(destination.url).netloc
        self._understanding = Understanding(
            destination.url, destination.api_key, destination.key_setting
        )
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Accept": "*/*",
                "Content-Type": "application/json",
                "User-Agent": destination.user_agent,
            }
        )
        if destination.gzip:
            self._session.headers["Content-Encoding"] = "gzip"
        # Neither a proxy for loopback, nor a password of ~/.netrc in a header.
        self._session.trust_env = not _is_loopback(destination.url)
        self._session.auth = lambda request: request

    def encode(self, events: Iterable[bytes]) -> bytes:
        """Return a request's body, compressed where the destination takes that."""
        body = b"".join((self._before, b",".join(events), self._after))
        if self._destination.gzip:
            return _compress(body)
        return body

    def post(self, body: bytes, count: int) -> Answer:
        """Send a body of `encode` that holds `count` events. Never raises."""
        try:
            response = self._session.post(
                self._destination.url,
                # As a file: in one piece, it would all have to leave within the time
                # for connecting, which a slow line cannot do.
                data=io.BytesIO(body),
                timeout=(CONNECT_TIMEOUT_SECONDS, self._destination.read_timeout),
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            return self._tls_failure(error)
        except requests.exceptions.InvalidProxyURL as error:
            return Fatal(f"the proxy cannot be used: {error}; mend HTTPS_PROXY")
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            return Fatal("the address of Amplitude is unusable; mend `endpoint`")
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return Unknown(self._understanding.redacted(self._trouble(error)))
        except OSError as error:  # before anything is sent: of a file, as a rule
            return Fatal(f"no request can be made: {error}")
        return self._understanding.of(response, count)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _tls_failure(self, error: Exception) -> Answer:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Fatal(
                f"the certificate of {self._host} cannot be trusted: a proxy may stand "
                f"between; give its certificate in the variable REQUESTS_CA_BUNDLE"
            )
        return Unknown(f"TLS failed with {self._host}")

    def _trouble(self, error: Exception) -> str:
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return f"no connection to {self._host} within {CONNECT_TIMEOUT_SECONDS} s"
        if isinstance(error, requests.exceptions.ReadTimeout):
            return f"no answer of {self._host} in time"
        # The innermost cause is the one that names the trouble.
        cause: BaseException = error
        while (inner := cause.__cause__ or cause.__context__) is not None:
            cause = inner
        return f"no answer of {self._host}: {str(cause) or type(cause).__name__}"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
