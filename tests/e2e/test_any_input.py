"""Whatever comes in, whatever Amplitude answers: no crash, no loss, no standstill."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.delivery import retry_policy
from target_amplitude_nami.errors import DeliveryError, NothingRecognised
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY
from tests.support.server import Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, 10**400, 1e308, -0.0])
TEXTS = st.text() | st.sampled_from(["\ud83d", "null", "0", "user.subscription.paused"])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=8,
)
COLUMNS = st.sampled_from(
    [
        "id",
        "event_type",
        "user_id",
        "created_date",
        "updated_at",
        "device_id",
        "external_id",
        "external_ids",
        "devices",
        "active_entitlements",
        "customer_journey_state",
        "customer_journey_state__in_pause",
        "namiml_active_skus",
        "payload",
        "EVENT_TYPE",
        "_sdc_extracted_at",
    ]
)


@st.composite
def _records(draw: st.DrawFn) -> dict[str, Any]:
    """Records that are right in most places, and anything in some."""
    kind = draw(st.sampled_from([nami.impression, nami.subscription, nami.user]))
    record: dict[str, Any] = kind(draw(st.integers(0, 50)))
    record |= draw(st.dictionaries(COLUMNS | TEXTS, JSON, max_size=3))
    for column in draw(st.sets(st.sampled_from(sorted(record)), max_size=2)):
        del record[column]
    return record


MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION", "X"])},
    optional={
        "stream": st.sampled_from(["events", "users", "other"]) | JSON,
        "schema": st.fixed_dictionaries(
            {}, optional={"type": JSON, "properties": JSON, "required": JSON}
        )
        | JSON,
        "key_properties": JSON | st.lists(COLUMNS, max_size=2),
        "record": _records() | JSON,
        "value": JSON,
    },
)
REPLIES = st.builds(
    Reply,
    st.sampled_from([200, 400, 403, 408, 413, 429, 500, 503]),
    st.dictionaries(
        st.sampled_from(
            [
                "code",
                "error",
                "events_ingested",
                "events_with_invalid_fields",
                "events_with_missing_fields",
                "silenced_events",
                "silenced_devices",
                "throttled_events",
                "throttled_users",
                "throttled_devices",
                "exceeded_daily_quota_users",
            ]
        ),
        JSON
        | st.lists(st.integers(-1, 6))
        | st.dictionaries(TEXTS, st.lists(st.integers(-1, 6))),
    ).map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=20),
    st.dictionaries(st.just("Retry-After"), st.sampled_from(["0", "x", "-1"])),
    st.sampled_from([None, None, None, "reset before", "reset after", "cut body"]),
)

_folders = count()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass where a person would have to wait."""
    monkeypatch.setattr(limits, "SECONDS_AFTER_THROTTLED_ID", 0)
    monkeypatch.setattr(limits, "SECONDS_AFTER_THROTTLED_PROJECT", 0)
    monkeypatch.setattr(retry_policy, "LONGEST_BACKOFF_SECONDS", 0)


def _run(
    folder: Path, lines: Iterable[bytes], **config: Any
) -> tuple[TargetAmplitudeNami, list[str]]:
    """Run a target in this process; return it and the lines of standard output."""
    folder = folder / str(next(_folders))
    config = {
        "rejects_path": str(folder / "rejects"),
        "dry_run_path": str(folder / "requests"),
        "batch_size_rows": 5,
        **config,
    }
    target = TargetAmplitudeNami(config=config)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            target.listen(io.BytesIO(b"".join(lines)))  # type: ignore[arg-type]
        except (DeliveryError, NothingRecognised):
            target.run.close("failed")
    return target, output.getvalue().splitlines()


def _rejects(target: TargetAmplitudeNami) -> int:
    path = target.settings.rejects_path
    lines = path.read_bytes().splitlines() if path.exists() else []
    return sum(json.loads(line)["type"] == "RECORD" for line in lines)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(_records(), max_size=5))
def test_any_record_is_settled(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    lines = [singer.record("events", record) for record in records]
    messages = [singer.schema("events"), *lines]
    target, _ = _run(tmp_path, messages, dry_run=True)
    counts = target.run.ledger.counts()
    assert sum(counts.read.values()) == len(records)
    assert counts.open == 0
    assert _rejects(target) == sum(counts.rejected.values())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(MESSAGES, max_size=6))
