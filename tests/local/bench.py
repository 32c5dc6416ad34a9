"""A local Amplitude without a network: requests by call, a clock that is set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.faults.injector import FaultInjector
from target_amplitude_nami.local.http.request_handler import Reply, RequestHandler
from target_amplitude_nami.local.http.request_logger import RequestLogger
from target_amplitude_nami.local.ingest.behaviour import Behaviour
from target_amplitude_nami.local.ingest.ingestion import Ingestion
from target_amplitude_nami.local.model import Request
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.storage.store import Capacities, Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOON = 1_800_000_000.0
"""When the clock of every bench starts."""

HTTP_V2 = "/2/httpapi"
BATCH = "/batch"
JSON_TYPE = {"content-type": "application/json"}


def event(**fields: Any) -> dict[str, Any]:
    """Return a valid event with these fields."""
    return {
        "event_type": "user.login",
        "user_id": "user-1",
        "device_id": "device-1",
        "time": 1_700_000_000_000,
        **fields,
    }


def without(name: str, **fields: Any) -> dict[str, Any]:
    """Return such an event that lacks one field."""
    return {key: value for key, value in event(**fields).items() if key != name}


class Bench:
    """Handles requests by call, with a store and a clock that is set."""

    def __init__(
        self,
        path: Path,
        *,
        keys: frozenset[str] | None = None,
        keep_bodies: bool = True,
        capacities: Capacities | None = None,
        **behaviour: Any,
    ) -> None:
        """Open the store; further keywords are fields of `Behaviour`."""
        self.now = NOON
        self.store = Store(path, capacities)
        self.read = Reader(path)
        self._handler = RequestHandler(
            Ingestion(
                keys=keys, behaviour=Behaviour(**behaviour), now=lambda: self.now
            ),
            self.store,
            RequestLogger(self.store, keys=keys, keep_bodies=keep_bodies),
            FaultInjector(Faults()),
            now=lambda: self.now,
        )

    def post(
        self,
        body: bytes,
        *,
        path: str = HTTP_V2,
        method: str = "POST",
        headers: Mapping[str, str] = JSON_TYPE,
    ) -> tuple[int, dict[str, Any]]:
        """Send raw bytes and return the answer's status and document."""
        reply = self.take(Request(method, path, headers, body))
        return reply.status, json.loads(reply.body)

    def take(self, request: Request) -> Reply:
        """Handle a request and return the reply."""
        reply = self._handler.handle(request, None)
        assert reply is not None
        return reply

    def send(
        self,
        *events: object,
        path: str = HTTP_V2,
        api_key: str = "key-1",
        **more: Any,
    ) -> tuple[int, dict[str, Any]]:
        """Send events as a well-made request."""
        document = {"api_key": api_key, "events": list(events), **more}
        return self.post(json.dumps(document).encode(), path=path)

    def exports(self) -> list[dict[str, Any]]:
        """Return the stored events in Export shape."""
        return [stored.export for stored in self.read.events()]
