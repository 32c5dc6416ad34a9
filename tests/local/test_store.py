"""What outlives the process that stored it."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.model import Effects, LoggedRequest, NewEvent
from target_amplitude_nami.local.reading import Reader
from target_amplitude_nami.local.store import Store
from tests.local.bench import Bench, event

if TYPE_CHECKING:
    from pathlib import Path


def logged(number: int) -> LoggedRequest:
    return LoggedRequest(number, 0.0, "http_v2", 200, 1, 0, 10, 10, b"{}")


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    first = Bench(path)
    first.send(event(insert_id="insert-1", user_properties={"n": 1}))
    first.store.close()

    second = Bench(path)
    second.send(event(insert_id="insert-1"), event(user_properties={"m": 2}))
    second.store.close()

    summary = second.read.summary()
    assert (summary.total, summary.duplicates, summary.requests) == (2, 1, 2)
    assert second.read.user_properties("user-1") == {"n": 1, "m": 2}
    assert [entry.number for entry in second.read.requests()] == [1, 2]


def test_a_request_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "local.db")
    good = NewEvent("p", "e", "u", "d", None, 0, 0, listed=True, export="{}", raw=b"{}")
    unfit = NewEvent("p", "e", "u", "d", None, 2**70, 0, True, "{}", b"{}")  # noqa: FBT003

    with pytest.raises(OverflowError):
        store.commit(logged(1), Effects(events=[good, unfit], fingerprints=[7]))
    store.commit(logged(1), Effects(events=[good]))

    assert store.seen([7], since=0) == set()
    store.close()
    summary = Reader(tmp_path / "local.db").summary()
    assert (summary.total, summary.requests) == (1, 1)


def test_a_reader_sees_each_commit_at_once(bench: Bench) -> None:
    for number in range(1, 4):
        bench.send(event())

        assert bench.read.summary().total == number


def test_a_reader_in_the_middle_of_a_list_does_not_hold_up_the_writer(
    bench: Bench,
) -> None:
    bench.send(event(), event())
    reading = bench.read.events()
    next(reading)

    assert bench.send(event())[0] == 200
    assert len(list(reading)) == 1


def test_nobody_else_may_read_the_file(bench: Bench, tmp_path: Path) -> None:
    bench.send(event())

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


def test_no_api_key_is_stored(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "local.db", keep_bodies=False)
    bench.send(event(), api_key="a-very-secret-key")
    bench.store.close()

    assert b"a-very-secret-key" not in (tmp_path / "local.db").read_bytes()


def test_reading_never_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Reader(tmp_path / "none.db").summary()

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_version_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (number INTEGER)")

    with pytest.raises(sqlite3.DatabaseError, match="made by another version"):
        Store(path)


def test_a_file_of_another_kind_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but notes that somebody wants to keep" * 20)
    before = path.read_bytes()

    with pytest.raises(sqlite3.DatabaseError):
        Store(path)

    assert path.read_bytes() == before
