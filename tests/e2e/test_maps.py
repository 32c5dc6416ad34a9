"""The SDK's stream maps, aliases and flattening, and what they leave accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude


class Mapping:
    """Runs the target with stream maps against a local Amplitude."""

    def __init__(self, folder: Path, local: LocalAmplitude) -> None:
        self.folder = folder
        self.local = local

    def run(
        self, messages: Iterable[bytes], stream_maps: dict[str, Any], **settings: Any
    ) -> TargetRun:
        config = {
            "api_key": API_KEY,
            "endpoint": self.local.endpoint("http_v2"),
            "stream_maps": stream_maps,
        }
        run = run_target(self.folder, config | settings, messages)
        assert run.exit_code == 0, run.log
        report = run.report
        settled = report["delivered"] + report["filtered"] + report["rejected"]
        assert report["read"] == settled
        return run

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The events that arrived."""
        return [event.sent for event in self.local.events()]

    @property
    def raw(self) -> list[bytes]:
        """The events that arrived, byte for byte."""
        return [event.raw for event in self.local.events()]


@pytest.fixture
def mapping(tmp_path: Path, local_amplitude: LocalAmplitude) -> Mapping:
    return Mapping(tmp_path, local_amplitude)


EVENT = singer.records("events", [nami.impression(1, name="Holiday", app_env="beta")])


def test_fields_are_added_changed_and_removed(mapping: Mapping) -> None:
    maps = {"events": {"name": "name + '!'", "season": "'winter'", "app_env": None}}
    mapping.run(EVENT, maps)
    [event] = mapping.sent
    assert event["event_properties"] == {"name": "Holiday!", "season": "winter"}


def test_a_filter_leaves_records_out_and_they_are_counted(mapping: Mapping) -> None:
    records = [nami.impression(n, app_env=env) for n, env in ((1, "beta"), (2, "live"))]
    maps = {"events": {"__filter__": "app_env == 'live'"}}
    run = mapping.run(singer.records("events", records), maps)
    assert [event["insert_id"] for event in mapping.sent] == [nami.event_id(2)]
    assert run.report["filtered_by_reason"] == {"stream_map": 1}


def test_streams_without_a_map_can_be_left_out(mapping: Mapping) -> None:
    messages = [*EVENT, *singer.records("more", [nami.impression(2)])]
    run = mapping.run(messages, {"events": {}, "__else__": None})
    assert [event["insert_id"] for event in mapping.sent] == [nami.event_id(1)]
    assert run.report["filtered_by_reason"] == {"stream_map": 1}


def test_an_alias_is_the_name_that_settings_see(mapping: Mapping) -> None:
    messages = singer.records("raw_7", [nami.impression(1, event_type=None)])
    maps = {"raw_7": {"__alias__": "log", "event_type": "'device.impression'"}}
    run = mapping.run(messages, maps, event_streams=["log"])
    assert run.report["delivered"] == 1


def test_a_reject_carries_the_stream_and_record_that_were_read(
    mapping: Mapping,
) -> None:
    record = nami.impression(1, created_date="never")
    maps = {"raw_7": {"__alias__": "log", "season": "'winter'"}}
    run = mapping.run(singer.records("raw_7", [record]), maps)
    declared, reject = run.reject_messages
    assert (declared["type"], declared["stream"]) == ("SCHEMA", "raw_7")
    assert (reject["stream"], reject["record"]) == ("raw_7", record)


def test_one_stream_can_become_two(mapping: Mapping) -> None:
    maps = {
        "events": {},
        "doubled": {"__source__": "events", "id": "id + '-copy'"},
    }
    run = mapping.run(EVENT, maps)
    ids = {event["insert_id"] for event in mapping.sent}
    assert ids == {nami.event_id(1), nami.event_id(1) + "-copy"}
    assert run.report["read"] == run.report["delivered"] == 2


@pytest.mark.parametrize("validate_records", [True, False])
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_number_that_json_has_not_is_rejected(
    mapping: Mapping, number: str, *, validate_records: bool
) -> None:
    maps = {"events": {"ratio": f"float('{number}')"}}
    run = mapping.run(EVENT, maps, validate_records=validate_records)
    assert mapping.sent == []
    [reject] = run.rejects
    assert reject["rejected"]["reason"] == "number_not_finite"


@pytest.mark.parametrize("validate_records", [True, False])
def test_a_date_that_an_expression_makes_is_text(
    mapping: Mapping, *, validate_records: bool
) -> None:
    maps = {
        "events": {
            "created_date": "datetime.datetime(2026, 6, 2, 8, 0, 0)",
            "day": "datetime.date(2026, 6, 2)",
        }
    }
    mapping.run(EVENT, maps, validate_records=validate_records)
    [event] = mapping.sent
    assert event["time"] == 1780387200000
    assert event["event_properties"]["day"] == "2026-06-02"


def test_what_json_has_no_form_for_is_rejected(mapping: Mapping) -> None:
    run = mapping.run(EVENT, {"events": {"x": "datetime.datetime.now"}})
    [reject] = run.rejects
    assert reject["rejected"]["reason"] == "stream_map_failed"


def test_flattening_changes_nothing_of_what_arrives(
    mapping: Mapping, tmp_path: Path
) -> None:
    definition = {
        "type": "object",
        "properties": {
            "customer_journey_state": {
                "type": "object",
                "properties": {
                    name: {"type": ["boolean", "null"]}
                    for name in nami.subscription(1)["customer_journey_state"]
                },
            },
            "devices": {"type": "array", "items": {"type": "object"}},
        },
    }
    messages = [
        singer.schema("events", definition),
        *(singer.record("events", nami.subscription(n)) for n in range(1, 4)),
    ]
    mapping.run(messages, {})
    plain = mapping.raw
    assert len(plain) == 3
    again = Mapping(tmp_path / "again", mapping.local)
    for separator in ("__", "."):
        run = again.run(
            messages,
            {},
            flattening_enabled=True,
            flattening_max_depth=3,
            flattening_separator=separator,
        )
        assert run.report["delivered"] == 3
        requests = list(mapping.local.requests())
        assert requests[-1].body == requests[0].body
