"""Makes a memory file that knows very many users.

A run of the target itself writes the first of them; their rows are then copied under
other ids, so that the form is the target's own whatever it is. Users that a benchmark
meets again should be among the first.

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


def grow(path: Path, times: float) -> None:
    """Make a memory file so many times as large: in every table that goes by ids."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Nothing is lost if this is cut short; the target sets its own mode again.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            if "id" in _columns(connection, table):
                [[rows]] = connection.execute(f"SELECT count(*) FROM {table}")
                connection.execute("BEGIN")
                _add(connection, table, round(rows * times) - rows)
                connection.execute("COMMIT")
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    described = connection.execute(f"PRAGMA table_info({table})")
    return [name for _, name, *_ in described]


def _add(connection: sqlite3.Connection, table: str, count: int) -> None:
    """Add copies of a table's rows, in the order of their new ids: the fastest."""
    columns = [name for name in _columns(connection, table) if name != "id"]
    ids: Iterator[bytes] | Iterator[str]
    ids = _delivered_ids(count) if table == "delivered" else _ids(count)
    sample = connection.execute(
        f"SELECT {', '.join(columns)} FROM {table} LIMIT {_SAMPLE}"
    ).fetchall()
    places = ", ".join("?" * (1 + len(columns)))
    connection.executemany(
        f"INSERT OR IGNORE INTO {table} (id, {', '.join(columns)}) VALUES ({places})",
        ((new, *row) for new, row in zip(ids, cycle(sample), strict=False)),
    )


def _numbers(count: int) -> Iterator[int]:
    """Yield numbers of 128 bits in their order, evenly spread as UUIDs are."""
    gap = (1 << _ID_BITS) // max(count, 1)
    dice = Random(count)
    for number in range(count):
        yield number * gap + dice.randrange(gap)


def _ids(count: int) -> Iterator[str]:
    """Yield the keys of names in their order: of UUIDs, as most names are."""
    for number in _numbers(count):
        yield f"{UUID(int=number)}~00000000"


def _delivered_ids(count: int) -> Iterator[bytes]:
    """Yield the keys of events in their order."""
    for number in _numbers(count):
        yield number.to_bytes(_ID_BITS // 8)


if __name__ == "__main__":
    grow(Path(sys.argv[1]), float(sys.argv[2]))
