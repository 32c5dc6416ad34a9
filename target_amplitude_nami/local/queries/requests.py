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
    FIRST_MOMENT,
    LAST_MOMENT,
    Selection,
)
from target_amplitude_nami.local.queries.sent_events import SentEvents, sent_events

if TYPE_CHECKING:
    import sqlite3

_MOST_MARKED = 100

# Requests are numbered as they come: a stretch of time is a stretch of numbers.
_FROM_MOMENT = (
    "coalesce((SELECT number FROM requests WHERE time >= ? / 1000.0"  # noqa: S608
    f" ORDER BY time, number LIMIT 1), {LAST_MOMENT})"
)


class RequestPage(msgspec.Struct, frozen=True):
    """A page of the list of requests."""

    requests: list[RequestRow]
    next: str | None
    first: int | None
    last: int | None
    """When the first and the last of all requests came, in milliseconds since 1970."""


class RequestDetails(msgspec.Struct, frozen=True):
    """A request in full."""

    request: RequestRow
    answer: str
    marked: list[FaultyEvent]
    marked_in_all: int
    sent: SentEvents
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
    conditions, values = ["number < ?"], [*(selection.before or (LAST_MOMENT,))]
    if status == "refused":
        conditions.append("status NOT BETWEEN 200 AND 399")
    elif status:
        conditions.append("status = ?")
        values.append(int(status))
    for limit, moment, sign in (
        (FIRST_MOMENT, selection.since, ">="),
        (LAST_MOMENT, selection.until, "<"),
    ):
        if moment != limit:
            conditions.append(f"number {sign} {_FROM_MOMENT}")
            values.append(moment)
    rows = connection.execute(
        f"SELECT {REQUEST_COLUMNS} FROM requests"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?",
        [*values, selection.limit + 1],
    ).fetchall()
    shown = [request_row(row) for row in rows[: selection.limit]]
    following = str(shown[-1].number) if len(rows) > len(shown) else None
    [ends] = connection.execute(
        "SELECT (SELECT min(time) FROM requests), (SELECT max(time) FROM requests)"
    )
    first, last = (None if end is None else int(end * 1_000) for end in ends)
    return RequestPage(shown, following, first, last)


def request_details(
    connection: sqlite3.Connection, number: int, selection: Selection
) -> RequestDetails | None:
    """Return the request of this number in full; None if there is none.

    Args:
        connection: The file.
        number: The request's number.
        selection: Where to continue in its events, and how many to return.
    """
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
    skipped = max(0, selection.before[0]) if selection.before else 0
    return RequestDetails(
        found,
        answer.decode("utf-8", "replace"),
        faulty[:_MOST_MARKED],
        len(faulty),
        sent_events(connection, number, upload, skipped, selection.limit),
        body is not None,
    )
