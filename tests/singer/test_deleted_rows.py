"""Rows deleted at the source: left out before anything else is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import nami, singer
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT: Final[dict[str, Any]] = {"_sdc_deleted_at": "2026-06-03T00:00:00Z"}
DELETED: Final = "deleted_at_source"
STRICT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event_type": {"type": "string"},
        "created_date": {"type": "string"},
    },
    "required": ["created_date"],
}
USERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"user_id": {}, "customer_journey_state": {}},
}
OTHERS: Final[dict[str, Any]] = {"type": "object", "properties": {"id": {}, "name": {}}}


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[TargetHarness]:
    harness = TargetHarness(tmp_path)
    yield harness
    harness.target.run.close("failed")


EVENT: Final = nami.subscription(1)
TYPE: Final = "user.subscription.renewed"

ROWS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], str]]] = {
    "a whole event": (STRICT, EVENT | AT, TYPE),
    "an event with a flag": (STRICT, EVENT | {"_fivetran_deleted": True}, TYPE),
    "an event in upper case": (
        {"type": "object", "properties": {"EVENT_TYPE": {}}},
        {name.upper(): value for name, value in (EVENT | AT).items()},
        TYPE,
    ),
    "an event that does not fit its schema": (STRICT, EVENT | AT | {"id": 7}, TYPE),
    "an event without a time": (STRICT, {"event_type": TYPE, "id": "1"} | AT, TYPE),
    "an event that is not chosen": (
        STRICT,
        EVENT | AT | {"event_type": "device.session.start"},
        "device.session.start",
    ),
    "an event in a payload": (
        singer.ANYTHING,
        {"id": 1, "payload": EVENT} | AT,
        TYPE,
    ),
    "the keys of an event": (STRICT, {"id": "1"} | AT, "(other)"),
    "nothing but the mark": (STRICT, AT, "(other)"),
    "a whole user": (USERS, nami.user(1) | AT, "(user records)"),
    "the keys of a user": (USERS, {"user_id": "1"} | AT, "(other)"),
    "the keys of who knows what": (OTHERS, {"id": "1"} | AT, "(other)"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_deleted_row_is_filtered_and_counted_under_what_it_was(
    row: str, harness: TargetHarness
) -> None:
    schema, record, label = ROWS[row]
    keys = ["id"] if schema in (STRICT, OTHERS) else []
    report = harness.take(
        [singer.schema("rows", schema, keys), singer.record("rows", record)]
    )
    assert report.counts.filtered == {(label, DELETED): 1}
    assert report.rejected == 0
    assert harness.sent == []


def test_a_mark_is_seen_in_columns_that_held_none_in_many_rows(
    harness: TargetHarness,
) -> None:
    rows = [nami.impression(number) | dict.fromkeys(AT) for number in range(4)]
    harness.take(singer.records("rows", [*rows, nami.impression(4, **AT)]))
    assert len(harness.sent) == 4
    counts = harness.target.run.ledger.counts()
    assert counts.filtered == {("device.impression", DELETED): 1}


def test_a_row_that_lacks_its_key_is_filtered_when_it_was_deleted(
    harness: TargetHarness,
) -> None:
    row = nami.impression(1, **AT, id=None)
    lines = [singer.schema("rows", singer.ANYTHING, ["id"]), singer.record("rows", row)]
    report = harness.take(lines)
    assert report.counts.filtered == {("device.impression", DELETED): 1}


def test_a_row_that_was_not_deleted_is_sent_without_the_mark(
    harness: TargetHarness,
) -> None:
    marks = {"_sdc_deleted_at": None, "__DELETED": "false", "_fivetran_deleted": 0}
    assert (
        harness.take(singer.records("rows", [nami.impression(1) | marks])).delivered
        == 1
    )
    [event] = harness.sent
    assert "event_properties" not in event


def test_the_state_of_a_deleted_user_changes_nobody(harness: TargetHarness) -> None:
    paused = nami.user(1, customer_journey_state={"in_pause": True}, **AT)
    harness.take(singer.records("rows", [nami.user(1), paused]))
    [event] = harness.sent
    assert event["event_type"] == "$identify"
    assert harness.target.run.ledger.counts().filtered[("(user records)", DELETED)] == 1


def test_a_deleted_row_of_others_stays_what_it_is(harness: TargetHarness) -> None:
    rows = [{"id": 1, "name": "x"}, {"id": 2, "name": "y"} | AT, {"id": 3} | AT]
    lines = [singer.schema("plans", OTHERS, ["id"])]
    lines += [singer.record("plans", row) for row in rows]
    report = harness.take([*singer.records("rows", [EVENT]), *lines])
    assert report.counts.filtered == {("(other)", "not_nami"): 3}


def test_keys_alone_are_nami_s_where_a_record_before_was(
    harness: TargetHarness,
) -> None:
    whole = {"id": 1, "payload": EVENT}
    report = harness.take(singer.records("rows", [whole, {"id": 2, "at": 7} | AT]))
    assert report.counts.filtered == {("(other)", DELETED): 1}


def test_stream_maps_come_first(tmp_path: Path) -> None:
    maps = {"rows": {"_sdc_deleted_at": "gone"}, "kept": {"_sdc_deleted_at": None}}
    harness = TargetHarness(tmp_path, stream_maps=maps)
    declared = {"type": "object", "properties": {"gone": {"type": "string"}}}
    report = harness.take(
        [
            singer.schema("rows", declared),
            singer.record("rows", nami.impression(1, gone="2026-06-03")),
            singer.schema("kept", declared),
            singer.record("kept", nami.impression(2, **AT)),
        ]
    )
    assert report.counts.filtered == {("device.impression", DELETED): 1}
    assert report.delivered == 1


DECLARED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {name: {} for name in [*EVENT, *AT]},
}
KEEP_ONLY: Final = {name: name for name in EVENT} | {"__else__": None}
FAILS: Final = {"event_type": "record['event_type'].strip()"}

MAPPED: Final[dict[str, tuple[dict[str, Any], dict[str, Any], str]]] = {
    "a map that leaves out what it does not name": (KEEP_ONLY, EVENT | AT, TYPE),
    "a map that renames the stream": (
        KEEP_ONLY | {"__alias__": "events"},
        EVENT | AT,
        TYPE,
    ),
    "a map that fails for keys alone": (
        FAILS,
        {"id": "1", "event_type": None} | AT,
        "(other)",
    ),
}


@pytest.mark.parametrize("case", MAPPED)
def test_a_map_that_is_not_for_the_mark_brings_no_deleted_row_back(
    case: str, tmp_path: Path
) -> None:
    definition, record, label = MAPPED[case]
    harness = TargetHarness(tmp_path, stream_maps={"rows": definition})
    report = harness.take(
        [singer.schema("rows", DECLARED), singer.record("rows", record)]
    )
    assert report.counts.filtered == {(label, DELETED): 1}
    assert report.rejected == 0
    assert harness.sent == []


@pytest.mark.parametrize("row", [EVENT | AT, {"id": "1"} | AT])
def test_a_deleted_row_needs_no_schema_and_makes_no_run_fail(
    row: dict[str, Any], harness: TargetHarness
) -> None:
    # A run that has recognised nothing would raise.
    report = harness.take([singer.record("rows", row)])
    assert report.counts.filtered == {("(other)", DELETED): 1}


def test_a_deleted_row_that_is_nested_deep_is_filtered(harness: TargetHarness) -> None:
    deep = b'{"a":' * 198 + b"1" + b"}" * 198
    line = (
        b'{"type":"RECORD","stream":"rows","record":{"event_type":"user.x.y",'
        b'"_fivetran_deleted":true,"device_id":"1","active_entitlements":%s}}\n' % deep
    )
    report = harness.take([singer.schema("rows", singer.ANYTHING), line])
    assert report.rejected == 0
    assert sum(report.counts.filtered.values()) == 1


def test_a_deleted_row_that_a_stream_map_fails_on_is_no_reject(tmp_path: Path) -> None:
    """What is left of it, such as its keys alone, is too little for the maps."""
    harness = TargetHarness(
        tmp_path, stream_maps={"rows": {"event_type": "event_type.lower()"}}
    )
    lines = [singer.schema("rows", STRICT, ["id"])]
    lines += [singer.record("rows", row) for row in (EVENT, {"id": "1"} | AT)]
    report = harness.take(lines)
    assert report.counts.filtered == {("(other)", DELETED): 1}
    assert (report.delivered, report.rejected) == (1, 0)
