"""The report of a run, as a table and as JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from target_amplitude_nami.accounting.counts import Counts
from target_amplitude_nami.accounting.metrics import Earlier, metrics
from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.store.model import StoreFigures
from tests.support.reports import COUNTS, NOTHING, REPORT


def test_the_table_is_one_that_people_can_read() -> None:
    assert list(REPORT.lines()) == [
        "radio -> https://api2.amplitude.com/2/httpapi: complete",
        (
            "                               read  delivered  filtered  rejected"
            "      held  duplicate"
        ),
        (
            "(other)                           5          0         4         1"
            "         0          0"
        ),
        (
            "device.impression                40         18        10         2"
            "         9          1"
        ),
        (
            "user.subscription.renewed    12,003     11,995         0         5"
            "         0          3"
        ),
        "filtered: 10 before_start_date, 4 not_nami",
        "rejected: 4 time_unreadable, 3 no_ids, 1 line_not_json",
        (
            "id_conflict: 3 duplicates with the id and device of another event, but "
            "another type or time; Amplitude keeps one of the two: "
            '"a-1", "b\\"\\n' + "x" * 57 + '"'
        ),
        "delivered: 12,013 events of 321 users",
        (
            "delivered: 1,200 late (user properties left as they were), "
            "18 without a user id"
        ),
        "memory: 2 held records released, so read again",
        (
            "memory: 12 records wait for an External ID, the oldest since "
            "2026-05-28T20:26:40+00:00"
        ),
        (
            "memory: ids that do not fit together: 1 device_of_several_users; the "
            "report in `report_path` names some"
        ),
        "7 requests, 2 retries, 1 throttled, 1,234,567 bytes sent, 3 texts cut",
        REPORT.summary(),
    ]


@pytest.mark.parametrize(
    ("late", "without_user_id", "lines"),
    [
        (0, 0, []),
        (1, 0, ["delivered: 1 late (user properties left as they were)"]),
        (0, 2, ["delivered: 2 without a user id"]),
    ],
)
def test_what_is_odd_of_no_event_takes_no_line(
    late: int, without_user_id: int, lines: list[str]
) -> None:
    counts = dataclasses.replace(COUNTS, late=late, without_user_id=without_user_id)
    table = dataclasses.replace(REPORT, counts=counts).lines()
    assert [line for line in table if line.startswith("delivered:")][1:] == lines


def test_user_records_are_explained() -> None:
    counts = dataclasses.replace(
        COUNTS,
        read={**COUNTS.read, "(user records)": 2_000},
        delivered={"device.impression": 1, "(user records)": 2_000},
        users=1_024_000,
        are_users_exact=False,
    )
    table = dataclasses.replace(REPORT, counts=counts).lines()
    assert next(line for line in table if line.startswith("delivered:")) == (
        "delivered: 1 event and 2,000 user records of about 1,024,000 users; a user "
        "record sets user properties and is not an event in Amplitude"
    )


def test_one_of_a_kind_is_in_the_singular() -> None:
    one = dataclasses.replace(
        NOTHING,
        counts=Counts(
            {"device.impression": 1},
            {"device.impression": 1},
            {},
            {},
            {},
            {},
            released=1,
            id_conflicts=1,
            conflicting_ids=("a",),
            users=1,
        ),
        traffic=Traffic(requests=1, retries=1, body_bytes=1),
        texts_cut=1,
        store=StoreFigures(waiting=1, waiting_since=0),
        seconds=1.0,
    )
    assert list(one.lines())[3:] == [
        (
            "id_conflict: 1 duplicate with the id and device of another event, but "
            'another type or time; Amplitude keeps one of the two: "a"'
        ),
        "delivered: 1 event of 1 user",
        "memory: 1 held record released, so read again",
        (
            "memory: 1 record waits for an External ID, the oldest since "
            "1970-01-01T00:00:00+00:00"
        ),
        "1 request, 1 retry, 1 byte sent, 1 text cut",
        (
            "1 record read: 1 delivered, 0 filtered, 0 rejected, 0 held, 0 duplicate, "
            "in 1.0 s (1 event/s)"
        ),
    ]


def test_the_summary_is_one_line() -> None:
    assert REPORT.summary() == (
        "12,048 records read: 12,013 delivered, 14 filtered, 8 rejected, 9 held, "
        "4 duplicate, in 10.0 s (1,201 events/s)"
    )


def test_a_long_name_moves_the_columns_and_not_one_row() -> None:
    name = "user.subscription." + "x" * 60
    counts = dataclasses.replace(COUNTS, read={**COUNTS.read, name: 1})
    heading, *rows = list(dataclasses.replace(REPORT, counts=counts).lines())[1:6]
    assert {len(row) for row in rows} == {len(heading)}


def test_an_empty_run_has_a_report_too() -> None:
    assert list(NOTHING.lines()) == [
        "radio -> https://api2.amplitude.com/2/httpapi: complete",
        "0 requests, 0 bytes sent",
        (
            "0 records read: 0 delivered, 0 filtered, 0 rejected, 0 held, 0 duplicate, "
            "in 0.0 s (0 events/s)"
        ),
    ]
    assert json.loads(NOTHING.to_json())["by_event_type"] == {}


def test_open_records_are_reported() -> None:
    counts = dataclasses.replace(COUNTS, delivered={"device.impression": 18})
    report = dataclasses.replace(REPORT, counts=counts, outcome="interrupted")
    assert "4 duplicate, 11,995 open, in" in report.summary()
    assert json.loads(report.to_json())["open"] == 11_995


def test_the_json_adds_up() -> None:
    report = json.loads(REPORT.to_json())
    assert report["read"] == sum(
        report[outcome]
        for outcome in (
            "delivered",
            "filtered",
            "rejected",
            "held",
            "duplicate",
            "open",
        )
    )
    for outcome in ("filtered", "rejected"):
        assert sum(report[f"{outcome}_by_reason"].values()) == report[outcome]
    for row in report["by_event_type"].values():
        assert row.pop("read") == sum(row.values())
    assert report["events_per_second"] == 1201.3
    assert report["body_bytes"] == 1_234_567
    assert report["released"] == 2
    assert report["id_conflict"] == 3
    assert report["named_id_conflicts"][0] == "a-1"
    assert (report["late"], report["without_user_id"]) == (1_200, 18)
    assert report["waiting"] == 12
    assert report["users"] == 321
    assert report["newest_event_at"] == "2026-05-31T23:00:00+00:00"


def test_id_conflicts_are_named_in_the_json_and_nowhere_else() -> None:
    assert json.loads(REPORT.to_json())["named_odd_ids"] == [
        {
            "kind": "device_of_several_users",
            "value": "device-1",
            "nami_user_id": "nami-2",
            "other": "nami-1",
        }
    ]
    assert "nami-2" not in "".join([*REPORT.lines(), metrics(REPORT, Earlier(), 0.0)])
