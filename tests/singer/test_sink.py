"""A sink checks and reads each record of its stream, and sends or rejects it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.delivery.delivery import Delivery
from target_amplitude_nami.outcomes import USERS
from target_amplitude_nami.pipeline.event_filter import OTHER
from tests.support import nami, singer
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import EncodedEvent


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[TargetHarness]:
    harness = TargetHarness(tmp_path)
    yield harness
    harness.target.run.close("failed")


# Checks


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "thing"},
        {"properties": {"x": {"$ref": "https://schemas.invalid/x.json"}}},
        {"properties": {"x": {"pattern": "("}}},
    ],
)
def test_a_schema_that_is_none_checks_nothing_and_is_warned_of(
    harness: TargetHarness, caplog: pytest.LogCaptureFixture, schema: dict[str, Any]
) -> None:
    definition = {"type": "object", "properties": {}} | schema
    event = nami.impression(1)
    messages = [singer.schema("events", definition), singer.record("events", event)]
    assert harness.take(messages).delivered == 1
    [warning] = [
        r.message for r in caplog.records if "not a valid JSON Schema" in r.message
    ]
    assert "'events'" in warning


def test_a_record_with_half_a_character_is_checked(harness: TargetHarness) -> None:
    definition = {"type": "object", "properties": {"number": {"type": "integer"}}}
    events = [
        nami.impression(n, name="Holiday \ud83d") | {"number": number}
        for n, number in ((1, 1), (2, "two"))
    ]
    messages = [singer.record("events", event) for event in events]
    report = harness.take([singer.schema("events", definition), *messages])
    assert report.delivered == 1
    assert [reject["reason"] for reject in harness.rejects] == ["schema_violation"]


def test_checks_can_be_switched_off(tmp_path: Path) -> None:
    harness = TargetHarness(tmp_path, validate_records=False)
    definition = {"type": "object", "properties": {"name": {"type": "integer"}}}
    event = nami.impression(1, name="Holiday")
    messages = [singer.schema("events", definition), singer.record("events", event)]
    assert harness.take(messages).delivered == 1


def test_a_violation_by_a_large_value_has_a_short_detail(
    harness: TargetHarness,
) -> None:
    definition = {"type": "object", "properties": {"name": {"type": "integer"}}}
    event = nami.impression(1, name="x" * 100_000)
    harness.take([singer.schema("events", definition), singer.record("events", event)])
    [reject] = harness.rejects
    assert reject["reason"] == "schema_violation"
    assert "name: " in reject["detail"]
    assert len(reject["detail"]) < 400


# Rejects and report keys


@pytest.mark.parametrize("value", [None, "absent"])
def test_a_key_property_that_is_null_or_absent_is_a_reject(
    harness: TargetHarness, value: str | None
) -> None:
    event = nami.impression(1) | {"number": None}
    if value == "absent":
        del event["number"]
    messages = [singer.schema("events", key_properties=["number"])]
    report = harness.take([*messages, singer.record("events", event)])
    assert report.counts.rejected == {("device.impression", "key_property_missing"): 1}


@pytest.mark.parametrize(
    ("event_type", "report_key"),
    [
        ("device.impression", "device.impression"),
        ("device.session.start", "device.session.start"),
        ("user.subscription.frozen", OTHER),
        ("anything at all", OTHER),
        (["a", "list"], OTHER),
        ({"an": "object"}, OTHER),
        (7, OTHER),
    ],
)
def test_the_report_has_rows_for_known_types_only(
    harness: TargetHarness, event_type: object, report_key: str
) -> None:
    event = nami.impression(1) | {"event_type": event_type}
    report = harness.take(singer.records("events", [event]))
    assert set(report.counts.read) == {report_key}


def test_a_type_that_the_settings_name_has_its_row(tmp_path: Path) -> None:
    harness = TargetHarness(tmp_path, events=["user.subscription.frozen"])
    event = nami.subscription(1, "user.subscription.frozen")
    report = harness.take(singer.records("events", [event]))
    assert report.counts.delivered == {"user.subscription.frozen": 1}


# Users


def test_a_user_record_sets_the_state_of_the_user(harness: TargetHarness) -> None:
    report = harness.take(singer.records("users", [nami.user(1)]))
    assert report.counts.delivered == {USERS: 1}
    [event] = harness.sent
    assert event["event_type"] == "$identify"
    assert event["user_id"] == nami.external_id(1)
    assert event["user_properties"]["$set"]["namiml_active_skus"] == ["radio_monthly"]


def test_an_event_with_a_state_of_its_own_says_that_and_no_more(
    harness: TargetHarness,
) -> None:
    part: dict[str, Any] = {"customer_journey_state": None, "active_entitlements": None}
    records = [
        nami.subscription(1),
        nami.subscription(2, user_id=nami.identifier(2, 1), **part),
    ]
    harness.take(singer.records("events", records))
    whole, alone = (set(event["user_properties"]) for event in harness.sent)
    assert alone == {"namiml_device_ids", "namiml_device_platforms"}
    assert alone < whole


def test_a_user_record_without_state_has_nothing_to_set(harness: TargetHarness) -> None:
    record = {"user_id": "nami-user", "external_id": nami.external_id(1)}
    report = harness.take(singer.records("users", [record]))
    assert report.counts.filtered == {(USERS, "nothing_to_set"): 1}


def test_a_filtered_event_identifies_its_user_as_well(harness: TargetHarness) -> None:
    user_id = nami.identifier(2, 1)
    records = [
        nami.subscription(1, "device.session.start"),
        nami.impression(2, user_id=user_id, device_id=None),
    ]
    harness.take(singer.records("events", records))
    [event] = harness.sent
    assert event["user_id"] == nami.external_id(1)


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> list[EncodedEvent]:
    """Return where each event is noted that delivery is given."""
    noted: list[EncodedEvent] = []
    submit = Delivery.submit

    def note(delivery: Delivery, events: Iterable[EncodedEvent]) -> None:
        some = list(events)
        noted.extend(some)
        submit(delivery, some)

    monkeypatch.setattr(Delivery, "submit", note)
    return noted


def test_the_records_of_one_nami_user_have_one_user_key(
    harness: TargetHarness, delivered: list[EncodedEvent]
) -> None:
    user_id = nami.identifier(2, 1)
    messages = [
        *singer.records("a", [nami.impression(2, user_id=user_id)]),  # anonymous yet
        *singer.records("b", [nami.subscription(1)]),
        *singer.records("c", [nami.user(1, active_entitlements=[])]),
        *singer.records("d", [nami.subscription(3, user_id=None)]),
        *singer.records("e", [nami.impression(4, user_id=None)]),
    ]
    harness.take(messages)
    keys = [event.user_key for event in delivered]
    assert keys == [user_id] * 3 + [nami.external_id(3), nami.device_id(4)]


def test_nami_users_of_one_external_id_are_one_user_to_delivery(
    harness: TargetHarness, delivered: list[EncodedEvent]
) -> None:
    same = nami.subscription(1)["external_ids"]
    records = [nami.subscription(1), nami.subscription(2, external_ids=same)]
    harness.take(singer.records("events", records))
    external_id = nami.external_id(1)
    assert [(event.user_key, event.user_id) for event in delivered] == [
        (nami.identifier(2, n), external_id) for n in (1, 2)
    ]


def test_the_sdk_never_hands_records_to_the_sink_itself(harness: TargetHarness) -> None:
    sink = harness.target.add_sink("events", dict(singer.ANYTHING), [])
    sink.process_batch({})
    with pytest.raises(NotImplementedError):
        sink.process_record({}, {})


@pytest.mark.parametrize(
    "mistake", [{"created_date": "yesterday"}, {"id": None}, {"devices": "no JSON"}]
)
def test_an_event_that_is_not_chosen_is_filtered_whatever_else_is_wrong_with_it(
    harness: TargetHarness, mistake: dict[str, Any]
) -> None:
    session = nami.impression(1, event_type="device.session.start", **mistake)
    report = harness.take([singer.schema("events"), singer.record("events", session)])
    assert report.counts.filtered == {("device.session.start", "event_not_chosen"): 1}
    assert not report.counts.rejected
