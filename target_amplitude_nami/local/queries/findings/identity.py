"""Who events are about: users, devices alone, and ids that several users share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind, NameKind
from target_amplitude_nami.local.storage import user_names
from target_amplitude_nami.local.storage.counts.kinds import Scope

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from target_amplitude_nami.local.queries.findings.counts import TypeCount

_MOST_SHOWN = 20
_MOST_USERS_SHOWN = 5


class TypeIdentity(msgspec.Struct, frozen=True):
    """How many events of a type name a user, and how many a device alone."""

    type: str
    nami: str | None
    events: int
    with_user: int
    device_alone: int


class SharedId(msgspec.Struct, frozen=True):
    """An id that several users have."""

    id: str | None
    users: list[tuple[str, str | None]]
    """The key and the user id of some of them."""
    count: int


class Identity(msgspec.Struct, frozen=True):
    """Who the events of a file are about."""

    types: list[TypeIdentity]
    user_ids: int
    """Users with a user id."""
    devices_alone: int
    """Devices on which no user ever logged in."""
    shared_devices: int
    devices: list[SharedId]
    """Those with the most users."""
    nami_users_with_several_ids: int
    nami_users: list[SharedId]
    has_nami_ids: bool
    """Whether events carry `namiml_user_id`: without, nobody can know the latter."""


def identity(connection: sqlite3.Connection, types: Sequence[TypeCount]) -> Identity:
    """Return who the events are about."""
    [[user_ids, users]] = connection.execute(
        "SELECT user_ids, (SELECT count(*) FROM users) FROM sizes"
    )
    return Identity(
        types=[_of_type(each) for each in types if each.kind is not Kind.IDENTIFY],
        user_ids=user_ids,
        devices_alone=users - user_ids,
        shared_devices=_count(connection, NameKind.DEVICE_ID),
        devices=_shared(connection, NameKind.DEVICE_ID),
        nami_users_with_several_ids=_count(connection, NameKind.NAMI_ID),
        nami_users=_shared(connection, NameKind.NAMI_ID),
        has_nami_ids=any(e.carrying(Scope.USER, "namiml_user_id") for e in types),
    )


def _of_type(each: TypeCount) -> TypeIdentity:
    with_user = each.carrying(Scope.FIELD, "user_id")
    alone = each.events - with_user
    return TypeIdentity(each.name, each.nami, each.events, with_user, alone)


def _count(connection: sqlite3.Connection, kind: NameKind) -> int:
    [[count]] = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM shared_ids WHERE kind = ?"
        " GROUP BY key HAVING count(*) > 1)",
        (kind,),
    )
    return int(count)


def _shared(connection: sqlite3.Connection, kind: NameKind) -> list[SharedId]:
    """Return the ids that the most users share."""
    keys = connection.execute(
        "SELECT key, count(*) FROM shared_ids WHERE kind = ? GROUP BY key"
        " HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT ?",
        (kind, _MOST_SHOWN),
    ).fetchall()
    return [_one(connection, kind, key, count) for key, count in keys]


def _one(
    connection: sqlite3.Connection, kind: NameKind, key: int, count: int
) -> SharedId:
    rows = connection.execute(
        "SELECT users.number, user_id, names FROM shared_ids"
        " JOIN users ON users.number = shared_ids.user"
        " LEFT JOIN names ON names.user = shared_ids.user"
        " WHERE kind = ? AND key = ? ORDER BY users.number LIMIT ?",
        (kind, key, _MOST_USERS_SHOWN),
    ).fetchall()
    shared = _in_all([user_names.of_kind(names or "", kind) for _, _, names in rows])
    return SharedId(shared, [(str(n), user_id) for n, user_id, _ in rows], count)


def _in_all(names: Iterable[list[str]]) -> str | None:
    """Return the name that all have; None if they share several."""
    first, *rest = [dict.fromkeys(each) for each in names]
    shared = [name for name in first if all(name in each for each in rest)]
    return shared[0] if len(shared) == 1 else None