def test_any_messages_are_settled(
    tmp_path: Path, messages: list[dict[str, Any]]
) -> None:
    lines = [json.dumps(message).encode() + b"\n" for message in messages]
    target, _ = _run(tmp_path, [singer.schema("events"), *lines], dry_run=True)
    counts = target.run.ledger.counts()
    assert counts.open == 0
    assert _rejects(target) == sum(counts.rejected.values())


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(replies=st.lists(REPLIES, max_size=6), lanes=st.integers(1, 3))
def test_whatever_amplitude_answers_nothing_is_lost(
    tmp_path: Path, replies: list[Reply], lanes: int
) -> None:
    lines = [singer.schema("events")]
    for number in range(12):
        lines += [
            singer.record("events", nami.subscription(number)),
            singer.state({"at": number + 1}),
        ]
    with ScriptedServer(*replies) as server:
        target, output = _run(
            tmp_path,
            lines,
            api_key=API_KEY,
            endpoint=server.url,
            parallel_requests=lanes,
            retry_for=5,
        )
        taken = {
            event["insert_id"]
            for request in server.received
            for event in request.events
        }
    counts = target.run.ledger.counts()
    rejected = sum(counts.rejected.values())
    assert sum(counts.read.values()) == sum(counts.delivered.values()) + (
        rejected + counts.open
    )
    assert _rejects(target) == rejected
    at = json.loads(output[-1])["at"] if output else 0
    # Of what STATE covers, all was sent or rejected; STATE covers all that is not open.
    assert len({nami.event_id(number) for number in range(at)} - taken) <= rejected
    assert at == 12 or counts.open > 0


def test_no_depth_of_nesting_ends_the_run(tmp_path: Path) -> None:
    record = singer.record("events", nami.impression(1, id=None, rejected=12345))
    schema = singer.schema("events", {"properties": {"a": 12345}})
    lines = [singer.schema("events")]
    depths = [*range(1, 120, 7), *range(120, 1_200, 9), 5_000]
    for depth in depths:
        for message in (record, singer.state(12345), schema):
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                deep = opening * depth + b"1" + closing * depth
                lines.append(message.replace(b"12345", deep))
        lines.append(singer.schema("events"))
    for config in ({}, {"flattening_enabled": True, "flattening_max_depth": 3}):
        target, _ = _run(tmp_path, lines, dry_run=True, **config)
        counts = target.run.ledger.counts()
        assert counts.open == 0
        assert sum(counts.read.values()) >= 2 * len(depths)
        assert _rejects(target) == sum(counts.rejected.values())


def test_two_targets_in_one_process_do_not_disturb_each_other(tmp_path: Path) -> None:
    lines = [singer.schema("events"), singer.record("events", nami.impression(1))]
    for _ in range(2):
        target, output = _run(tmp_path, [*lines, singer.state({"a": 1})], dry_run=True)
        assert target.report.delivered == 1
        assert not output


def test_a_failure_while_closing_does_not_hide_what_ended_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target, _ = _run(tmp_path, [], dry_run=True)
    with mock.patch.object(target.run, "close", side_effect=DeliveryError("closing")):
        target.close_after(DeliveryError("sending"))
    assert [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "sending" in caplog.records[-1].message


# VmHWM, as `ru_maxrss` begins with the memory of the process that forked this one.
MEASURE = """
import re, sys
from pathlib import Path
from target_amplitude_nami.singer.target import TargetAmplitudeNami
try:
    TargetAmplitudeNami.cli(["--config", "config.json"])
except SystemExit as end:
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]
    print(peak, end.code, file=sys.stderr)
"""


def test_memory_does_not_grow_with_the_length_of_the_input(tmp_path: Path) -> None:
    peaks = [_peak_memory(tmp_path, records) for records in (10_000, 60_000)]
    assert peaks[1] < peaks[0] + 5_000, peaks


def _peak_memory(folder: Path, records: int) -> int:
    config = {"dry_run": True, "dry_run_path": "/dev/null"}
    (folder / "config.json").write_text(json.dumps(config))
    block = b"".join(
        [singer.record("events", nami.subscription(n)) for n in range(2_000)]
    ) + singer.state({"at": 1})
    with subprocess.Popen(
        [sys.executable, "-c", MEASURE],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=clean_environment({"LOGLEVEL": "ERROR"}),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(singer.schema("events"))
        for _ in range(records // 2_000):
            process.stdin.write(block)
        process.stdin.close()
        peak, code = process.stderr.read().split()[-2:]
    assert int(code) == 0
    return int(peak)
