"""What asking the account APIs of Amplitude takes: a project, a session, an answer."""

from __future__ import annotations

import base64
import typing as t
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from target_amplitude_nami.amplitude.client import trusts_environment

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE_BYTES: t.Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An Amplitude project, and how its account APIs are reached."""

    base_url: str
    """Without a path, such as `https://amplitude.com`."""
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    user_agent: str = ""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    """For an answer to begin, and to make progress."""
    retry_for: float = 1800.0
    """How long one request may keep failing, in seconds."""

    @property
    def host(self) -> str:
        """The host, for messages."""
        return urlsplit(self.base_url).netloc

    def without_keys(self, text: str) -> str:
        """Return a text in which neither key stands, nor both as they are sent."""
        pair = f"{self.api_key}:{self.secret_key}".encode()
        sent = base64.b64encode(pair).decode("ascii")
        for secret in sorted((sent, self.secret_key, self.api_key), key=len)[::-1]:
            if secret:
                text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    content: bytes
    quote: str
    """Its first line of text, without the keys, for messages."""

    @property
    def is_page(self) -> bool:
        """Whether it is a web page: of a proxy, a firewall, or another site."""
        return self.content.lstrip()[:1] == b"<"


class Stream:
    """An answer that is being read."""

    def __init__(
        self, response: requests.Response, deadline: float, now: Callable[[], float]
    ) -> None:
        """Take the response, and by when it must be whole if it is to be in time."""
        self.status: t.Final = response.status_code
        self._raw = response.raw
        self._deadline = deadline
        self._now = now

    def pieces(self, *, in_time: bool = False) -> Iterator[bytes]:
        """Yield the answer, which must not pause for longer than the timeout.

        Args:
            in_time: Whether all of it has to come within the timeout.

        Raises:
            requests.ReadTimeout: When it does not.
            HTTPError: When it pauses for too long, or is cut short.
        """
        # One that comes byte by byte would take ages to fill a piece.
        read = self._raw.read1 if in_time else self._raw.read
        while piece := read(_PIECE_BYTES, decode_content=True):
            if in_time and self._now() > self._deadline:
                raise requests.ReadTimeout("the answer takes too long")
            yield piece


def open_session(account: Account) -> requests.Session:
    """Return a session that names the project, and follows no redirect."""
    session = _Session()
    session.trust_env = trusts_environment(account.base_url)
    session.auth = _BasicAuth(account)
    session.headers["User-Agent"] = account.user_agent
    return session


class _BasicAuth(requests.auth.AuthBase):
    """Names the project; `requests` would encode the keys in Latin-1."""

    def __init__(self, account: Account) -> None:
        pair = f"{account.api_key}:{account.secret_key}".encode()
        self._value = "Basic " + base64.b64encode(pair).decode("ascii")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect: `requests` would read all of its body for that."""
