"""Lists users, sorted by what the page asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import msgspec

from target_amplitude_nami.local.storage import user_names
from target_amplitude_nami.local.storage.user_list.status import Status
from target_amplitude_nami.local.storage.user_list.user_list import NEVER

if TYPE_CHECKING:
    import sqlite3

SortKey: TypeAlias = Literal["last", "events", "name", "status"]
SORT_KEYS: tuple[SortKey, ...] = get_args(SortKey)

_COLUMNS = "user, name, status, events, last"

# A user with changes that wait is in both tables; the list has the sum of the two.
_SETTLED = f"SELECT {_COLUMNS} FROM user_list AS settled"  # noqa: S608
_UNCHANGED = (
    "NOT EXISTS (SELECT 1 FROM fresh_user_list AS f WHERE f.user = settled.user)"
)
_FRESH = (
    "SELECT fresh.user AS user, coalesce(fresh.name, known.name, '') AS name,"
    " coalesce(fresh.status, known.status, 0) AS status,"
    " fresh.events + coalesce(known.events, 0) AS events,"
    " max(fresh.last, coalesce(known.last, fresh.last)) AS last"
    " FROM fresh_user_list AS fresh LEFT JOIN user_list AS known USING (user)"
)


class UserRow(msgspec.Struct, frozen=True):
    """A user in a list."""

    key: str
    user_id: str | None
    device_id: str | None
    kind: Literal["user", "device"]
    """A device is anonymous: no user ever logged in on it."""
    status: str
    """Where the user stands with their subscription: a `Status` in lower case."""
    events: int
    last: int | None
    """When the last event happened, in milliseconds since 1970."""


class UserPage(msgspec.Struct, frozen=True):
    """A page of the list of users."""

    users: list[UserRow]
    next: str | None


class UserOrder(msgspec.Struct, frozen=True):
    """How the list is sorted, and where to continue.

    Attributes:
        key: By what.
        descending: Whether the highest comes first.
        before: The value and the user of the last row of the page before; of the
            order by name only the user; empty for the start.
    """

    key: SortKey = "last"
    descending: bool = True
    before: tuple[int, ...] = ()


def list_users(
    connection: sqlite3.Connection, start: str, order: UserOrder, limit: int
) -> UserPage:
    """Return users with an id that starts so.

    Args:
        connection: The file.
        start: How an id starts; empty for all users.
        order: How they are sorted, and where to continue.
        limit: How many to return.
    """
    found, wanted, values = "", "", []
    if start:
        # Found once, for both parts of the list: no index helps to find them.
        found = (
            "WITH found AS MATERIALIZED (SELECT user FROM names WHERE instr(names, ?)) "
        )
        wanted = "user IN found"
        values = [user_names.beginning(start)]
    place, position = _after(connection, order)
    conditions = [part for part in (wanted, place) if part] or ["1"]
    where = " AND ".join(conditions)
    direction = "DESC" if order.descending else "ASC"
    sorting = f"ORDER BY {order.key} {direction}, user {direction} LIMIT ?"
    query = (
        f"{found}SELECT * FROM ({_SETTLED} WHERE {where} AND {_UNCHANGED} {sorting})"  # noqa: S608
        f" UNION ALL SELECT * FROM (SELECT * FROM ({_FRESH}) WHERE {where} {sorting})"
        f" {sorting}"
    )
    part = [*position, limit + 1]
    rows = connection.execute(query, [*values, *part, *part, limit + 1]).fetchall()
    shown = rows[:limit]
    following = _cursor(order.key, shown[-1]) if len(rows) > limit else None
    return UserPage(_rows(connection, shown), following)


def user_row(connection: sqlite3.Connection, number: int) -> UserRow | None:
    """Return the row of one user; None if there is none of this number."""
    query = f"SELECT * FROM ({_FRESH}) WHERE user = ?"  # noqa: S608
    settled = f"{_SETTLED} WHERE user = ?"
    row = (
        connection.execute(query, (number,)).fetchone()
        or connection.execute(settled, (number,)).fetchone()
    )
    return _rows(connection, [row])[0] if row else None


def _after(
    connection: sqlite3.Connection, order: UserOrder
) -> tuple[str, tuple[object, ...]]:
    """Return the condition that leaves out the pages before, and its values."""
    if not order.before:
        return "", ()
    *given, user = order.before
    value: object = given[0] if given else _name_of(connection, user)
    sign = "<" if order.descending else ">"
    return f"({order.key}, user) {sign} (?, ?)", (value, user)


def _cursor(key: SortKey, row: tuple[Any, ...]) -> str:
    user, name, status, events, last = row
    value = {"name": name, "status": status, "events": events, "last": last}[key]
    return f"{user}" if key == "name" else f"{value}.{user}"


def _name_of(connection: sqlite3.Connection, user: int) -> str:
    row = connection.execute(
        "SELECT coalesce(user_id, device_id, '') FROM users WHERE number = ?", (user,)
    ).fetchone()
    return row[0] if row else ""


def _rows(
    connection: sqlite3.Connection, listed: list[tuple[int, str, int, int, int]]
) -> list[UserRow]:
    places = ",".join("?" * len(listed))
    ids = {
        number: (user_id, device_id)
        for number, user_id, device_id in connection.execute(
            "SELECT number, user_id, device_id FROM users"  # noqa: S608
            f" WHERE number IN ({places})",
            [row[0] for row in listed],
        )
    }
    return [
        UserRow(
            key=str(number),
            user_id=ids[number][0],
            device_id=ids[number][1],
            kind="device" if ids[number][0] is None else "user",
            status=Status(status).key,
            events=events,
            last=None if last == NEVER else last,
        )
        for number, _, status, events, last in listed
        if number in ids
    ]
