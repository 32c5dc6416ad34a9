"""What is erased of a person in the file of a local Amplitude, and what stays."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.local.queries import figures
from target_amplitude_nami.local.queries.selection import Selection
from target_amplitude_nami.local.storage.erasable import ErasableFile
from target_amplitude_nami.local.storage.store import Capacities
from tests.local.bench import event, without

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.bench import Bench
    from tests.local.conftest import MakeBench

PERSON = Person(
    Ids(["nami-1"]), Ids(["user-1"]), Ids(["device-1"]), user_ids=Ids(["user-1"])
)
CAPACITIES = [None, Capacities(fresh_events=1, waiting_rows=1)]
"""Rows that wait for their table, and rows that are there."""


@pytest.fixture(params=CAPACITIES, ids=["waiting", "merged"])
def bench(request: pytest.FixtureRequest, make_bench: MakeBench, path: Path) -> Bench:
    return make_bench(path, capacities=request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.db"


def erase(bench: Bench, path: Path, person: Person = PERSON) -> dict[str, int]:
    """Erase a person once the server has ended."""
    bench.store.close()
    with closing(ErasableFile(path)) as file:
        counts = file.erase(person)
        file.file.commit(ids=person.ids, has_deleted=True)
    return counts


def other(number: int, **fields: object) -> dict[str, object]:
    return event(user_id=f"user-1{number}", device_id=f"device-1{number}", **fields)


def test_their_events_go_and_figures_of_the_others_hold(
    bench: Bench, path: Path
) -> None:
    bench.send(*(other(n, insert_id=f"i-{n}", event_type="a") for n in range(9)))
    bench.send(
        event(insert_id="i", user_properties={"namiml_user_id": "nami-1"}),
        event(event_type="$identify", user_properties={"n": 1}),
        other(1, insert_id="j", event_type="b"),
        event(event_type="a", insert_id="k"),
    )
    assert erase(bench, path) == {"users": 1, "events": 3, "logged requests": 1}
    written = path.read_bytes()
    for name in (b"user-1", b"device-1", b"nami-1"):
        assert not re.search(name + rb"\b", written)
    summary = bench.read.summary()
    assert (summary.events, summary.users, summary.identifies) == (
        {"a": 9, "b": 1, "user.login": 0},
        9,
        0,
    )
    with closing(bench.read.connect()) as connection:
        totals = figures.overview(connection, Selection()).totals
    assert (totals.events, totals.users) == (10, 9)


def test_the_file_is_continued_and_their_events_are_new(
    bench: Bench, path: Path, make_bench: MakeBench
) -> None:
    theirs = event(insert_id="i", user_properties={"n": 1})
    bench.send(other(1, insert_id="j"), theirs)
    erase(bench, path)
    again = make_bench(path)
    again.send(theirs, other(1, insert_id="j"), other(2))
    summary = again.read.summary()
    assert (summary.total, summary.users, summary.duplicates) == (3, 3, 1)
    assert again.read.user_properties("user-1") == {"n": 1}
    numbers = [row.number for row in again.read.requests()]
    assert numbers == [1, 2]


def test_an_anonymous_device_is_theirs_until_somebody_else_logs_in(
    bench: Bench, path: Path
) -> None:
    bench.send(without("user_id"), without("user_id", device_id="device-2"))
    bench.send(event(user_id="somebody", device_id="device-2"))
    device_2 = Person(device_ids=Ids(["device-2"]))
    bench.store.close()
    with closing(ErasableFile(path)) as file:
        assert file.erase(device_2)["users"] == 0
        assert file.erase(PERSON) == {"users": 1, "events": 1, "logged requests": 1}


def test_events_of_a_device_from_before_the_login_go_with_the_user(
    bench: Bench, path: Path
) -> None:
    bench.send(without("user_id", insert_id="i"))
    bench.send(event(insert_id="j"), other(1))
    assert erase(bench, path)["events"] == 2
    assert bench.read.summary().total == 1


def test_a_user_is_found_by_the_nami_user_id_among_the_properties(
    bench: Bench, path: Path
) -> None:
    uuid = "5f0b7a3e-0000-4002-8000-00000000000a"
    bench.send(event(user_properties={"namiml_user_id": uuid}), other(1))
    by_nami_id = Person(nami_user_ids=Ids([uuid.upper()]))
    assert erase(bench, path, by_nami_id)["users"] == 1


def test_refused_requests_keep_the_places_of_the_others(
    make_bench: MakeBench, path: Path
) -> None:
    bench = make_bench(path, keep_bodies=False)
    body = {"api_key": "k", "events": [event(), other(1), event(time="never")]}
    status, answer = bench.post(json.dumps(body).encode())
    assert status == 400
    assert answer["events_with_invalid_fields"] == {"time": [2]}
    bench.post(b'{"api_key": "k", "events": [{"user_id": "user-1"')
    bench.post(b'{"api_key": "k", "events": [{"user_id": "user-10"')
    assert erase(bench, path)["logged requests"] == 2
    kept = [row.body for row in bench.read.requests()]
    assert json.loads(kept[0] or b"")["events"] == [{}, other(1), {}]
    assert kept[1] is None
    assert b"user-10" in (kept[2] or b"")
    assert b'user-1"' not in path.read_bytes()


def test_answers_do_not_name_them_any_more(make_bench: MakeBench, path: Path) -> None:
    bench = make_bench(path, keep_bodies=False)
    assert bench.send(*[event()] * 900, other(1))[0] == 200
    assert bench.send(event(), other(1))[0] == 429
    [*_, refused] = bench.read.requests()
    assert b"user-1" in refused.answer
    assert b"device-1" in refused.answer
    erase(bench, path)
    [*_, refused] = bench.read.requests()
    assert json.loads(refused.answer)["throttled_users"] == {"***": 30}
    assert json.loads(refused.answer)["throttled_devices"] == {"***": 30}


def test_a_file_in_use_or_of_something_else_is_refused(
    make_bench: MakeBench, path: Path
) -> None:
    make_bench(path)
    with pytest.raises(OutputUnwritable, match="in use by a local Amplitude"):
        ErasableFile(path)
    another = path.with_name("another.db")
    with closing(sqlite3.connect(another)) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(OutputUnwritable, match="made by another version"):
        ErasableFile(another)
    text = path.with_name("text.db")
    text.write_text("no database at all")
    with pytest.raises(OutputUnwritable, match="not a database"):
        ErasableFile(text)
