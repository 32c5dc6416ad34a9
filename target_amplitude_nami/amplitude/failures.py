"""Explains why a request got no response: who is at fault, and what to do.

It is imported with the first failure, as it loads `requests`.
"""

from __future__ import annotations

import os
import typing as t
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    ReadTimeoutError,
)

from target_amplitude_nami.amplitude.answers import Answer, Fatal, Unknown
from target_amplitude_nami.text import printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.amplitude.destination import Destination
    from target_amplitude_nami.amplitude.name_lookup import NameLookup
    from target_amplitude_nami.amplitude.redacted_quotes import RedactedQuotes

_OF_THE_NETWORK: t.Final = (
    requests.RequestException,
    HTTPError,
    UnicodeError,
)
_BAD_URL: t.Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    LocationValueError,
    UnicodeError,
)


def explain_failure(
    error: Exception,
    destination: Destination,
    *,
    trusts_environment: bool,
    names: NameLookup,
    quotes: RedactedQuotes,
) -> Answer:
    """Return the answer that a request without a response stands for.

    Args:
        error: What the request raised.
        destination: Where it was sent.
        trusts_environment: Whether the environment may name a proxy for it.
        names: The lookups of the run's clients.
        quotes: Quotes texts of the error for the log.
    """
    host = urlsplit(destination.url).netloc
    if not isinstance(error, _OF_THE_NETWORK):
        text = quotes.error(str(error))
        if isinstance(error, OSError):  # before sending: of a file, as a rule
            return Fatal(f"the request cannot be made: {text}")
        return Unknown(f"{host} does not answer with valid HTTP: {text}")
    proxy = _proxy_for(destination.url) if trusts_environment else None
    variable = _variable_with(proxy) if proxy else None
    for cause in _causes(error):
        if isinstance(cause, NameResolutionError):
            return _name_unknown(cause.conn.host, variable, names)
    if isinstance(error, _BAD_URL):
        return _bad_url(destination.url, proxy, variable)
    names.succeed()
    if isinstance(error, requests.exceptions.ProxyError):
        host = f"the proxy in {variable}"
    return _no_response(error, destination, host, quotes)


def _no_response(
    error: Exception, destination: Destination, peer: str, quotes: RedactedQuotes
) -> Answer:
    """Return what it means that a host or proxy that has an address did not respond."""
    if "Tunnel connection failed: 407" in str(error):
        return Fatal(
            f"{peer} refuses the user name or password in its URL: correct them"
        )
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_failure(error, peer)
    *_, cause = _causes(error)
    if message := _timeout(error, cause, destination, peer):
        return Unknown(message)
    trouble = str(cause) or type(cause).__name__
    return Unknown(f"no answer from {peer}: {quotes.error(trouble)}")


def _timeout(
    error: Exception, cause: BaseException, destination: Destination, peer: str
) -> str | None:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection to {peer} within {destination.connect_timeout:g} s"
    if isinstance(error, requests.exceptions.ReadTimeout) or isinstance(
        error.__cause__, ReadTimeoutError
    ):
        return f"no answer from {peer} in time"
    if isinstance(cause, TimeoutError) and cause.errno is None:
        seconds = destination.read_timeout
        return f"sending to {peer} made no progress for {seconds:g} s"
    return None


def _name_unknown(name: str, variable: str | None, names: NameLookup) -> Answer:
    message = f"the host name {name} cannot be resolved"
    if names.is_given_up:
        return Fatal(
            f"{message}: check {variable or '`endpoint`'} and this machine's network"
        )
    return Unknown(message, longest_wait=names.longest_wait)


def proxy_of(url: str) -> tuple[str, str] | None:
    """Return the proxy that the environment names for a URL, and what names it.

    Returns:
        The proxy's URL, which may hold a password, and its variable.
    """
    proxy = _proxy_for(url)
    return None if proxy is None else (proxy, _variable_with(proxy))


def _proxy_for(url: str) -> str | None:
    return select_proxy(url, get_environ_proxies(url))


def _variable_with(proxy: str) -> str:
    """Return the environment variable that holds a proxy; lower case goes first."""
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
    except (
        requests.RequestException,
        HTTPError,
        UnicodeError,
    ):
        return False
    return True


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; the last names the trouble."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _why(error: Exception) -> str:
    """Return what is wrong with a certificate, as OpenSSL calls it, where it says."""
    for cause in _causes(error):
        why = getattr(cause, "verify_message", "")
        if isinstance(why, str) and why:
            return f" ({printable(why)})"
    return ""


def _tls_failure(error: Exception, peer: str) -> Answer:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Fatal(
            f"the certificate of {peer} cannot be trusted{_why(error)}: a proxy may "
            f"stand between; "
            f"give its certificate in the variable REQUESTS_CA_BUNDLE"
        )
    return Unknown(f"TLS failed with {peer}")
