"""Defines the rows of the page's lists, as they are sent in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.ingest.clipping import clipped
from target_amplitude_nami.local.ingest.identity import device_of, ids_of
from target_amplitude_nami.local.jsontext import decode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from target_amplitude_nami.local.model import JsonObject

_changes = msgspec.json.Decoder(tuple[list[str], dict[str, msgspec.Raw]]).decode


class EventRow(msgspec.Struct, frozen=True):
    """An event in a list."""

    number: int
    time: int
    uploaded: int
    type: str
    user_id: str | None
    device_id: str
    insert_id: str | None
    request: int
    user: str
    """The key of its user."""
    changes: int
    """How many user properties it changed."""


class Change(msgspec.Struct, frozen=True):
    """A user property before and after an event, as JSON text or null."""

    name: str
    before: str | None
    after: str | None


class RequestRow(msgspec.Struct, frozen=True):
    """A request in a list."""

    number: int
    time: int
    api: str
    status: int
    events: int
    duplicates: int
    payload_bytes: int
    wire_bytes: int
    milliseconds: float
    fault: str
    error: str


def event_rows(
    connection: sqlite3.Connection,
    numbers: Sequence[int],
) -> list[EventRow]:
    """Return the rows of the events of these numbers, in the order of the numbers."""
    places = ",".join("?" * len(numbers))
    rows = connection.execute(
        "SELECT events.number, events.time, requests.time, name, raw, request, user,"  # noqa: S608
        " changes FROM events JOIN types ON types.number = type"
        " JOIN requests ON requests.number = request"
        f" WHERE events.number IN ({places})",
        list(numbers),
    )
    found = {row[0]: _event_row(row) for row in rows}
    return [found[number] for number in numbers if number in found]


def changes_of(
    changes: bytes | None,
    shown: dict[str, msgspec.Raw],
) -> list[Change]:
    """Return what an event changed.

    Args:
        changes: `Changes` as JSON; None if there are none.
        shown: The user properties that the event shows.
    """
    if changes is None:
        return []
    new, before = _changes(changes)
    return [
        Change(name, _text(before.get(name)), _text(shown.get(name)))
        for name in (*new, *before)
    ]


def _text(raw: msgspec.Raw | None) -> str | None:
    return None if raw is None else bytes(raw).decode()


def _event_row(row: tuple[Any, ...]) -> EventRow:
    number, time, uploaded, name, raw, request, user, changes = row
    event: JsonObject = decode(raw)
    user_id, device_id = ids_of(event)
    insert_id = clipped(event.get("insert_id"))
    return EventRow(
        number=number,
        time=time,
        uploaded=int(uploaded * 1_000),
        type=name,
        user_id=user_id,
        device_id=device_id or device_of(user_id or ""),
        insert_id=insert_id if isinstance(insert_id, str) else None,
        request=request,
        user=str(user),
        changes=0 if changes is None else sum(map(len, _changes(changes))),
    )


REQUEST_COLUMNS = ", ".join(RequestRow.__struct_fields__)


def request_row(row: Sequence[Any]) -> RequestRow:
    """Return the row of a request from its columns."""
    number, time, *rest = row
    return RequestRow(number, int(time * 1_000), *rest)
