"""What it means that a request was not answered: who is at fault, and what to do."""

from __future__ import annotations

import math
import os
import time
import typing as t
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import (
    LocationValueError,
    NameResolutionError,
    ReadTimeoutError,
)

from target_amplitude_nami.amplitude.answers import Answer, Fatal, Unknown

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_amplitude_nami.amplitude.quoting import Quotes

_SECONDS_FOR_FIRST_NAME: t.Final = 20
_SECONDS_BETWEEN_FIRST_NAMES: t.Final = 5
_BAD_URL: t.Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    LocationValueError,
    UnicodeError,
)


class FirstName:
    """Whether a run has ever found the name that it connects to.

    A name that cannot be found from the beginning is most likely a wrong one; later on,
    it is the resolver that is out of order. All clients of a run share this.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `now` gives monotonic seconds."""
        self._now = now
        self._sought_since: float | None = None
        self._is_found = False

    def seek(self) -> None:
        """Take note that a request begins."""
        if self._sought_since is None:
            self._sought_since = self._now()

    def find(self) -> None:
        """Take note that the name of a request was found."""
        self._is_found = True

    @property
    def is_given_up(self) -> bool:
        """Whether the name has been sought in vain for long enough."""
        if self._is_found or self._sought_since is None:
            return False
        return self._now() - self._sought_since >= _SECONDS_FOR_FIRST_NAME

    @property
    def longest_wait(self) -> float:
        """How long to wait at most, in seconds, before it is sought again."""
        return math.inf if self._is_found else _SECONDS_BETWEEN_FIRST_NAMES


class Failures:
    """Explains why requests to one address get no answer."""

    def __init__(
        self,
        url: str,
        first_name: FirstName,
        *,
        connect_timeout: float,
        send_timeout: float,
        proxies: bool,
    ) -> None:
        """Take the address.

        Args:
            url: Where requests go.
            first_name: What the clients of the run share.
            connect_timeout: Seconds that a connection may take.
            send_timeout: Seconds for which sending may make no progress.
            proxies: Whether the environment may name a proxy for it.
        """
        self._url = url
        self._host = urlsplit(url).netloc
        self._connect_timeout = connect_timeout
        self._send_timeout = send_timeout
        self._first_name = first_name
        self._may_have_proxy = proxies

    def explain(self, error: Exception, quotes: Quotes) -> Answer:
        """Return what a request has come to that raised an error."""
        proxy = self._proxy()
        variable = _variable_with(proxy) if proxy else None
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, NameResolutionError):
                return self._name_unknown(cause.conn.host, variable)
        if isinstance(error, _BAD_URL):
            return _bad_url(self._url, proxy, variable)
        self._first_name.find()
        peer = self._host
        if isinstance(error, requests.exceptions.ProxyError):
            peer = f"the proxy in {variable}"
            if "Tunnel connection failed: 407" in str(error):
                return Fatal(f"{peer} wants another user name or password in its URL")
        if isinstance(error, requests.exceptions.SSLError):
            return _tls_failure(error, peer)
        if known := self._known_trouble(error, causes[-1], peer):
            return Unknown(known)
        trouble = str(causes[-1]) or type(causes[-1]).__name__
        return Unknown(f"no answer of {peer}: {quotes.error(trouble)}")

    def _known_trouble(
        self, error: Exception, cause: BaseException, peer: str
    ) -> str | None:
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return f"no connection to {peer} within {self._connect_timeout:g} s"
        if isinstance(error, requests.exceptions.ReadTimeout | ReadTimeoutError):
            return f"no answer of {peer} in time"
        if isinstance(cause, TimeoutError) and cause.errno is None:
            return f"sending to {peer} made no progress for {self._send_timeout:g} s"
        return None

    def _name_unknown(self, name: str, variable: str | None) -> Answer:
        said = f"the name {name} cannot be found"
        if self._first_name.is_given_up:
            return Fatal(
                f"{said}: check {variable or '`endpoint`'} and this machine's network"
            )
        return Unknown(said, longest_wait=self._first_name.longest_wait)

    def _proxy(self) -> str | None:
        if not self._may_have_proxy:
            return None
        return select_proxy(self._url, get_environ_proxies(self._url))


def _variable_with(proxy: str) -> str:
    """Return the environment variable that a proxy is in; lower case goes first."""
    for variable in sorted(os.environ, reverse=True):
        if variable.lower().endswith("_proxy") and os.environ[variable] == proxy:
            return variable
    return "the system's settings"


def _bad_url(url: str, proxy: str | None, variable: str | None) -> Answer:
    if proxy is None or not _is_sound(url):
        return Fatal("`endpoint` is not a valid URL")
    if proxy.lower().startswith("socks"):
        return Fatal(
            f"{variable} holds a SOCKS proxy, for which the package PySocks is "
            f"missing: install it beside the target, or give an HTTP proxy"
        )
    # Its text may hold a password, and so may the error's.
    return Fatal(
        f"{variable} holds no valid URL of a proxy (it is not shown): it must be like "
        f"http://proxy.example.com:3128"
    )


def _is_sound(url: str) -> bool:
    try:
        requests.Request("POST", url).prepare()
    except (requests.RequestException, UnicodeError):
        return False
    return True


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was raised from; the last names the trouble."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _tls_failure(error: Exception, peer: str) -> Answer:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Fatal(
            f"the certificate of {peer} cannot be trusted: a proxy may stand between; "
            f"give its certificate in the variable REQUESTS_CA_BUNDLE"
        )
    return Unknown(f"TLS failed with {peer}")
