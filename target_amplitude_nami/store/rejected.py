"""Where in the rejects file the rejected records of earlier runs stand."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.store.model import RejectPlace

if t.TYPE_CHECKING:
    from target_amplitude_nami.store.file import StoreFile

_TABLE: t.Final = """
CREATE TABLE IF NOT EXISTS reject_places (
    key BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    length INTEGER NOT NULL,
    digest BLOB NOT NULL,
    day INTEGER NOT NULL
) WITHOUT ROWID
"""


class RejectPlaces:
    """The places by a hash of the record; not for several threads at once."""

    def __init__(self, file: StoreFile, day: int) -> None:
        """Take the file that has them.

        Args:
            file: The file, in which what is written is not yet committed.
            day: Today, days since 1970.
        """
        file.run(_TABLE)
        self._file = file
        self._day = day

    def find(self, key: bytes) -> RejectPlace | None:
        """Return where a record was written; only the file can tell if it still is."""
        rows = self._file.rows(
            "SELECT at, length, digest FROM reject_places WHERE key = ?"
            " AND typeof(at) = 'integer' AND typeof(length) = 'integer'"
            " AND typeof(digest) = 'blob'",
            key,
        )
        return RejectPlace(*rows[0]) if rows else None

    def note(self, key: bytes, place: RejectPlace) -> None:
        """Remember, from today, where a record was written."""
        self._file.run(
            "INSERT OR REPLACE INTO reject_places VALUES (?, ?, ?, ?, ?)",
            key,
            place.at,
            place.length,
            place.digest,
            self._day,
        )

    def forget_before(self, day: int) -> None:
        """Forget records that did not come since a day, days since 1970."""
        self._file.run("DELETE FROM reject_places WHERE day < ?", day)
