"""Finds out whether Amplitude can be reached and knows the keys; nothing is stored.

Nothing documented proves an API key alone without an event: a request without events is
answered "missing events", whether the key is looked at before that or not. The Export
API, which asks for the secret key as well, proves the pair (Export API,
"Authorization").
"""

from __future__ import annotations

import datetime as dt
import json
import typing as t
from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from target_amplitude_nami.amplitude.answers import Fatal, Unknown
from target_amplitude_nami.amplitude.client import (
    Client,
    HttpSession,
    trusts_environment,
)
from target_amplitude_nami.amplitude.name_lookup import NameLookup
from target_amplitude_nami.amplitude.redacted_quotes import RedactedQuotes
from target_amplitude_nami.amplitude.responses import parse_response

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.connection import Tls
    from target_amplitude_nami.amplitude.destination import Destination

_HOUR: t.Final = dt.datetime(2015, 1, 1, tzinfo=dt.UTC).strftime("%Y%m%dT%H")
"""In which hardly any project has data: an export of the hour costs nothing."""
_WRONG_SECRET: t.Final = "0" * 32
_PROVES: t.Final = frozenset({HTTPStatus.OK, HTTPStatus.NOT_FOUND})
_DISPROVES: t.Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_SECONDS: t.Final = 20.0

_T = t.TypeVar("_T")


class Finding(msgspec.Struct, frozen=True):
    """What a request has shown."""

    verdict: t.Literal["good", "bad", "unproved"]
    message: str
    is_answer: bool = True
    """Whether somebody has answered."""
    says_what_to_do: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """A connection to where requests go."""

    through: str | None
    """The variable of the proxy that it goes through, and the proxy's host."""
    tls: Tls | None


def reach(destination: Destination) -> Reached | Finding:
    """Connect to a destination as a request would, with TLS verified; send nothing.

    Returns:
        The connection, or why there is none.
    """
    url = destination.url
    trusts = trusts_environment(url)

    def connect() -> Reached:
        # `requests` takes a while to load, and not every command sends something.
        from target_amplitude_nami.amplitude import (  # noqa: PLC0415
            connection,
            failures,
        )

        tls = connection.connect(destination, trusts_environment=trusts)
        proxy = failures.proxy_of(url) if trusts else None
        through = None
        if proxy is not None:
            address, variable = proxy
            through = f"{variable} ({_host_of(address)})"
        return Reached(through, tls)

    return _explained(connect, destination)


def ask_without_events(destination: Destination) -> Finding:
    """Send a request without events, and return what the answer says of the key.

    Its answer never proves the key: that is `unproved` where Amplitude has answered as
    it should, and `bad` where it does not know the key or is not there.
    """
    host = urlsplit(destination.url).netloc
    body = Client(destination).encode(())
    session = HttpSession(destination)
    try:
        response = _explained(lambda: session.post(body), destination)
    finally:
        session.close()
    if isinstance(response, Finding):
        return response
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    fields = answer if isinstance(answer, dict) else {}
    if (
        response.status == HTTPStatus.BAD_REQUEST
        and fields.get("missing_field") == "events"
    ):
        return Finding("unproved", f"{host} is Amplitude's event API")
    parsed = parse_response(
        response,
        0,
        RedactedQuotes(destination.api_key, body),
        host=host,
        key_setting=destination.key_setting,
    )
    message = getattr(parsed, "message", "") or "it took a request without events"
    return Finding("bad", message)


def ask_for_export(
    destination: Destination, secret_key: str, export_url: str
) -> Finding:
    """Return whether an API key and a secret key are a pair of a project.

    A good pair and a wrong one must be answered differently, or nothing is proved: so a
    secret key that is surely wrong is tried as well.

    Args:
        destination: Has the API key.
        secret_key: The secret key.
        export_url: The address of the Export API.
    """
    there = destination.at(export_url)
    status = _export_status(there, secret_key)
    if isinstance(status, Finding):
        return status
    host = urlsplit(export_url).netloc
    if status in _DISPROVES:
        return Finding(
            "bad",
            f"{host} does not accept {destination.key_setting} with secret_key (HTTP "
            f"{status})",
        )
    if status not in _PROVES:
        return Finding("unproved", f"{host} answers an export with HTTP {status}")
    control = _export_status(there, _WRONG_SECRET)
    if isinstance(control, Finding):
        return Finding("unproved", control.message)
    if control not in _DISPROVES:
        return Finding(
            "unproved",
            f"{host} answers a wrong secret key (HTTP {control}) as it does this one",
        )
    return Finding(
        "good",
        f"{host} knows {destination.key_setting} with secret_key (HTTP {status})",
    )


def _export_status(destination: Destination, secret_key: str) -> int | Finding:
    pair = f"{destination.api_key}:{secret_key}".encode()

    def get() -> int:
        from target_amplitude_nami.amplitude import connection  # noqa: PLC0415

        with (
            connection.open_session(
                destination, trusts_environment=trusts_environment(destination.url)
            ) as session,
            session.get(
                destination.url,
                params={"start": _HOUR, "end": _HOUR},
                headers={"Authorization": f"Basic {b64encode(pair).decode()}"},
                timeout=(destination.connect_timeout, _SECONDS),
                allow_redirects=False,
                stream=True,  # what comes is not read
            ) as response,
        ):
            return response.status_code

    return _explained(get, destination, secret_key)


def _explained(
    send: Callable[[], _T], destination: Destination, secret_key: str = ""
) -> _T | Finding:
    """Call `send`; return what it returns, or why there is no response."""
    try:
        return send()
    except (OSError, ValueError) as error:
        from target_amplitude_nami.amplitude import failures  # noqa: PLC0415

        answer = failures.explain_failure(
            error,
            destination,
            trusts_environment=trusts_environment(destination.url),
            names=NameLookup(),
            quotes=RedactedQuotes(
                destination.api_key, json.dumps({"secret_key": secret_key}).encode()
            ),
        )
        assert isinstance(answer, Fatal | Unknown)  # noqa: S101 - for the types
        return Finding(
            "bad",
            answer.message,
            is_answer=False,
            says_what_to_do=isinstance(answer, Fatal),
        )


def _host_of(url: str) -> str:
    """Return the host and port of a URL, without a user name and password."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    return parts.netloc.rpartition("@")[2]
