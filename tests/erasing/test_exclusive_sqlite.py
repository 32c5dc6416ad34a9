"""A SQLite file is opened alone, and what is deleted leaves no trace."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.erasing.exclusive_sqlite import ExclusiveFile, holds_any
from target_amplitude_nami.errors import OutputUnwritable

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a)")
        connection.executemany(
            "INSERT INTO t VALUES (?)", [(f"somebody-{n} " * 99,) for n in range(99)]
        )
    return path


def open_file(path: Path) -> ExclusiveFile:
    return ExclusiveFile(path, busy="is busy")


def test_others_are_kept_out_and_have_the_file_as_before_afterwards(path: Path) -> None:
    with closing(open_file(path)), closing(sqlite3.connect(path, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("SELECT * FROM t")
        with pytest.raises(OutputUnwritable, match=r"some\.db is busy"):
            open_file(path)
    with closing(sqlite3.connect(path, timeout=0)) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (99,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with pytest.raises(OutputUnwritable, match="is busy"):
            open_file(path)


def test_traces_of_an_earlier_deletion_go_as_well(path: Path) -> None:
    with closing(sqlite3.connect(path)) as before, before:
        before.execute("PRAGMA secure_delete = OFF")
        before.execute("DELETE FROM t")  # leaves the pages as they were
    with closing(open_file(path)) as file:
        assert holds_any(path, ["somebody-7"])
        file.commit(ids=["somebody-7"], has_deleted=False)
        assert not holds_any(path, ["somebody-"])


@pytest.mark.parametrize("at", [0, _CHUNK - 5, _CHUNK, 2 * _CHUNK - 1])
def test_bytes_are_found_wherever_they_stand(tmp_path: Path, at: int) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"-" * at + "sömebody".encode() + b"-" * _CHUNK)
    assert holds_any(path, ["nobody", "sömebody"])
    assert not holds_any(path, ["nobody", "sömebody!"])
    assert not holds_any(path, [])


def test_what_is_missing_or_no_database_is_explained(tmp_path: Path) -> None:
    missing, text = tmp_path / "missing.db", tmp_path / "text.db"
    text.write_text("This is no database, and says so at some length.")
    for path, why in ((missing, "unable to open"), (text, "not a database")):
        with pytest.raises(OutputUnwritable, match=why):
            open_file(path)
    assert not missing.exists()
    with pytest.raises(OutputUnwritable, match="cannot be read"):
        holds_any(missing, ["somebody"])
