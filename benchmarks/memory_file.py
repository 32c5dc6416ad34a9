"""Makes a memory file that knows very many users.

A run of the target itself writes the first of them; their rows are then copied under
other ids. Users that a benchmark meets again should be among the first.

    python -m benchmarks.memory_file memory.db 100
"""

from __future__ import annotations

import sqlite3
import sys
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE: Final = 1_000
_ID_BITS: Final = 128
_NEW_IDS: Final = {
    "users": ("nami_user_id",),
    "sent_states": ("user_id",),
    "delivered": ("event_key", "insert_id"),
    "id_owners": ("id",),
}
"""By table that grows with the users, the columns that tell its rows apart."""


def grow(path: Path, times: float) -> None:
    """Make a memory file so many times as large: in every table that goes by ids."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Nothing is lost if this is cut short; the target sets its own mode again.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        for table, ids in _NEW_IDS.items():
            [[rows]] = connection.execute(f"SELECT count(*) FROM {table}")
            connection.execute("BEGIN")
            _add(connection, table, ids, round(rows * times) - rows)
            connection.execute("COMMIT")
    finally:
        connection.close()


def _add(
    connection: sqlite3.Connection, table: str, ids: tuple[str, ...], count: int
) -> None:
    """Add copies of a table's rows, in the order of their new ids: the fastest."""
    described = connection.execute(f"PRAGMA table_info({table})")
    columns = [name for _, name, *_ in described if name not in ids]
    sample = connection.execute(
        f"SELECT {', '.join(columns)} FROM {table} LIMIT {_SAMPLE}"
    ).fetchall()
    names = ", ".join([*ids, *columns])
    places = ", ".join("?" * (len(ids) + len(columns)))
    connection.executemany(
        f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})",
        (
            (*_ids_of(number, ids), *row)
            for number, row in zip(_numbers(count), cycle(sample), strict=False)
        ),
    )


def _numbers(count: int) -> Iterator[int]:
    """Yield numbers of 128 bits in their order, evenly spread as UUIDs are."""
    gap = (1 << _ID_BITS) // max(count, 1)
    dice = Random(count)
    for number in range(count):
        yield number * gap + dice.randrange(gap)


def _ids_of(number: int, columns: tuple[str, ...]) -> Iterator[bytes | str]:
    for column in columns:
        if column == "event_key":
            yield number.to_bytes(_ID_BITS // 8)
        else:
            yield str(UUID(int=number))


if __name__ == "__main__":
    grow(Path(sys.argv[1]), float(sys.argv[2]))
