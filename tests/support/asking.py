"""Requests of a client, for tests of what it sends and understands."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.destination import Destination
from target_amplitude_nami.amplitude.responses import Response

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.name_lookup import NameLookup
    from tests.support.server import Reply

KEY = "0123456789abcdef0123456789abcdef"
EVENTS = (
    b'{"event_type":"a"}',
    b'{"event_type":"b"}',
    '{"event_type":"ü"}'.encode(),
)
HTML = b"<html><body>\n  <h1>Bad   gateway</h1></body></html>"


class FunctionSession:
    """A session without a network: a function from a request to its response."""

    def __init__(self, respond: Callable[[bytes], Response]) -> None:
        """Take the function, which may raise what a session raises."""
        self._respond = respond
        self.is_closed = False

    def post(self, body: bytes) -> Response:
        """Return the function's response."""
        return self._respond(body)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def destination(url: str = "http://relay.invalid/", **changes: t.Any) -> Destination:
    """Return a destination at this address."""
    values: dict[str, t.Any] = {
        "url": url,
        "api_key": KEY,
        "user_agent": "target/1.0",
        "read_timeout": 20,
    }
    return Destination(**values | changes)


def ask(url: str, *, names: NameLookup | None = None, **changes: t.Any) -> Answer:
    """Return the answer to a request with all of EVENTS, sent over HTTP."""
    client = Client(destination(url, **changes), names=names)
    try:
        return client.post(client.encode(EVENTS), len(EVENTS))
    finally:
        client.close()


def answer_to(scripted: Reply, **changes: t.Any) -> Answer:
    """Return what a client makes of a response to all of EVENTS."""
    response = Response(scripted.status, scripted.headers, scripted.body)
    client = Client(destination(**changes), FunctionSession(lambda _: response))
    return client.post(client.encode(EVENTS), len(EVENTS))


def answer_to_failure(
    error: Exception, *, names: NameLookup | None = None, **changes: t.Any
) -> Answer:
    """Return what a client makes of a request that raises an error."""

    def fail(_: bytes) -> Response:
        raise error

    client = Client(destination(**changes), FunctionSession(fail), names=names)
    return client.post(client.encode(EVENTS), len(EVENTS))
