"""What `deliver` does with the records of one partition."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami import Outcome, Settings, deliver
from target_amplitude_nami.delivery.lane import Lane
from target_amplitude_nami.errors import ConfigurationError, DeliveryError
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def amplitude() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def settings_for(server: ScriptedServer, **more: Any) -> Settings:
    return Settings.load({"api_key": API_KEY, "endpoint": server.url} | more)


def ids_at(server: ScriptedServer) -> list[str]:
    return [e["insert_id"] for request in server.received for e in request.events]


def lanes() -> list[Lane]:
    """Return the lanes that go on."""
    return [each for each in threading.enumerate() if isinstance(each, Lane)]


def test_a_partition_is_delivered_in_order_and_all_accounted_for(
    amplitude: ScriptedServer,
) -> None:
    records = [nami.impression(number) for number in range(450)]
    settings = settings_for(amplitude, parallel_requests=1)

    outcome = deliver([*records, {"x": 1}], settings)

    assert ids_at(amplitude) == [record["id"] for record in records]
    report = outcome.report
    assert (report.read, report.delivered, report.filtered) == (451, 450, 1)
    assert report.outcome == "complete"


def test_the_outcomes_of_all_partitions_add_up_to_one_report(
    amplitude: ScriptedServer,
) -> None:
    settings = settings_for(amplitude)
    good = [nami.impression(number) for number in range(30)]
    bad = [nami.impression(n, created_date="soon") for n in range(3)]
    parts = [good[:10], [], [*good[10:], {"x": 1}], bad]

    outcomes = [
        pickle.loads(pickle.dumps(deliver(part, settings)))  # noqa: S301 - its own
        for part in parts
    ]
    total = sum(outcomes[1:], outcomes[0])

    assert sum(outcomes).report == total.report
    report = total.report
    assert (report.read, report.delivered) == (34, 30)
    assert (report.filtered, report.rejected) == (1, 3)
    assert report.counts.open == 0
    assert report.traffic.requests == len(amplitude.received) == 2
    assert [rejected.stream for rejected in total.rejects] == ["records"] * 3


def test_a_user_of_several_partitions_is_counted_once(
    amplitude: ScriptedServer,
) -> None:
    settings = settings_for(amplitude)
    whose = nami.impression(0)["user_id"]
    parts = [[nami.impression(n, user_id=whose) for n in (i, i + 1)] for i in (0, 2)]

    total = sum((deliver(p, settings) for p in parts[1:]), deliver(parts[0], settings))

    assert total.report.delivered == 4
    assert total.report.counts.users == 1
    assert total.report.counts.are_users_exact


def test_an_empty_partition_opens_nothing() -> None:
    # Nothing listens there, and no thread starts.
    settings = Settings.load({"api_key": API_KEY, "endpoint": "http://127.0.0.1:9/"})
    outcome = deliver([], settings)

    assert outcome.report.read == outcome.report.traffic.requests == 0
    assert not lanes()
    assert not outcome.is_all_foreign


def test_rejects_come_back_as_messages_that_the_target_reads(
    amplitude: ScriptedServer,
) -> None:
    record = nami.impression(1, created_date="soon")

    [rejected] = deliver([record], settings_for(amplitude)).rejects

    message = json.loads(rejected.message)
    assert (message["type"], message["stream"]) == ("RECORD", "records")
    assert message["record"] == record
    assert message["rejected"]["reason"] == "time_unreadable"
    assert message["rejected"]["integration"] == "nami"


def test_a_record_without_a_form_in_json_is_kept_as_a_line_that_no_retry_sends(
    amplitude: ScriptedServer,
) -> None:
    record = nami.impression(1, score=b"\xff")

    [rejected] = deliver([record], settings_for(amplitude)).rejects

    message = json.loads(rejected.message)
    assert message["stream"] == rejected.stream == "_unreadable_lines"
    assert r"'score': b'\xff'" in message["record"]["line"]
    assert message["rejected"]["reason"] == "value_not_json"
    assert message["rejected"]["field"] == "score"


def test_nan_is_a_reject_and_stays_one_when_it_is_read_again(
    amplitude: ScriptedServer,
) -> None:
    record = nami.impression(1, score=float("nan"))

    [rejected] = deliver([record], settings_for(amplitude)).rejects

    message = json.loads(rejected.message)
    assert message["rejected"]["reason"] == "number_not_finite"
    assert math.isnan(message["record"]["score"])
    assert not amplitude.received


def test_rejects_beyond_the_bound_are_counted(amplitude: ScriptedServer) -> None:
    records = [nami.impression(n, created_date="soon") for n in range(100)]

    outcome = deliver(records, settings_for(amplitude), most_reject_bytes=3_000)

    assert sum(len(each.message) for each in outcome.rejects) <= 3_000
    assert 0 < len(outcome.rejects) < 100
    assert len(outcome.rejects) + outcome.rejects_left_out == 100
    assert outcome.report.rejected == 100


class Killed(BaseException):
    """What an engine raises to end a task."""


def test_an_engine_that_raises_ends_the_lanes_and_gets_its_exception_back(
    amplitude: ScriptedServer,
) -> None:
    def records() -> Iterator[dict[str, Any]]:
        for number in range(5_000):
            yield nami.impression(number)
        raise Killed

    with pytest.raises(Killed):
        deliver(records(), settings_for(amplitude))

    assert not lanes()


def test_what_cannot_be_delivered_ends_the_partition() -> None:
    with (
        ScriptedServer(reply(401, {"error": "Invalid API key"})) as server,
        pytest.raises(DeliveryError, match="Invalid API key"),
    ):
        deliver([nami.impression(1)], settings_for(server))
    assert not lanes()


@pytest.mark.parametrize(
    "config",
    [
        {"memory_path": "memory.db"},
        {"anonymous_users": "hold", "memory_path": "memory.db"},
    ],
    ids=["memory_path", "hold"],
)
def test_what_needs_a_memory_is_refused_and_the_way_without_it_named(
    config: dict[str, Any],
) -> None:
    settings = Settings.load({"api_key": API_KEY} | config)
    with pytest.raises(ConfigurationError, match="with_users") as caught:
        deliver([nami.impression(1)], settings)
    assert all("STATE" not in problem for problem in caught.value.problems)


def test_warnings_are_in_the_outcome_and_not_in_the_log(
    amplitude: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings_for(amplitude)
    outcomes = [deliver([{"x": n}], settings) for n in range(3)]

    total = sum(outcomes[1:], outcomes[0])

    [warning] = total.warnings
    assert "neither Nami events" in warning
    assert total.is_all_foreign
    assert not caplog.records


def test_rejects_that_json_cannot_hold_do_not_count_as_foreign(
    amplitude: ScriptedServer,
) -> None:
    settings = settings_for(amplitude)
    rejected = deliver([nami.impression(1, took=dt.timedelta(1))], settings)

    assert rejected.report.rejected == 1
    assert not rejected.is_all_foreign
    assert (rejected + deliver([{"x": 1}], settings)).is_all_foreign


def test_each_attempt_of_a_dry_run_has_a_file_of_its_own(tmp_path: Path) -> None:
    settings = Settings.load(
        {"dry_run": True, "dry_run_path": str(tmp_path / "dry-run.jsonl")}
    )
    for attempt in (7, 8):
        deliver([nami.impression(attempt)], settings, attempt=attempt)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dry-run-7.jsonl",
        "dry-run-8.jsonl",
    ]


@pytest.mark.parametrize(("slots", "fullest"), [(1, 10), (3, 3), (20, 1)])
def test_each_of_several_slots_has_its_share_of_the_pace(
    amplitude: ScriptedServer, slots: int, fullest: int
) -> None:
    settings = settings_for(amplitude, max_events_per_second=10)
    records = [nami.impression(number) for number in range(fullest + 1)]

    report = deliver(records, settings, slots=slots).report

    assert report.delivered == fullest + 1
    assert max(len(request.events) for request in amplitude.received) == fullest


def test_nothing_is_read_or_sent_when_the_integration_is_switched_off() -> None:
    settings = Settings.load({"api_key": API_KEY, "enabled": False})
    records = iter([nami.impression(1)])

    outcome = deliver(records, settings)

    assert isinstance(outcome, Outcome)
    assert outcome.report.outcome == "disabled"
    assert next(records)
