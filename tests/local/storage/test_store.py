"""What outlives the process that stored it."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.ingest.effects import Effects, Kind, NewEvent, User
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.storage.request_log import LoggedRequest
from target_amplitude_nami.local.storage.store import Capacities, Store
from tests.local.bench import BATCH, Bench, event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.local.conftest import MakeBench


def new_event(number: int, *, time: int = 0) -> NewEvent:
    user = User(1, "p", "user-1", None)
    return NewEvent(number, "p", "e", Kind.EVENT, user, time, b"{}", b"{}")


def put(store: Store, *events: NewEvent, fingerprints: Sequence[int] = ()) -> None:
    """Store a request with these events."""
    with store.transaction() as number:
        effects = Effects(events=list(events), fingerprints=list(fingerprints))
        store.keep(effects, number, now=0)
        entry = LoggedRequest(
            number=number,
            time=0.0,
            api="http_v2",
            status=200,
            events=len(events),
            duplicates=0,
            payload_bytes=10,
            wire_bytes=10,
            milliseconds=1.0,
            answer=b"{}",
        )
        store.log(entry, len(events))


def test_what_was_stored_is_there_after_a_restart(
    tmp_path: Path, make_bench: MakeBench
) -> None:
    path = tmp_path / "local.db"
    first = make_bench(path)
    first.send(event(insert_id="insert-1", user_properties={"n": 1}))
    first.store.close()

    second = make_bench(path)
    second.send(event(insert_id="insert-1"), event(user_properties={"m": 2}))
    second.store.close()

    summary = second.read.summary()
    assert (summary.total, summary.duplicates, summary.requests) == (2, 1, 2)
    assert second.read.user_properties("user-1") == {"n": 1, "m": 2}
    assert [entry.number for entry in second.read.requests()] == [1, 2]


def test_a_request_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "local.db")
    with pytest.raises(OverflowError):
        put(store, new_event(1), new_event(2, time=2**70), fingerprints=[7])
    put(store, new_event(1))

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


def test_no_api_key_is_stored(tmp_path: Path, make_bench: MakeBench) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)
    bench.send(event(), api_key="a-very-secret-key")
    bench.store.close()

    assert b"a-very-secret-key" not in (tmp_path / "local.db").read_bytes()


def test_reading_never_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Reader(tmp_path / "none.db").summary()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("open_file", [Store, lambda path: Reader(path).summary()])
def test_a_file_of_another_version_is_an_error(
    tmp_path: Path,
    open_file: Callable[[Path], object],
) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (number INTEGER)")

    with pytest.raises(sqlite3.DatabaseError, match="made by another version"):
        open_file(path)


def test_a_file_of_another_kind_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but notes that somebody wants to keep" * 20)
    before = path.read_bytes()

    with pytest.raises(sqlite3.DatabaseError):
        Store(path)

    assert path.read_bytes() == before


def test_two_processes_may_write_to_one_file(
    tmp_path: Path, make_bench: MakeBench
) -> None:
    one, other = make_bench(tmp_path / "local.db"), make_bench(tmp_path / "local.db")
    one.send(event(insert_id="insert-1", user_properties={"a": 1}))

    other.send(event(insert_id="insert-1"), event(user_properties={"b": 2}))
    one.send(event(event_type="new"), event(insert_id="insert-1"))
    other.send(event(event_type="new", user_id="user-2", device_id="device-2"))

    summary = one.read.summary()
    assert summary.events == {"new": 2, "user.login": 2}
    assert (summary.duplicates, summary.requests, summary.users) == (2, 4, 2)
    assert one.read.user_properties("user-1") == {"a": 1, "b": 2}
    one.store.close()
    other.store.close()


def test_insert_ids_are_remembered_after_they_moved_into_their_table(
    tmp_path: Path, make_bench: MakeBench
) -> None:
    capacities = Capacities(waiting_rows=3)
    bench = make_bench(tmp_path / "local.db", capacities=capacities)
    events = [
        event(insert_id=f"insert-{n}", user_id=f"user-{n}", device_id=f"device-{n}")
        for n in range(8)
    ]
    for start in range(0, 8, 2):
        bench.send(*events[start : start + 2])
    bench.store.close()

    again = make_bench(tmp_path / "local.db", capacities=capacities)
    again.send(*events)
    again.store.close()

    summary = again.read.summary()
    assert (summary.total, summary.duplicates, summary.users) == (8, 8, 8)


def test_insert_ids_that_no_longer_count_are_deleted(make_bench: MakeBench) -> None:
    bench = make_bench(capacities=Capacities(waiting_rows=1))

    def remembered() -> int:
        with closing(bench.read.connect()) as connection:
            [count] = connection.execute("SELECT count(*) FROM seen").fetchone()
        return int(count)

    bench.send(*[event(insert_id=f"insert-{n}") for n in range(5)])
    assert remembered() == 5
    bench.now += 8 * 24 * 3_600
    bench.send(event(insert_id="insert-new"))

    assert remembered() == 1


def test_the_bodies_of_refused_requests_are_kept_without_their_key(
    tmp_path: Path, make_bench: MakeBench
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)
    bench.send(event(user_id="abc"), api_key="a-very-secret-key")
    bench.send(event())
    bench.store.close()

    bodies = [logged.body for logged in bench.read.requests()]
    assert bodies[0] is not None
    assert b'"abc"' in bodies[0]
    assert bodies[1] is None
    assert b"a-very-secret-key" not in (tmp_path / "local.db").read_bytes()


def test_only_the_newest_bodies_of_refused_requests_are_kept(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(keep_bodies=False, capacities=Capacities(kept_bodies=2))
    for _ in range(4):
        bench.send(event(time="x"))

    kept = [logged.body is not None for logged in bench.read.requests()]
    assert kept == [False, False, True, True]


def test_a_body_too_large_to_keep_is_not_kept(make_bench: MakeBench) -> None:
    bench = make_bench(keep_bodies=False)
    large = event(time="x", event_properties={"text": "x" * 1_000_000})

    assert bench.send(large, path=BATCH)[0] == 400
    assert [logged.body for logged in bench.read.requests()] == [None]
