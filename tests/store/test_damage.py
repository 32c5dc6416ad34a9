"""Rows that nobody wrote: one line says that the file is damaged, whatever the row."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID
from target_amplitude_nami.store.profiles import SentState, UserProfile
from tests.support.memory import EVENT, leave, remember

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore

DAMAGE: dict[str, str] = {
    "null": "NULL",
    "empty blob": "x''",
    "empty text": "''",
    "a number": "7",
    "a negative number": "-7",
    "a large number": "9223372036854775807",
    "a fraction": "0.5",
    "infinity": "9e999",
    "text": "'text'",
    "no utf-8": "CAST(x'ff80fe' AS TEXT)",
    "half a character": "CAST(x'eda080' AS TEXT)",
    "bytes": "x'ff80fe00'",
    "deep": "CAST(replace(hex(zeroblob(20000)), '0', '[') AS BLOB)",
    "cut": "substr({column}, 1, length({column}) / 2)",
    "cut at the start": "substr({column}, 2)",
    "as a blob": "CAST({column} AS BLOB)",
    "as text": "CAST({column} AS TEXT)",
    "negated": "-({column})",
}


def spoil(path: Path, table: str, column: str, value: str) -> None:
    """Put something else into a column of every row, where SQLite lets it."""
    connection = sqlite3.connect(path)
    with contextlib.suppress(sqlite3.IntegrityError):
        new = value.format(column=column)
        connection.execute(f"UPDATE {table} SET {column} = {new}")  # noqa: S608
    connection.commit()
    connection.close()


def columns() -> list[tuple[str, str]]:
    """Return every column of every table."""
    memory = remember(None)
    found = [
        (table, column)
        for (table,) in memory._file.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        for _, column, *_ in memory._file.rows(f"PRAGMA table_info({table})")
    ]
    memory.close()
    return found


COLUMNS = columns()


def learn(memory: SqliteStore) -> None:
    """Put something into every table."""
    known = UserProfile(external_id="a").with_state(UserState(active_skus=["x"]), 5)
    memory.users.put("nami-1", known)
    memory.sent_states["main"].put("user", SentState(5, 77, "event", 1, key=EVENT.key))
    memory.settle("main", [EVENT], [])
    memory.hold("nami-1", "events", b'{"type":"RECORD"}', b'{"event":{}}')
    for user in ("nami-1", "nami-2"):
        memory.claim(EXTERNAL_ID, "a", user)
        memory.claim(DEVICE, "phone", user)


def use(memory: SqliteStore) -> None:
    """Read every table and write to it."""
    memory.users.prepare(["nami-1", "nami-2"])
    memory.prepare({"user"}, {EVENT.key})
    memory.users.get("nami-1")
    memory.sent_states["main"].get("user")
    memory.delivered_before("main", EVENT.key)
    memory.delivered_among("main", [EVENT.key])
    list(memory.all_held())
    list(memory.held_of("nami-1"))
    list(memory.held_of_identified_users())
    learn(memory)
    json.dumps(memory.figures().oddities)
    memory.commit()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_no_damage_of_any_row_is_more_than_one_line(
    path: Path, table: str, column: str, damage: str
) -> None:
    leave(path, learn)
    spoil(path, table, column, damage)
    memory = None
    try:
        memory = remember(path)
        use(memory)
    except StoreUnusable as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert f"The memory file {path} cannot be used" in str(error)  # noqa: PT017
    finally:
        if memory is not None:
            memory.close()


@pytest.mark.parametrize(
    "table",
    # That of rejects is made where it is missing.
    sorted({table for table, _ in COLUMNS} - {"reject_places"}),
)
def test_a_table_that_is_gone_is_one_line(path: Path, table: str) -> None:
    leave(path, learn)
    connection = sqlite3.connect(path)
    connection.execute(f"DROP TABLE {table}")
    connection.close()
    with pytest.raises(StoreUnusable, match=f"cannot be used: no such table: {table}"):
        use(remember(path))
