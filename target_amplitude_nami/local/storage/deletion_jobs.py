"""Keeps the deletion jobs that were asked for, with no id but Amplitude's own."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_DAYS_UNTIL_IT_RUNS = 11
"""A batch runs 10 to 13 days after the first request in it (User Privacy API)."""
_DAYS_WITHOUT_CHANGES = 3
"""So many days before, nobody can change it any more."""

# Made when it is needed, so that a file of before can have it, too.
_TABLE = """
CREATE TABLE IF NOT EXISTS deletions (
    project TEXT NOT NULL,
    amplitude_id INTEGER NOT NULL,
    requested_on_day TEXT NOT NULL,
    day TEXT NOT NULL,
    requester TEXT NOT NULL
)
"""


class DeletedUser(msgspec.Struct, frozen=True):
    """A user in a job."""

    amplitude_id: int
    requested_on_day: str
    requester: str


class DeletionJob(msgspec.Struct, frozen=True):
    """A job, as the User Privacy API shows it."""

    day: str
    status: str
    amplitude_ids: list[DeletedUser]


class DeletionJobs:
    """Reads and writes the jobs.

    Args:
        connection: The file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(_TABLE)

    def add(
        self, project: str, numbers: Iterable[int], requester: str, today: dt.date
    ) -> list[DeletionJob]:
        """Put users into the job of today; return that, if there are any."""
        day = f"{today + dt.timedelta(days=_DAYS_UNTIL_IT_RUNS)}"
        self._connection.executemany(
            "INSERT INTO deletions VALUES (?, ?, ?, ?, ?)",
            [(project, number, f"{today}", day, requester) for number in numbers],
        )
        return self.between(project, day, day, today)

    def between(
        self, project: str, start: str, end: str, today: dt.date
    ) -> list[DeletionJob]:
        """Return the jobs of some days, and how far they are today."""
        rows = self._connection.execute(
            "SELECT day, amplitude_id, requested_on_day, requester FROM deletions"
            " WHERE project = ? AND day BETWEEN ? AND ? ORDER BY day, rowid",
            (project, start, end),
        )
        return [
            DeletionJob(
                day, _status(day, today), [DeletedUser(*rest) for _, *rest in group]
            )
            for day, group in groupby(rows.fetchall(), key=lambda row: row[0])
        ]


def _status(day: str, today: dt.date) -> str:
    days_left = (dt.date.fromisoformat(day) - today).days
    if days_left <= 0:
        return "done"
    return "submitted" if days_left <= _DAYS_WITHOUT_CHANGES else "staging"
