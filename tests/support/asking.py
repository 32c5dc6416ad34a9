"""Requests of a real client, for tests of what it sends and understands."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.amplitude.client import Client, Destination
from tests.support.server import Reply, ScriptedServer

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.failures import FirstName

KEY = "0123456789abcdef0123456789abcdef"
EVENTS = (
    b'{"event_type":"a"}',
    b'{"event_type":"b"}',
    '{"event_type":"ü"}'.encode(),
)
HTML = b"<html><body>\n  <h1>Bad   gateway</h1></body></html>"


def destination(url: str, **changes: t.Any) -> Destination:
    """Return a destination at this address."""
    values: dict[str, t.Any] = {
        "url": url,
        "api_key": KEY,
        "user_agent": "target/1.0",
        "read_timeout": 20,
    }
    return Destination(**values | changes)


def ask(url: str, *, first_name: FirstName | None = None, **changes: t.Any) -> Answer:
    """Return the answer to a request with all of EVENTS."""
    client = Client(destination(url, **changes), first_name)
    try:
        return client.post(client.encode(EVENTS), len(EVENTS))
    finally:
        client.close()


def answer_to(scripted: Reply, **changes: t.Any) -> Answer:
    """Return what a client makes of a reply."""
    with ScriptedServer(scripted) as server:
        return ask(server.url, **changes)
