"""What the view says of the sample is what simple code counts in its events."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.local.queries.findings.completeness import PROPERTIES
from target_amplitude_nami.local.queries.findings.findings import trust
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.run_note import RunFiles

if TYPE_CHECKING:
    from tests.support.run_target import TargetRun

JSON_TYPES = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
}


@pytest.fixture(scope="module")
def reader(sample_run: TargetRun) -> Reader:
    return Reader(sample_run.folder / "amplitude.db")


@pytest.fixture(scope="module")
def shown(reader: Reader) -> Any:
    with closing(reader.connect()) as connection:
        return msgspec.json.decode(msgspec.json.encode(trust(connection, RunFiles())))


@pytest.fixture(scope="module")
def sent(reader: Reader) -> list[dict[str, Any]]:
    """Every event as it was sent, in order."""
    return [event.sent for event in reader.events()]


def test_events_with_a_user_id_and_with_a_device_alone_by_type(
    shown: Any, sent: list[dict[str, Any]]
) -> None:
    events = Counter(event["event_type"] for event in sent)
    alone = Counter(event["event_type"] for event in sent if "user_id" not in event)
    rows = shown["evidence"]["identity"]["types"]
    assert {row["type"]: (row["events"], row["device_alone"]) for row in rows} == {
        name: (count, alone[name]) for name, count in events.items()
    }
    assert alone.total() > 0


def test_users_with_an_id_and_devices_on_which_nobody_logged_in(
    shown: Any, sent: list[dict[str, Any]], reader: Reader
) -> None:
    everything = [*sent, *(event.sent for event in reader.events(listed=False))]
    users = {event["user_id"] for event in everything if "user_id" in event}
    logged_in = {
        e["device_id"] for e in everything if "user_id" in e and "device_id" in e
    }
    devices = {e["device_id"] for e in everything if "user_id" not in e} - logged_in
    found = shown["evidence"]["identity"]
    assert (found["user_ids"], found["devices_alone"]) == (len(users), len(devices))


def test_no_device_of_the_sample_has_several_user_ids(
    shown: Any, sent: list[dict[str, Any]]
) -> None:
    users = defaultdict(set)
    for event in sent:
        if "user_id" in event and "device_id" in event:
            users[event["device_id"]].add(event["user_id"])
    shared = [device for device, ids in users.items() if len(ids) > 1]
    assert shown["evidence"]["identity"]["shared_devices"] == len(shared)


def test_each_of_the_eight_user_properties_is_counted(
    shown: Any, sent: list[dict[str, Any]]
) -> None:
    states = [
        event.get("user_properties", {})
        for event in sent
        if event["event_type"].startswith("user.")
    ]
    for row in shown["evidence"]["completeness"]:
        values = [state[row["name"]] for state in states if row["name"] in state]
        assert (row["events"], row["present"], row["empty"], row["true"]) == (
            len(states),
            len(values),
            values.count([]),
            sum(value is True for value in values),
        )
        assert row["is_constant"] == all(value == values[0] for value in values)
    assert [row["name"] for row in shown["evidence"]["completeness"]] == [*PROPERTIES]


def test_properties_of_each_type_are_counted_with_an_example(
    shown: Any, sent: list[dict[str, Any]]
) -> None:
    values: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for event in sent:
        for name, value in event.get("event_properties", {}).items():
            values[event["event_type"], name].append(value)
    found = {
        (each["type"], row["name"]): row
        for each in shown["properties"]
        for row in each["properties"]
        if row["scope"] == "event"
    }
    assert found.keys() == values.keys()
    for key, row in found.items():
        assert row["present"] == len(values[key])
        assert row["types"] == Counter(JSON_TYPES[type(v)] for v in values[key])
        assert msgspec.json.decode(row["example"]) in values[key]
        assert row["is_constant"] == (len({str(v) for v in values[key]}) == 1)


def test_late_events_are_those_that_come_after_a_newer_state(
    shown: Any, sent: list[dict[str, Any]]
) -> None:
    found = shown["evidence"]["timeliness"]
    marked = sum(event.get("$skip_user_properties_sync") is True for event in sent)
    assert found["marked"] == marked > 0
    assert found["overwrote"] == 0
    assert found["late"] == len(found["shown"])
    for late in found["shown"]:
        event = sent_event(sent, late["event"]["insert_id"])
        newer = [
            other
            for other in sent[: sent.index(event)]
            if other.get("user_id") == event.get("user_id")
            and "user_properties" in other
            and other["time"] > event["time"]
        ]
        assert max(e["time"] for e in newer) - event["time"] == late["behind"]


def sent_event(sent: list[dict[str, Any]], insert_id: str) -> dict[str, Any]:
    [event] = [each for each in sent if each["insert_id"] == insert_id]
    return event


def test_money_is_that_of_the_transactions(
    shown: Any, sent: list[dict[str, Any]]
) -> None:
    sums: dict[tuple[str, bool], list[Any]] = defaultdict(lambda: [0, Decimal()])
    for event in sent:
        if event["event_type"] == "device.transaction":
            said = event["event_properties"]
            counted = sums[said["currency"], said["purchase_env"] == "sandbox"]
            counted[0] += 1
            counted[1] += Decimal(str(said["amount"]))
    found = shown["evidence"]["money"]["sums"]
    assert {
        (each["currency"], each["is_sandbox"]): [
            each["events"],
            Decimal(each["amount"]),
        ]
        for each in found
    } == sums
    assert not any(each["is_revenue"] or each["is_refund"] for each in found)


def test_rejects_and_report_are_found_where_the_run_wrote_them(
    shown: Any, sample_run: TargetRun
) -> None:
    rejects = Counter(m["rejected"]["reason"] for m in sample_run.rejects)
    found = shown["evidence"]["rejects"]
    assert {each["reason"]: each["count"] for each in found["reasons"]} == rejects
    assert found["count"] == len(sample_run.rejects)
    for each in found["reasons"]:
        example = sample_run.reject_messages[each["line"] - 1]
        assert example["rejected"]["reason"] == each["reason"]
        assert example["rejected"]["detail"] == each["detail"]
        assert example["record"].get("event_type") == each["type"]
    run = shown["evidence"]["report"]["run"]
    assert {name: run[name] for name in ("read", "delivered", "filtered", "held")} == {
        name: sample_run.report[name]
        for name in ("read", "delivered", "filtered", "held")
    }


def test_the_findings_say_what_was_counted(
    shown: Any, sent: list[dict[str, Any]], sample_run: TargetRun
) -> None:
    found = {each["key"]: (each["count"], each["of"]) for each in shown["findings"]}
    user = [e for e in sent if e["event_type"].startswith("user.")]
    device = [e for e in sent if e["event_type"].startswith("device.")]
    paid = [e for e in sent if e["event_type"] == "device.transaction"]
    assert found == {
        "user_events_without_id": (sum("user_id" not in e for e in user), len(user)),
        "device_events_without_id": (
            sum("user_id" not in e for e in device),
            len(device),
        ),
        "sandbox_beside_production": (
            sum(e["event_properties"]["purchase_env"] == "sandbox" for e in paid),
            len(paid),
        ),
        "no_revenue": (len(paid), len(paid)),
        "records_rejected": (len(sample_run.rejects), sample_run.report["read"]),
        "odd_ids": (sum(sample_run.report["odd_ids"].values()), None),
    }
    assert {each["key"] for each in shown["good"]} == {
        "complete",
        "devices_of_one_user",
        "known_event_types",
        "likely_times",
        "newest_state_wins",
        "no_duplicates",
        "no_request_refused",
        "properties_of_one_type",
        "report_adds_up",
    }
