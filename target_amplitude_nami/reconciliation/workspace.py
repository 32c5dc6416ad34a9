"""Keeps both sides of a comparison in a temporary SQLite file: memory stays flat."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_amplitude_nami.outcomes import DedupKey
    from target_amplitude_nami.reconciliation.differences import Difference

TO_COMPARE: t.Final = 0
"""The standing of an event that Amplitude should have in these hours."""
ELSEWHEN: t.Final = 1
"""Of one that was delivered in other hours."""
NEVER_DELIVERED: t.Final = 2
"""Of one that the memory file does not know."""

_CACHE_KIB: t.Final = 10_000
_ROWS_AT_ONCE: t.Final = 1_000

_TABLES: t.Final = """
CREATE TABLE expected (
    place INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    event_type TEXT NOT NULL,
    insert_id TEXT NOT NULL,
    device_id TEXT,
    user_id TEXT,
    time INTEGER,
    delivered INTEGER, -- ms since 1970; NULL when that is not known
    standing INTEGER NOT NULL,
    body BLOB -- as it is sent; NULL when only its key is known
);
CREATE TABLE lines (
    place INTEGER PRIMARY KEY,
    schema INTEGER NOT NULL,
    line BLOB NOT NULL
);
CREATE TABLE schemas (
    number INTEGER PRIMARY KEY,
    line BLOB NOT NULL
);
CREATE TABLE seen (
    place INTEGER NOT NULL
);
CREATE TABLE differences (
    place INTEGER NOT NULL,
    field TEXT NOT NULL,
    sent TEXT NOT NULL,
    found TEXT NOT NULL
);
CREATE TABLE others (
    event_type TEXT NOT NULL,
    insert_id TEXT NOT NULL,
    device_id TEXT,
    user_id TEXT,
    time INTEGER,
    uploaded INTEGER
);
"""
_SORTED: t.Final = """
CREATE INDEX seen_by_place ON seen (place);
CREATE INDEX differences_by_place ON differences (place);
CREATE TABLE doubled (place INTEGER PRIMARY KEY);
INSERT INTO doubled SELECT place FROM seen GROUP BY place HAVING count(*) > 1;
"""


class Expected(t.NamedTuple):
    """An event that Amplitude may have."""

    key: DedupKey
    event_type: str
    insert_id: str
    device_id: str | None
    user_id: str | None
    time: int | None
    delivered: int | None
    standing: int
    body: bytes | None = None


class Match(t.NamedTuple):
    """An expected event, by its place."""

    place: int
    standing: int
    body: bytes | None
    user_id: str | None


class Other(t.NamedTuple):
    """An event that only Amplitude has."""

    event_type: str
    insert_id: str
    device_id: str | None
    user_id: str | None
    time: int | None
    uploaded: int | None


class Workspace:
    """The temporary file; it has no name any more once it is open."""

    def __init__(self) -> None:
        """Make it.

        Raises:
            OutputUnwritable: When there is no room for it.
        """
        try:
            with (
                explained(),
                tempfile.TemporaryDirectory(prefix="amplitude-nami-") as folder,
            ):
                path = Path(folder) / "comparison.db"
                self._connection = sqlite3.connect(path, isolation_level=None)
                for pragma in (
                    "journal_mode = OFF",
                    "synchronous = OFF",
                    "locking_mode = EXCLUSIVE",
                    "temp_store = FILE",
                    f"cache_size = -{_CACHE_KIB}",
                ):
                    self._connection.execute(f"PRAGMA {pragma}").fetchall()
                self._connection.executescript(_TABLES)
                self._connection.execute("BEGIN")
        except OSError as error:
            raise _no_room(error.strerror or str(error)) from error
        self._count = 0

    def close(self) -> None:
        """Close it: it is gone."""
        self._connection.close()

    # What is expected

    def add(self, events: Sequence[Expected]) -> None:
        """Add events, in order."""
        with explained():
            self._connection.executemany(
                "INSERT INTO expected VALUES (?,?,?,?,?,?,?,?,?,?)",
                [(self._count + n, *event) for n, event in enumerate(events, start=1)],
            )
        self._count += len(events)

    def add_lines(self, lines: Iterable[tuple[int, bytes]]) -> None:
        """Add the message of each of the events that are added next.

        Args:
            lines: The number of its schema, and the RECORD message.
        """
        with explained():
            self._connection.executemany(
                "INSERT INTO lines VALUES (?,?,?)",
                [(self._count + n, *line) for n, line in enumerate(lines, start=1)],
            )

    def add_schema(self, number: int, line: bytes) -> None:
        """Add a SCHEMA message."""
        with explained():
            self._connection.execute("INSERT INTO schemas VALUES (?,?)", (number, line))

    def index(self) -> None:
        """Get ready for `matches`: all events were added.

        Of those that have one key, as Amplitude has one of them, the first stays.
        """
        with explained():
            execute = self._connection.execute
            execute("CREATE INDEX expected_by_key ON expected (key)")
            execute(
                "DELETE FROM expected WHERE place IN ("
                "SELECT later.place FROM expected AS first"
                " JOIN expected AS later ON later.key = first.key"
                " AND later.place > first.place)"
            )

    # What was found

    def matches(self, keys: Sequence[DedupKey]) -> dict[DedupKey, Match]:
        """Return the expected events of some keys."""
        places = ",".join("?" * len(keys))
        query = (
            "SELECT key, place, standing, body, user_id FROM expected"  # noqa: S608
            f" WHERE key IN ({places})"
        )
        with explained():
            rows = self._connection.execute(query, keys).fetchall()
        return {key: Match(*match) for key, *match in rows}

    def note_seen(self, places: Iterable[int]) -> None:
        """Note that Amplitude has events."""
        with explained():
            self._connection.executemany(
                "INSERT INTO seen VALUES (?)", [(place,) for place in places]
            )

    def note_differences(self, found: Iterable[tuple[int, Difference]]) -> None:
        """Note what differs in events."""
        with explained():
            self._connection.executemany(
                "INSERT INTO differences VALUES (?,?,?,?)",
                [(place, *difference) for place, difference in found],
            )

    def note_others(self, others: Iterable[Other]) -> None:
        """Note events that only Amplitude has."""
        with explained():
            self._connection.executemany(
                "INSERT INTO others VALUES (?,?,?,?,?,?)", others
            )

    def sort(self) -> None:
        """Get ready for `rows`: all was noted."""
        with explained():
            self._connection.executescript(_SORTED)

    def rows(self, query: str, *values: object) -> Iterator[t.Any]:
        """Yield the rows of a query, some at a time."""
        with explained():
            cursor = self._connection.execute(query, values)
            while some := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from some


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Explain that there is no room for the temporary file.

    Raises:
        OutputUnwritable: In the place of SQLite's error.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _no_room(str(error)) from error


def _no_room(why: str) -> OutputUnwritable:
    return OutputUnwritable(
        f"the comparison's temporary file cannot be used ({why}): free disk space, or "
        f"name another folder in the environment variable TMPDIR"
    )
