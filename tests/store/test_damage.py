"""Rows that nobody wrote: one line says that the file is damaged, whatever the row."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID, RejectPlace
from target_amplitude_nami.store.profiles import SentState, UserProfile
from tests.support.memory import EVENT, SCHEMA, leave, remember

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore

VALUES = [
    "NULL",
    "x''",
    "-7",
    "9223372036854775807",
    "0.5",
    "'text'",
    "CAST(x'ff80fe' AS TEXT)",  # no UTF-8
    "x'ff80fe00'",
    "CAST(replace(hex(zeroblob(20000)), '0', '[') AS TEXT)",
    "substr({column}, 1, length({column}) / 2)",
    "CAST({column} AS BLOB)",
]


def columns() -> list[tuple[str, str]]:
    """Return every column of every table that is not computed from another one."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return [
            (table, column)
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall()
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")
        ]


COLUMNS = columns()
TABLES = sorted({table for table, _ in COLUMNS})
NOT_READ = {
    # For the owner of the file, or computed anew.
    ("delivered", "insert_id"),
    ("delivered", "device_id"),
    ("delivered", "user_id"),
    ("delivered", "delivered_time"),
    # Whoever reads a held record checks it.
    ("held", "line"),
    ("held", "record"),
    # It is only compared: the row stays.
    ("delivered", "last_seen_day"),
    ("reject_places", "last_seen_day"),
    # What is not found under its name is as good as gone.
    ("delivered", "event_key"),
    ("delivered", "project"),
    ("sent_states", "project"),
    ("sent_states", "user_id"),
    ("sent_states", "device_id"),
    ("projects", "project"),
    ("held", "nami_user_id"),
    ("users", "nami_user_id"),
    ("projects", "name_hash"),
    ("id_owners", "kind"),
    ("id_owners", "id"),
    ("reject_places", "record_hash"),
    ("held", "number"),
    ("held", "record_hash"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that has something in every table."""
    path = tmp_path_factory.mktemp("sound") / "memory.db"
    leave(path, learn)
    return path


@pytest.fixture
def path(tmp_path: Path, sound: Path) -> Path:
    path = tmp_path / "memory.db"
    shutil.copy(sound, path)
    return path


def learn(memory: SqliteStore) -> None:
    """Put something into every table."""
    known = UserProfile(external_id="a").with_state(UserState(active_skus=["x"]), 5)
    memory.users.put("nami-1", known)
    memory.sent_states["main"].put("user", SentState(5, 77, "event", 1, key=EVENT.key))
    memory.settle("main", [EVENT], [])
    memory.hold("nami-1", "events", b'{"type":"RECORD"}', b'{"event":{}}')
    for user in ("nami-1", "nami-2"):
        memory.note_owner(EXTERNAL_ID, "a", user)
        memory.note_owner(DEVICE, "phone", user)
    memory.note_reject(b"k" * 16, RejectPlace(7, 90, b"d" * 16))


def use(path: Path) -> None:
    """Read every table and write to it."""
    memory = remember(path)
    try:
        memory.users.prepare(["nami-1", "nami-2"])
        memory.prepare({"user"}, {EVENT.key})
        memory.users.get("nami-1")
        memory.sent_states["main"].get("user")
        memory.delivered_before("main", EVENT.key)
        memory.delivered_among("main", [EVENT.key])
        memory.find_reject(b"k" * 16)
        list(memory.all_held())
        list(memory.held_of("nami-1"))
        list(memory.held_of_identified_users())
        learn(memory)
        memory.figures()
        memory.commit()
    finally:
        memory.close()


def change(path: Path, statement: str) -> None:
    """Change the file, where SQLite lets it."""
    with (
        contextlib.closing(sqlite3.connect(path)) as connection,
        contextlib.suppress(sqlite3.IntegrityError),
    ):
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_damage_of_any_row_is_one_line_or_does_no_harm(
    path: Path, sound: Path, table: str, column: str
) -> None:
    messages = set()
    for value in VALUES:
        shutil.copy(sound, path)
        new = value.format(column=column)
        change(path, f"UPDATE {table} SET {column} = {new}")  # noqa: S608
        try:
            use(path)
        except StoreUnusable as error:
            messages.add(str(error))
    for message in messages:
        assert "\n" not in message
        assert f"The memory file {path} cannot be used: it is damaged" in message
    if (table, column) not in NOT_READ:
        assert messages


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_gone_is_damage(path: Path, table: str) -> None:
    change(path, f"DROP TABLE {table}")
    with pytest.raises(StoreUnusable, match=f"damaged .no such table: .*{table}"):
        use(path)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_column_that_is_gone_is_damage(path: Path, table: str, column: str) -> None:
    change(path, f"ALTER TABLE {table} RENAME COLUMN {column} TO gone")
    with pytest.raises(StoreUnusable, match=f"damaged .*{column}"):
        use(path)


@pytest.mark.parametrize(
    "state", ["[]", "7", '{"active_skus": 5}', '{"active_skus": ["x"', "{}}", "", "["]
)
def test_a_state_that_nobody_wrote_is_damage(path: Path, state: str) -> None:
    change(path, f"UPDATE users SET state = '{state}'")  # noqa: S608
    with pytest.raises(StoreUnusable, match=r"it is damaged\..*Restore it"):
        use(path)
