"""Brings a file of an earlier version to the newest."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from target_amplitude_nami.local.storage import schema
from target_amplitude_nami.local.storage.counts.counters import (
    AT_ONCE,
    Counters,
    stored_events,
)
from target_amplitude_nami.local.storage.counts.shared_ids import note_shared_ids
from target_amplitude_nami.local.storage.subscriptions.counters import (
    SubscriptionCounters,
)
from target_amplitude_nami.local.storage.user_list import user_list
from target_amplitude_nami.local.storage.user_list.platforms import PlatformNames

if TYPE_CHECKING:
    import sqlite3

_WAITING, _CACHED = 50_000, 200_000


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a file to the newest version, if it is older; check what it is.

    Version 4 counts events as they are stored: those that are there are counted now.

    Args:
        connection: The file, in a transaction.

    Raises:
        sqlite3.DatabaseError: It is not a local Amplitude's, or of a newer version.
    """
    if schema.is_older(connection):
        for statement in (schema.COUNTS + schema.USER_LIST).split(";\n"):
            connection.execute(statement)
        user_list.fill(connection)
        counters = Counters(connection, most_waiting=_WAITING, cached=_CACHED)
        subscriptions = SubscriptionCounters(
            connection, most_waiting=_WAITING, cached=_CACHED
        )
        platforms = PlatformNames(connection)
        events = stored_events(connection)
        while some := list(islice(events, AT_ONCE)):
            counters.add(some)
            subscriptions.add(some)
            platforms.add(each.sent for each in some)
        note_shared_ids(connection)
        connection.execute(
            "UPDATE sizes SET user_ids = (SELECT count(user_id) FROM users)"
        )
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    schema.check(connection)
