"""Notes events that came after newer ones of their user and may overwrite them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_amplitude_nami.local.storage.write_buffer import WriteBuffer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

SKIP = "$skip_user_properties_sync"


class StateEvent(NamedTuple):
    """An event that names user properties."""

    number: int
    user: int
    time: int
    leaves_user_alone: bool
    """Whether it keeps its user's properties from being changed."""


class StateOrder:
    """Writes the tables `newest_states` and `late_events`.

    Amplitude applies user properties as events arrive, whatever their time: an event
    that comes after a newer one of its user sets an older state.

    Args:
        connection: The file.
        most_waiting: How many rows may wait for `newest_states`.
        cached: How many of its rows to cache.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, most_waiting: int, cached: int
    ) -> None:
        self._connection = connection
        self._newest = WriteBuffer(
            connection, "newest_states", most_waiting=most_waiting, cached=cached
        )

    def load(self) -> None:
        """Read the waiting rows from the file, and clear the cache."""
        self._newest.load()

    def add(self, events: Iterable[StateEvent]) -> None:
        """Note which of these events, in the order of arrival, come late."""
        events = list(events)
        if not events:
            return
        newest = self._newest.get({event.user for event in events})
        changed: dict[int, int] = {}
        late: list[tuple[bool, int, int]] = []
        for number, user, time, leaves_user_alone in events:
            known = newest.get(user)
            if known is None or time >= known:
                newest[user] = changed[user] = time
            else:
                late.append((leaves_user_alone, number, known - time))
        if late:
            self._keep(late)
        self._newest.put(changed)

    def _keep(self, late: list[tuple[bool, int, int]]) -> None:
        self._connection.executemany("INSERT INTO late_events VALUES (?,?,?)", late)
        alone = sum(leaves_user_alone for leaves_user_alone, _, _ in late)
        self._connection.execute(
            "UPDATE sizes SET late = late + ?, overwrote = overwrote + ?",
            (alone, len(late) - alone),
        )

    def join(self, old: int, new: int) -> None:
        """Give a user what is known of an anonymous device that they turned out to be.

        Args:
            old: The number of the device's user.
            new: The number of the user.
        """
        newest = self._newest.get((old, new))
        if newest.get(old, -(2**62)) > newest.get(new, -(2**62)):
            self._newest.put({new: newest[old]})
