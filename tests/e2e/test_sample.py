"""The sample through the example tap and the target: what then is in Amplitude.

What has to be there is counted by `tests.examples.expected`, which shares no code with
the target.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.server import LocalAmplitude
from tests.examples.expected import SAMPLE, Expected, expect, read_records
from tests.support.run_target import API_KEY, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAP = SAMPLE.parent / "tap_nami.py"
USERS = "(user records)"

# The words of the independent count for the target's reason codes.
WORDS = {
    "anonymous_user": "no id",
    "device_id_forbidden": "forbidden id",
    "time_unreadable": "no time",
    "user_id_forbidden": "forbidden id",
    "user_id_too_short": "short id",
}


@dataclass(frozen=True, slots=True)
class Sync:
    """A tap's output, what the target made of it, and the Amplitude it went to."""

    messages: bytes
    run: TargetRun
    local: LocalAmplitude


def run_tap(folder: Path, state: object = None) -> bytes:
    config = folder / "tap.json"
    config.write_text(json.dumps({"path": str(SAMPLE)}))
    options: list[str | Path] = ["--config", config]
    if state is not None:
        (folder / "state.json").write_text(json.dumps(state))
        options += ["--state", folder / "state.json"]
    done = subprocess.run(
        [sys.executable, TAP, *options], capture_output=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def expected() -> Expected:
    return expect(read_records())


@pytest.fixture(scope="module")
def sync(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sync]:
    folder = tmp_path_factory.mktemp("sample")
    messages = run_tap(folder)
    with LocalAmplitude(folder / "amplitude.db") as local:
        settings = {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")}
        yield Sync(messages, run_target(folder, settings, messages), local)


def per_type(run: TargetRun, outcome: str) -> dict[str, int]:
    rows: dict[str, dict[str, int]] = run.report["by_event_type"]
    return {name: row[outcome] for name, row in rows.items() if row[outcome]}


def users_of(local: LocalAmplitude) -> tuple[set[str], set[str]]:
    """Return the user ids sent, and the device ids that never came with one."""
    sent = [e.sent for e in (*local.events(), *local.events(listed=False))]
    named = [event for event in sent if "user_id" in event]
    devices, named_devices = (
        {event["device_id"] for event in events if "device_id" in event}
        for events in (sent, named)
    )
    return {event["user_id"] for event in named}, devices - named_devices


def test_all_that_was_read_is_accounted_for(sync: Sync, expected: Expected) -> None:
    report = sync.run.report
    assert sync.run.exit_code == 0, sync.run.log
    assert report["outcome"] == "complete"
    assert report["read"] == expected.read
    outcomes = ("delivered", "filtered", "rejected", "held", "duplicate")
    assert sum(report[outcome] for outcome in outcomes) == report["read"]


def test_each_event_type_is_delivered_as_often_as_the_sample_asks(
    sync: Sync, expected: Expected
) -> None:
    delivered = expected.delivered + Counter({USERS: expected.identified.total()})
    assert per_type(sync.run, "delivered") == delivered


def test_the_sample_again_and_again_is_delivered_once_with_a_memory(
    sync: Sync, expected: Expected, tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {
        "api_key": API_KEY,
        "endpoint": local_amplitude.endpoint("http_v2"),
        "memory_path": "memory.db",
    }
    delivered: list[dict[str, int]] = []
    for _ in range(3):
        run = run_target(tmp_path, settings, sync.messages)
        assert run.exit_code == 0, run.log
        delivered.append(per_type(run, "delivered"))
        assert local_amplitude.summary().total == expected.delivered.total()
    assert delivered == [per_type(sync.run, "delivered"), {}, {}]
    assert local_amplitude.summary().duplicates == 0


def test_what_amplitude_is_not_offered_is_filtered(
    sync: Sync, expected: Expected
) -> None:
    unchanged = expected.unchanged.total()
    filtered = expected.filtered + Counter({USERS: unchanged})
    assert per_type(sync.run, "filtered") == filtered
    assert sync.run.report["filtered_by_reason"] == {
        "event_not_chosen": expected.filtered.total(),
        "unchanged": unchanged,
    }


def test_second_copies_are_not_sent(sync: Sync, expected: Expected) -> None:
    assert per_type(sync.run, "duplicate") == expected.duplicate


def test_what_amplitude_would_refuse_is_rejected_for_the_right_reason(
    sync: Sync, expected: Expected
) -> None:
    rejects = Counter(
        (
            reject["record"].get("event_type", "$identify"),
            WORDS[reject["rejected"]["reason"]],
        )
        for reject in sync.run.rejects
    )
    assert rejects == expected.rejected


def test_amplitude_holds_each_event_of_the_sample_once(
    sync: Sync, expected: Expected
) -> None:
    summary = sync.local.summary()
    assert summary.events == expected.delivered
    assert summary.identifies == expected.identified.total()
    assert summary.duplicates == 0
    assert summary.refused == 0


def test_amplitude_knows_exactly_the_users_of_the_sample(
    sync: Sync, expected: Expected
) -> None:
    user_ids, anonymous_device_ids = users_of(sync.local)
    assert user_ids == expected.user_ids
    assert anonymous_device_ids == expected.anonymous_device_ids
    assert sync.local.summary().users == expected.amplitude_users


def test_a_user_ends_with_the_state_of_the_user_record(
    sync: Sync, expected: Expected
) -> None:
    final = {
        event.export["user_id"]: event.sent["user_properties"]["$set"]
        for event in sync.local.events(listed=False)
        if event.export["user_id"] is not None
    }
    assert len(final) > len(expected.user_ids) / 3
    for user_id, properties in final.items():
        known = sync.local.user_properties(user_id) or {}
        assert {name: known.get(name) for name in properties} == properties


def test_the_last_state_is_that_of_the_tap(sync: Sync) -> None:
    messages = [json.loads(line) for line in sync.messages.splitlines()]
    states = [m["value"] for m in messages if m["type"] == "STATE"]
    assert sync.run.states[-1] == states[-1]


def test_a_second_run_sends_nothing(sync: Sync, tmp_path: Path) -> None:
    before = sync.local.summary()
    messages = run_tap(tmp_path, sync.run.states[-1])
    settings = {"api_key": API_KEY, "endpoint": sync.local.endpoint("http_v2")}
    again = run_target(tmp_path, settings, messages)
    assert again.exit_code == 0, again.log
    assert again.report["read"] == 0
    assert again.states[-1:] == sync.run.states[-1:]
    assert sync.local.summary() == before


def test_the_local_amplitude_within_the_process_takes_it_all(
    sync: Sync, expected: Expected, tmp_path: Path
) -> None:
    messages = tmp_path / "messages.singer"
    messages.write_bytes(sync.messages)
    run = run_target(
        tmp_path, {"endpoint": "local"}, options=["--input", "messages.singer"]
    )
    assert run.exit_code == 0, run.log
    summary = Reader(tmp_path / "output" / "local-amplitude.db").summary()
    assert summary.events == expected.delivered
    assert summary.identifies == expected.identified.total()
    [line_at_end] = [line for line in run.logged("INFO") if "now holds" in line]
    assert f"{expected.delivered.total():,} events" in line_at_end
    assert "amplitude-nami local output/local-amplitude.db`" in line_at_end


def test_lanes_and_request_sizes_change_nothing_of_what_arrives(
    sync: Sync, tmp_path: Path
) -> None:
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        settings: dict[str, Any] = {
            "api_key": API_KEY,
            "endpoint": local.endpoint("batch"),
            "api": "batch",
            "parallel_requests": 8,
            "batch_size_rows": 100,
        }
        run = run_target(tmp_path, settings, sync.messages)
        assert run.exit_code == 0, run.log
        assert run.report["requests"] > sync.run.report["requests"]
        assert _raws(local) == _raws(sync.local)


def _raws(local: LocalAmplitude) -> Counter[bytes]:
    return Counter(event.raw for event in local.events())
