"""Lists requests, and shows one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.queries.faulty_events import (
    FaultyEvent,
    faulty_events,
    upload_in,
)
from target_amplitude_nami.local.queries.rows import (
    REQUEST_COLUMNS,
    RequestRow,
    request_row,
)
from target_amplitude_nami.local.queries.selection import (
    LAST_MOMENT,
    Selection,
    event_numbers,
)

if TYPE_CHECKING:
    import sqlite3

MOST_SHOWN = 20
"""How many events of a request are shown with it."""
_MOST_MARKED = 100


class RequestPage(msgspec.Struct, frozen=True):
    """A page of the list of requests."""

    requests: list[RequestRow]
    next: str | None


class RequestDetails(msgspec.Struct, frozen=True):
    """A request in full."""

    request: RequestRow
    answer: str
    marked: list[FaultyEvent]
    marked_in_all: int
    first_events: list[str]
    body_kept: bool


def list_requests(
    connection: sqlite3.Connection,
    selection: Selection,
    status: str,
) -> RequestPage:
    """Return the selected requests, the newest first.

    Args:
        connection: The file.
        selection: Where in the list to continue, and how many to return.
        status: A status, `refused` for all refused or dropped, or empty for all.
    """
    values = [*(selection.before or (LAST_MOMENT,)), selection.limit + 1]
    condition = "1"
    if status == "refused":
        condition = "status NOT BETWEEN 200 AND 399"
    elif status:
        condition = "status = ?"
        values.insert(0, int(status))
    rows = connection.execute(
        f"SELECT {REQUEST_COLUMNS} FROM requests"  # noqa: S608
        f" WHERE {condition} AND number < ? ORDER BY number DESC LIMIT ?",
        values,
    ).fetchall()
    shown = [request_row(row) for row in rows[: selection.limit]]
    following = str(shown[-1].number) if len(rows) > len(shown) else None
    return RequestPage(shown, following)


def request_details(
    connection: sqlite3.Connection, number: int
) -> RequestDetails | None:
    """Return the request of this number in full; None if there is none."""
    row = connection.execute(
        f"SELECT answer, body, {REQUEST_COLUMNS} FROM requests"  # noqa: S608
        " LEFT JOIN bodies ON request = number WHERE number = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    answer, body, *columns = row
    found = request_row(columns)
    upload = None if body is None else upload_in(body)
    faulty = faulty_events(upload, answer) if upload and found.error else []
    sent = upload.raws if upload else _stored_events(connection, number)
    return RequestDetails(
        found,
        answer.decode("utf-8", "replace"),
        faulty[:_MOST_MARKED],
        len(faulty),
        [raw.decode("utf-8", "replace") for raw in sent[:MOST_SHOWN]],
        body is not None,
    )


def _stored_events(connection: sqlite3.Connection, number: int) -> list[bytes]:
    rows = connection.execute(
        "SELECT raw FROM events WHERE number BETWEEN ? AND ? ORDER BY number",
        event_numbers(connection, number, MOST_SHOWN),
    )
    return [raw for (raw,) in rows]
