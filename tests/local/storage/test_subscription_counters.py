"""Whether the counts of subscriptions stay right: joined, erased, read anew."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.local.queries.selection import Selection
from target_amplitude_nami.local.queries.subscriptions.view import subscriptions
from target_amplitude_nami.local.run_note import RunNote
from target_amplitude_nami.local.storage import schema
from target_amplitude_nami.local.storage.erasable import ErasableFile
from target_amplitude_nami.local.storage.store import Capacities
from tests.local.bench import Bench, event, without

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.local.queries.subscriptions.answer import Subscriptions
    from tests.local.conftest import MakeBench

CAPACITIES = [None, Capacities(waiting_rows=1, cached_users=1)]
"""Journeys that wait for their table, and journeys that are there."""

SAW, TRANSACTION = "device.impression", "device.transaction"
BOUGHT = "user.subscription.purchased"


@pytest.fixture(params=CAPACITIES, ids=["waiting", "merged"])
def capacities(request: pytest.FixtureRequest) -> Any:
    return request.param


def journey(user: int, paywall: str = "welcome") -> list[dict[str, Any]]:
    """Return the events of a user who pays."""
    ids = {"user_id": f"user-{user}", "device_id": f"device-{user}"}
    properties = {"amount": user, "currency": "EUR"}
    state = {"namiml_active_entitlements": ["premium"]}
    return [
        event(**ids, event_type=SAW, event_properties={"paywallId": paywall}),
        event(**ids, event_type=TRANSACTION, event_properties=properties),
        event(**ids, event_type=BOUGHT, user_properties=state),
    ]


def shown(bench: Bench) -> Subscriptions:
    with closing(bench.read.connect()) as connection:
        return subscriptions(connection, Selection())


def test_an_erased_user_is_in_no_count_and_leaves_no_trace(
    make_bench: MakeBench, tmp_path: Path, capacities: Capacities | None
) -> None:
    path, without_them = tmp_path / "local.db", make_bench()
    without_them.send(*journey(2))
    bench = make_bench(path, capacities=capacities)
    bench.send(*journey(1, "only-theirs"))
    bench.send(*journey(2))
    bench.store.close()
    person = Person(user_ids=Ids(["user-1"]), device_ids=Ids(["device-1"]))
    with closing(ErasableFile(path)) as file:
        file.erase(person)
        file.file.commit(ids=person.ids, has_deleted=True)

    assert shown(bench) == shown(without_them)
    assert b"only-theirs" not in path.read_bytes()


def test_what_a_device_did_before_its_user_was_known_counts_as_theirs(
    make_bench: MakeBench, capacities: Capacities | None
) -> None:
    known, joined = make_bench(), make_bench(capacities=capacities)
    known.send(*journey(1))
    saw, paid, bought = journey(1)
    joined.send(without("user_id", **{**saw, "device_id": "device-2"}))
    joined.send(event(user_id="user-1", device_id="device-1", insert_id="a"))
    joined.send(bought, paid)
    joined.send({**paid, "device_id": "device-2", "event_type": "user.login"})

    assert shown(joined).funnel == shown(known).funnel
    assert shown(joined).breakdowns == shown(known).breakdowns


def test_a_file_is_continued_where_it_was_left(
    make_bench: MakeBench, tmp_path: Path, capacities: Capacities | None
) -> None:
    path, at_once = tmp_path / "local.db", make_bench()
    at_once.send(*journey(1), *journey(2))
    for each in (*journey(1), *journey(2)):
        bench = make_bench(path, capacities=capacities)
        bench.send(each)
        bench.store.close()

    assert shown(bench) == shown(at_once)


def test_two_processes_count_in_one_file(make_bench: MakeBench, tmp_path: Path) -> None:
    path, at_once = tmp_path / "local.db", make_bench()
    at_once.send(*journey(1), *journey(2))
    first, second = make_bench(path), make_bench(path)
    for bench, each in zip(
        [first, second] * 3, [*journey(1), *journey(2)], strict=True
    ):
        bench.send(each)

    assert shown(first) == shown(at_once)


def test_a_request_that_fails_counts_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.send(*journey(1))
    before = shown(bench)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "log", _full)
        assert bench.send(*journey(2))[0] >= 500

    assert shown(bench) == before
    bench.send(*journey(2))
    assert shown(bench).payers[3].users == 2


def _full(*_: object, **__: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_events_of_an_earlier_version_are_counted(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    path, new = tmp_path / "local.db", make_bench()
    new.send(*journey(1), *journey(2))
    old = make_bench(path)
    old.send(*journey(1), *journey(2))
    old.store.close()
    make_version_3(path)

    assert shown(make_bench(path)) == shown(new)


def make_version_3(path: Path) -> None:
    """Make a file as the version before the counts left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        added = schema.COUNTS + schema.USER_LIST
        for kind, name in reversed(re.findall(r"CREATE (TABLE|INDEX) (\w+)", added)):
            connection.execute(f"DROP {kind} {name}")
        connection.execute("DELETE FROM waiting WHERE name NOT IN ('seen', 'owners')")
        connection.execute("PRAGMA user_version = 3")


RENAMED = RunNote(event_prefix="App: ", event_names={SAW: "Paywall Shown"})


def renamed(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events as a run with that note sends them."""
    names = {SAW: "App: Paywall Shown"}
    return [
        {
            **each,
            "event_type": names.get(each["event_type"], f"App: {each['event_type']}"),
        }
        for each in sent
    ]


def test_types_that_a_run_renames_count_as_what_they_are(make_bench: MakeBench) -> None:
    bench, plain = make_bench(), make_bench()
    bench.store.note_run(RENAMED)
    bench.send(*renamed(journey(1)))
    plain.send(*journey(1))

    assert shown(bench) == shown(plain)


def test_events_that_came_before_the_run_that_names_them_are_counted_anew(
    make_bench: MakeBench,
    capacities: Capacities | None,
) -> None:
    bench, plain = make_bench(capacities=capacities), make_bench()
    bench.send(*renamed(journey(1)), *journey(2))
    bench.store.note_run(RENAMED)
    bench.send(*renamed(journey(3)))
    for user in (1, 2, 3):
        plain.send(*journey(user))

    assert shown(bench) == shown(plain)
