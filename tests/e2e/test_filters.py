"""Settings that choose what is sent and how, seen from outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.reader import Reader
from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude

STATE = {"position": 3}


class Delivery:
    """Runs the target against a local Amplitude."""

    def __init__(self, folder: Path, local: LocalAmplitude) -> None:
        self.folder = folder
        self.local = local

    def run(self, messages: Iterable[bytes], **settings: Any) -> TargetRun:
        config = {"api_key": API_KEY, "endpoint": self.local.endpoint("http_v2")}
        lines = [*messages, singer.state(STATE)]
        return run_target(self.folder, config | settings, lines)

    @property
    def arrived(self) -> list[str]:
        """The insert ids of the events that arrived."""
        return [event.sent["insert_id"] for event in self.local.events()]

    @property
    def body(self) -> dict[str, Any]:
        """The body of the only request."""
        [request] = self.local.requests()
        body: dict[str, Any] = json.loads(request.body or b"")
        return body


@pytest.fixture
def delivery(tmp_path: Path, local_amplitude: LocalAmplitude) -> Delivery:
    return Delivery(tmp_path, local_amplitude)


def events(*kinds: str) -> list[bytes]:
    """Return messages with one event of each type, numbered from 1."""
    return singer.records(
        "events",
        (nami.subscription(n, kind, device_id=None) for n, kind in enumerate(kinds, 1)),
    )


def test_events_before_the_start_date_are_filtered(delivery: Delivery) -> None:
    dates = ("2026-05-31T23:59:59.999Z", "2026-06-01T00:00:00Z", "2026-06-02 00:00:00")
    messages = singer.records(
        "events", (nami.impression(n, created_date=d) for n, d in enumerate(dates))
    )
    run = delivery.run(messages, start_date="2026-06-01")
    assert run.exit_code == 0, run.log
    assert delivery.arrived == [nami.event_id(1), nami.event_id(2)]
    assert run.report["filtered_by_reason"] == {"before_start_date": 1}
    assert run.states == [STATE]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (["user.subscription.*"], [1, 2]),
        (["*"], [1, 2, 3, 4]),
        (["device.session.start", "user.journey.trial.started"], [3, 5]),
    ],
)
def test_events_chooses_by_name_and_pattern(
    delivery: Delivery, chosen: list[str], numbers: list[int]
) -> None:
    messages = events(
        "user.subscription.renewed",
        "user.subscription.paused",
        "user.journey.trial.started",
        "device.impression",
        "device.session.start",
    )
    run = delivery.run(messages, events=chosen)
    assert delivery.arrived == [nami.event_id(number) for number in numbers]
    assert run.report["filtered_by_reason"] == {"event_not_chosen": 5 - len(numbers)}


def test_an_empty_name_means_do_not_send(delivery: Delivery) -> None:
    names = [
        {"event": "device.impression", "name": ""},
        {"event": "user.subscription.renewed", "name": "Renewed"},
    ]
    messages = events("user.subscription.renewed", "device.impression")
    run = delivery.run(messages, event_names=names, event_prefix="Nami ")
    [event] = delivery.body["events"]
    assert event["event_type"] == "Nami Renewed"
    assert run.report["filtered_by_reason"] == {"event_not_chosen": 1}


def test_anonymous_users_can_be_left_out(delivery: Delivery) -> None:
    messages = singer.records("events", [nami.impression(1), nami.subscription(2)])
    run = delivery.run(messages, anonymous_users="skip")
    assert delivery.arrived == [nami.event_id(2)]
    assert run.report["filtered_by_reason"] == {"anonymous_user": 1}


def test_without_any_id_a_record_is_rejected(delivery: Delivery) -> None:
    nobody = nami.impression(1, user_id=None, device_id=None)
    run = delivery.run(singer.records("events", [nobody]), user_source="nami_user_id")
    assert run.report["rejected_by_reason"] == {"no_ids": 1}
    assert run.exit_code == 0


def test_disabled_it_reads_to_the_end_and_does_nothing(tmp_path: Path) -> None:
    # More than a pipe holds: whoever writes it would be stuck if nobody read.
    messages = [*events("user.subscription.renewed") * 200, b"garbage\n" * 200]
    config = {"endpoint": "local", "enabled": False}
    run = run_target(tmp_path, config, [*messages, singer.state(STATE)])
    assert run.exit_code == 0, run.log
    assert run.states == []
    assert run.report["outcome"] == "disabled"
    assert run.report["read"] == run.report["requests"] == 0
    assert len([line for line in run.logged("WARNING") if "`enabled`" in line]) == 1
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("most", "exit_code"), [(1, 3), (2, 0), (None, 0)])
def test_more_rejects_than_allowed_have_an_exit_code(
    delivery: Delivery, most: int | None, exit_code: int
) -> None:
    records = [
        nami.impression(1),
        *(nami.impression(n, device_id=None) for n in (2, 3)),
    ]
    run = delivery.run(singer.records("events", records), max_rejected=most)
    assert run.exit_code == exit_code
    assert delivery.arrived == [nami.event_id(1)]
    assert run.states == [STATE]
    errors = run.logged("ERROR")
    assert bool(errors) == bool(exit_code)
    assert all("max_rejected" in line for line in errors)


def test_the_batch_api_takes_the_same_events(delivery: Delivery) -> None:
    messages = events("user.subscription.renewed")
    delivery.run(messages)
    delivery.run(messages, api="batch", endpoint=delivery.local.endpoint("batch"))
    first, second = delivery.local.requests()
    assert (first.api, second.api) == ("http_v2", "batch")
    assert first.body == second.body


def test_the_shortest_id_is_passed_on_to_amplitude(delivery: Delivery) -> None:
    messages = singer.records("events", [nami.impression(1, device_id="d")])
    run = delivery.run(messages, min_id_length=1)
    assert run.report["delivered"] == 1
    assert delivery.body["options"] == {"min_id_length": 1}


def test_without_min_id_length_amplitudes_own_length_holds(delivery: Delivery) -> None:
    delivery.run(singer.records("events", [nami.impression(1)]))
    assert "options" not in delivery.body


@pytest.mark.parametrize(
    ("compression", "is_smaller"), [("auto", False), ("none", False), ("gzip", True)]
)
def test_bodies_are_compressed_as_asked(
    delivery: Delivery, compression: str, *, is_smaller: bool
) -> None:
    messages = singer.records("events", map(nami.subscription, range(50)))
    run = delivery.run(messages, compression=compression)
    [request] = delivery.local.requests()
    assert run.report["delivered"] == 50
    assert (request.wire_bytes < request.payload_bytes) == is_smaller


def test_the_local_amplitude_is_sent_compressed_bodies(tmp_path: Path) -> None:
    messages = singer.records("events", map(nami.subscription, range(50)))
    run_target(tmp_path, {"endpoint": "local"}, messages)
    [request] = Reader(tmp_path / "output" / "local-amplitude.db").requests()
    assert request.wire_bytes < request.payload_bytes


def test_streams_are_recognised_by_their_records(delivery: Delivery) -> None:
    messages = [
        *singer.records("a", [nami.impression(1)]),
        *singer.records("b", [nami.user(2)]),
        *singer.records("c", [{"id": 3, "name": "nothing of Nami's"}]),
    ]
    run = delivery.run(messages)
    kinds = [event["event_type"] for event in delivery.body["events"]]
    assert kinds == ["device.impression", "$identify"]
    assert run.report["filtered_by_reason"] == {"not_nami": 1}


def test_streams_can_be_named_instead(delivery: Delivery) -> None:
    # Neither record shows of itself what it is.
    messages = [
        *singer.records("crm_people", [{"id": nami.identifier(2, 1)}]),
        *singer.records("crm_people", [nami.user(2)]),
        *singer.records("log_2026", [nami.impression(3, event_type=None)]),
    ]
    run = delivery.run(messages, user_streams=["crm_*"], event_streams=["log_*"])
    assert [e["event_type"] for e in delivery.body["events"]] == ["$identify"]
    assert run.report["rejected_by_reason"] == {
        "anonymous_user": 1,
        "event_type_missing": 1,
    }


def test_an_external_id_is_remembered_for_the_records_that_follow(
    delivery: Delivery,
) -> None:
    anonymous = [nami.impression(n, user_id=nami.identifier(2, 5)) for n in (1, 2)]
    messages = singer.records(
        "events", [anonymous[0], nami.subscription(5), anonymous[1]]
    )
    delivery.run(messages)
    user_ids = [event.get("user_id") for event in delivery.body["events"]]
    assert user_ids == [None, nami.external_id(5), nami.external_id(5)]
