"""The counts that are kept as events are stored are those that counting them gives."""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.local.storage import schema
from target_amplitude_nami.local.storage.counts import properties as property_counts
from target_amplitude_nami.local.storage.erasable import ErasableFile
from target_amplitude_nami.local.storage.store import Capacities
from tests.local.bench import event
from tests.local.queries.findings.finding_out import (
    STATE,
    about_user,
    finding,
    paid,
    trusted,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.bench import Bench
    from tests.local.conftest import MakeBench

VALUES: list[Any] = [None, True, False, 0, 1, 1.5, "", "text", [], [1], {}, {"a": []}]
ADDED = re.findall(
    r"CREATE (TABLE|INDEX) (\w+)",
    schema.ALL.removeprefix(schema.TABLES),
)
"""What version 4 has added."""


def any_event(dice: random.Random, number: int) -> dict[str, Any]:
    """Return an event with some properties of any kind, of one of five users."""
    user = dice.randrange(5)
    return event(
        event_type=dice.choice(["device.transaction", "user.login", "other"]),
        user_id=f"user-{user}",
        device_id=f"device-{dice.randrange(5)}",
        time=1_700_000_000_000 + dice.randrange(1_000),
        insert_id=f"insert-{number}",
        event_properties={
            name: dice.choice(VALUES) for name in "abc" if dice.random() < 0.6
        }
        | {"amount": dice.randrange(5), "constant": {"always": ["this"]}},
        user_properties={"namiml_user_id": f"nami-{user % 3}"}
        if dice.random() < 0.5
        else {},
    )


def table(path: Path, name: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
    return sorted(rows)


def counts_in(path: Path) -> dict[str, list[Any]]:
    """Return the counts of a file that later events do not change any more."""
    names = ("property_counts", "money_counts", "late_events", "shared_ids")
    return {name: table(path, name) for name in names}


def make_older(path: Path) -> None:
    """Turn a file into one of the version that counted nothing."""
    with closing(sqlite3.connect(path)) as connection:
        for kind, name in reversed(ADDED):
            connection.execute(f"DROP {kind} {name}")
        connection.execute("DELETE FROM waiting WHERE name = 'newest_states'")
        connection.execute("PRAGMA user_version = 3")
        connection.commit()


def test_a_property_is_counted_by_the_kinds_of_its_values(bench: Bench) -> None:
    sent = [event(event_properties={"p": value}) for value in VALUES]
    bench.send(*sent, event(), event(event_properties={"p": None}))
    [row] = [
        row
        for each in trusted(bench)["properties"]
        for row in each["properties"]
        if row["name"] == "p"
    ]
    assert row["present"] == 11
    assert row["types"] == {
        "number": 3,
        "boolean": 2,
        "text": 2,
        "list": 2,
        "object": 2,
    }
    # The newest event that has a value.
    assert (row["event"], row["example"]) == (12, '{"a":[]}')
    assert not row["is_constant"]


@pytest.mark.parametrize(
    ("values", "is_constant"),
    [
        ([1, 1], True),
        (["a", "a", "a"], True),
        ([["a"], ["a"]], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], True),
        ([1, 2], False),
        ([1, True], False),
        ([0, False], False),
        (["", None], False),
        (["a", "b", "a"], False),
    ],
)
@pytest.mark.parametrize("restarts", [True, False])
def test_a_value_that_all_events_share_is_known_as_such(
    make_bench: MakeBench,
    tmp_path: Path,
    values: list[Any],
    is_constant: bool,  # noqa: FBT001 - a column of the table
    restarts: bool,  # noqa: FBT001 - a column of the table
) -> None:
    path = tmp_path / "local.db"
    bench = make_bench(path)
    for value in values:
        bench.send(event(event_properties={"p": value}))
        if restarts:
            bench.store.close()
            bench = make_bench(path)
    [row] = [
        row
        for each in trusted(bench)["properties"]
        for row in each["properties"]
        if row["name"] == "p"
    ]
    assert row["is_constant"] == is_constant


def test_user_properties_count_also_when_an_operator_sets_them(bench: Bench) -> None:
    bench.send(
        event(event_type="$identify", user_properties={"$set": {"a": 1}}),
        event(event_type="$identify", user_properties={"$setOnce": {"b": 1}}),
        event(event_type="$identify", user_properties={"$unset": {"c": "-"}}),
    )
    [found] = trusted(bench)["properties"]
    assert {row["name"] for row in found["properties"] if row["scope"] == "user"} == {
        "a",
        "b",
        "$unset",
    }


@pytest.mark.parametrize(
    "capacities", [None, Capacities(waiting_rows=1, cached_users=1, fresh_events=1)]
)
def test_counts_do_not_depend_on_requests_restarts_or_other_writers(
    make_bench: MakeBench, tmp_path: Path, capacities: Capacities | None
) -> None:
    dice = random.Random(1)  # noqa: S311
    events = [any_event(dice, number) for number in range(60)]
    at_once, in_parts = tmp_path / "at-once.db", tmp_path / "in-parts.db"
    make_bench(at_once).send(*events)

    writers = [make_bench(in_parts, capacities=capacities) for _ in range(2)]
    for number, each in enumerate(events):
        writers[number % 2].send(each)
        if number == 30:
            writers[0].store.close()
            writers[0] = make_bench(in_parts, capacities=capacities)

    assert counts_in(in_parts) == counts_in(at_once)
    assert all(counts_in(at_once).values())


def test_a_refused_request_counts_nothing(bench: Bench) -> None:
    bench.send(event(), {"event_type": "nobody's"})
    assert trusted(bench)["properties"] == []


def test_a_file_of_before_is_counted_when_it_is_opened(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    dice = random.Random(2)  # noqa: S311
    path = tmp_path / "local.db"
    bench = make_bench(path)
    bench.send(*(any_event(dice, number) for number in range(60)))
    counted = counts_in(path)
    make_older(path)
    assert schema.objection_to(path) is None

    again = make_bench(path)
    assert counts_in(path) == counted
    # What comes later goes on from there.
    late = about_user(user_id="user-1", time=1_600_000_000_000)
    again.send(late)
    assert len(table(path, "late_events")) == len(counted["late_events"]) + 1


def test_whoever_reads_a_file_of_before_brings_it_to_this_version(
    bench: Bench,
) -> None:
    bench.send(about_user())
    path = bench.read.path
    bench.store.close()
    make_older(path)
    assert bench.read.summary().total == 1
    assert finding(bench, "user_events_without_id") is None
    with closing(bench.read.connect()) as connection:
        assert not schema.is_older(connection)


def test_of_an_erased_person_no_count_and_no_example_stays(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    dice = random.Random(3)  # noqa: S311
    path, without_them = tmp_path / "local.db", tmp_path / "without.db"
    events = [any_event(dice, number) for number in range(60)]
    theirs = [
        paid(1.5, user_id="erased", device_id="device-x", time=1_700_000_000_000 + n)
        for n in (5, 1)
    ]
    theirs[0]["user_properties"] = theirs[1]["user_properties"] = {
        **STATE,
        "namiml_user_id": "nami-0",
        "secret": "of theirs",
    }
    bench = make_bench(path)
    bench.send(*events[:30], *theirs, *events[30:])
    others = make_bench(without_them)
    others.send(*events)
    bench.store.close()

    person = Person(external_ids=Ids(["erased"]), user_ids=Ids(["erased"]))
    with closing(ErasableFile(path)) as file:
        file.erase(person)
        file.file.commit(ids=person.ids, has_deleted=True)

    again = make_bench(path)
    assert b"of theirs" not in path.read_bytes()
    assert shown(again) == shown(others)


def shown(bench: Bench) -> Any:
    """Return what the view shows, without numbers that depend on what is gone."""
    found = trusted(bench)
    for each in found["properties"]:
        for row in each["properties"]:
            del row["event"]
    found["evidence"]["completeness"] = None
    for late in found["evidence"]["timeliness"]["shown"]:
        late["event"] = late["event"]["insert_id"]
    for kind in ("devices", "nami_users"):
        found["evidence"]["identity"][kind] = sorted(
            [shared["id"], shared["count"]]
            for shared in found["evidence"]["identity"][kind]
        )
    return found


def test_more_properties_than_are_counted_apart_are_counted_together(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(property_counts, "_MOST_PROPERTIES", 5)
    bench.send(event(event_properties={f"p{n}": n for n in range(10)}))
    [found] = trusted(bench)["properties"]
    rows = {row["name"]: row for row in found["properties"]}
    assert len(rows) <= 6
    assert rows["…"]["present"] >= 5
    assert (rows["…"]["example"], rows["…"]["event"]) == (None, None)


@pytest.mark.parametrize(
    ("events", "sums"),
    [
        ([paid(0.1), paid(0.2)], {("EUR", False, False, False): (2, "0.30")}),
        ([paid(-4.99)], {("EUR", False, False, True): (1, "-4.99")}),
        ([paid(env="sandbox")], {("EUR", False, True, False): (1, "9.99")}),
        (
            [paid(revenue=5, currency="USD"), paid(revenue=-5, currency="USD")],
            {
                ("USD", True, False, False): (1, "5.00"),
                ("USD", True, False, True): (1, "-5.00"),
            },
        ),
        ([paid(price=1.25, quantity=3)], {("", True, False, False): (1, "3.75")}),
        ([paid(0), event(event_type="user.login")], {}),
        ([paid(0.000_001)], {("EUR", False, False, False): (1, "0.000001")}),
        ([{**paid(), "event_properties": {"amount": "much"}}], {}),
        ([paid(1e300)], {("EUR", False, False, False): (1, "4611686018427.387904")}),
        (
            [event(event_type="user.subscription.renewed", revenue=1, currency="EUR")],
            {("EUR", True, False, False): (1, "1.00")},
        ),
    ],
)
def test_money_is_added_up_by_currency_and_kind(
    bench: Bench, events: list[Any], sums: dict[Any, Any]
) -> None:
    status, answer = bench.send(*events)
    assert status == 200, answer
    found = trusted(bench)["evidence"]["money"]["sums"]
    assert {
        (s["currency"], s["is_revenue"], s["is_sandbox"], s["is_refund"]): (
            s["events"],
            s["amount"],
        )
        for s in found
    } == sums
