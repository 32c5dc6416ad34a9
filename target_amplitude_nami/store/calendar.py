"""Purges the store by the days that records were last seen."""

from __future__ import annotations

import time
import typing as t

from target_amplitude_nami.store.run_day import reckon

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.outcomes import SentEvent
    from target_amplitude_nami.store.file import StoreFile

_SECONDS_PER_DAY: t.Final = 86_400
_MS_PER_DAY: t.Final = 1000 * _SECONDS_PER_DAY
_PURGE: t.Final = (
    "DELETE FROM delivered WHERE last_seen_day < ?",
    "DELETE FROM reject_places WHERE last_seen_day < ?",
)
_PUT: t.Final = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"

_Name: t.TypeAlias = t.Literal["last_run_day", "newest_event_day", "purged_day"]


class Calendar:
    """The days of a run; not for several threads at once."""

    def __init__(self, file: StoreFile) -> None:
        """Read what earlier runs left, and leave what later runs need."""
        self._file = file
        self._known = dict(
            file.rows_of(tuple[_Name, int], "SELECT name, value FROM meta")
        )
        machine = int(time.time()) // _SECONDS_PER_DAY
        self._day = reckon(
            machine,
            self._known.get("last_run_day"),
            self._known.get("newest_event_day"),
        )
        self.today: t.Final = self._day.today
        """What is seen in this run is remembered from here on."""
        self._latest = (machine + 2) * _MS_PER_DAY
        """Events of later, ms, have a wrong clock."""
        self.warnings: t.Final = [w for w in [self._day.warning] if w is not None]
        self.is_dirty = self._put("last_run_day", self._day.last_run_day)

    def purge(self, days: int) -> None:
        """Forget what was not seen for some days; once a day.

        Args:
            days: `memory_days`.
        """
        as_of = self._day.purge_as_of
        if self._known.get("purged_day", as_of - 1) < as_of:
            for statement in _PURGE:
                self._file.run(statement, as_of - days)
            self.is_dirty |= self._put("purged_day", as_of)

    def note_events(self, events: Iterable[SentEvent]) -> None:
        """Take note of the newest of the events that are written."""
        latest = self._latest
        times = [
            event.time
            for event in events
            if event.time is not None and event.time <= latest
        ]
        newest = max(times, default=None)
        if newest is not None:
            day = newest // _MS_PER_DAY
            if day > self._known.get("newest_event_day", day - 1):
                self._put("newest_event_day", day)

    def _put(self, name: _Name, value: int) -> bool:
        if self._known.get(name) == value:
            return False
        self._known[name] = value
        self._file.run(_PUT, name, value)
        return True
