"""A rejects file is delivered again, and holds then what was not settled."""

from __future__ import annotations

import datetime as dt
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.errors import (
    ConfigurationError,
    DeliveryError,
    InputUnreadable,
    StoreUnusable,
)
from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.singer.reject_lines import unreadable_line, with_why
from target_amplitude_nami.singer.retry.retry import retry
from target_amplitude_nami.store.lock import lock
from tests.support import bad_records, nami, singer
from tests.support.run_target import API_KEY, run_target

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.singer.retry.result import RetryResult


def reject(
    stream: str,
    record: dict[str, Any],
    reason: str = "user_id_too_short",
    at: str = "2026-06-01T08:00:00+00:00",
    integration: str = "nami",
) -> bytes:
    """Return a line of a rejects file, as a run has written it."""
    return because(singer.record(stream, record), reason, at, integration)


def because(
    message: bytes,
    reason: str,
    at: str = "2026-06-01T08:00:00+00:00",
    integration: str = "nami",
) -> bytes:
    why = {
        "reason": reason,
        "field": "",
        "detail": "so",
        "status": None,
        "integration": integration,
        "at": at,
    }
    return with_why(message, json.dumps(why).encode()) + b"\n"


class Place:
    """A folder with a rejects file, and the local Amplitude."""

    def __init__(self, folder: Path, local: LocalAmplitude) -> None:
        self.path = folder / "rejects.singer"
        self.local = local
        self.config: dict[str, Any] = {
            "api_key": API_KEY,
            "endpoint": local.endpoint("http_v2"),
            "rejects_path": str(self.path),
        }

    def write(self, *lines: bytes) -> bytes:
        self.path.write_bytes(b"".join(lines))
        self.path.chmod(0o600)
        return self.path.read_bytes()

    def retry(self, *, dry_run: bool = False, **settings: Any) -> RetryResult:
        chosen = {k: settings.pop(k) for k in ("reasons", "since") if k in settings}
        path = settings.pop("path", None)
        config = self.config | settings
        result, code = retry(config, path, dry_run=dry_run, **chosen)
        assert code is None
        return result

    @property
    def messages(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    @property
    def left(self) -> list[tuple[str, str]]:
        """The id, or else the stream, and the reason of each record in the file."""
        return [
            (m["record"].get("id", m["stream"]), m["rejected"]["reason"])
            for m in self.messages
            if m["type"] == "RECORD"
        ]

    @property
    def arrived(self) -> list[str]:
        return [event.sent["insert_id"] for event in self.local.events()]


@pytest.fixture
def place(tmp_path: Path, local_amplitude: LocalAmplitude) -> Place:
    return Place(tmp_path, local_amplitude)


EVENTS = singer.schema("events")
BAD = {"created_date": "yesterday"}


def good(number: int, **more: Any) -> bytes:
    return reject("events", nami.impression(number), **more)


def bad(number: int, reason: str = "old_reason", **more: Any) -> bytes:
    return reject("events", nami.impression(number, **BAD), reason, **more)


def test_what_is_delivered_leaves_and_what_is_rejected_again_has_the_new_reason(
    place: Place,
) -> None:
    place.write(EVENTS, good(1), bad(2), good(3), bad(4))
    result = place.retry()
    assert place.arrived == [nami.event_id(1), nami.event_id(3)]
    assert place.left == [
        (nami.event_id(2), "time_unreadable"),
        (nami.event_id(4), "time_unreadable"),
    ]
    assert place.path.read_bytes().startswith(EVENTS)
    assert all(m["rejected"]["at"] > "2026-06-02" for m in place.messages[1:])
    assert (result.delivered, result.settled, result.failed_again) == (2, 2, 2)
    assert result.before == {"user_id_too_short": 2, "old_reason": 2}
    assert result.after == {"time_unreadable": 2}
    assert result.outcome == "complete"


def test_a_file_with_nothing_left_goes_and_only_it(place: Place) -> None:
    place.write(EVENTS, good(1), good(2))
    other = place.path.with_name("other")
    other.touch()
    result = place.retry()
    assert not place.path.exists()
    assert not list(place.path.parent.glob(".*"))
    assert other.exists()
    assert result.after == {}


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        ({"events": ["user.*"]}, "filtered"),
        ({"anonymous_users": "hold", "user_source": "external_id"}, "held"),
    ],
)
def test_what_is_filtered_or_held_now_is_settled(
    place: Place, settings: dict[str, Any], outcome: str
) -> None:
    place.write(EVENTS, good(1))
    memory = str(place.path.with_name("memory.db"))
    result = place.retry(memory_path=memory, **settings)
    assert getattr(result, outcome) == 1
    assert not place.path.exists()
    assert place.arrived == []


def test_what_amplitude_has_is_a_duplicate_and_settled(place: Place) -> None:
    memory = str(place.path.with_name("memory.db"))
    for outcome in ("delivered", "duplicate"):
        place.write(EVENTS, good(1))
        result = place.retry(memory_path=memory)
        assert getattr(result, outcome) == 1
        assert not place.path.exists()
    assert len(list(place.local.requests())) == 1


CHOICES: list[tuple[dict[str, Any], list[int]]] = [
    ({"reasons": ["a"]}, [2, 3]),
    ({"reasons": ["a", "b"]}, [3]),
    ({"reasons": ["none"]}, [1, 2, 3]),
]


@pytest.mark.parametrize(("choice", "left"), CHOICES)
def test_records_that_are_not_chosen_stay_byte_for_byte(
    place: Place, choice: dict[str, Any], left: list[int]
) -> None:
    spelt = because(
        b'{ "type":"RECORD" , "stream":"events", "record":{"id": "odd", "x":9.990, '
        b'"caf\\u00e9":"\xc3\xa9", "half":"\\ud83d"}}',
        "c",
    )
    lines = {1: good(1, reason="a"), 2: bad(2, reason="b"), 3: spelt}
    lines[2] = good(2, reason="b")
    place.write(EVENTS, *lines.values())
    place.retry(**choice)
    assert place.path.read_bytes() == EVENTS + b"".join(lines[n] for n in left)


def test_a_time_chooses_what_was_rejected_then_or_later(place: Place) -> None:
    early, late = "2026-06-01T07:59:59+00:00", "2026-06-01T10:00:00+02:00"
    place.write(EVENTS, good(1, at=early), good(2, at=late), good(3, at="whenever"))
    place.retry(since=dt.datetime(2026, 6, 1, 8, tzinfo=dt.UTC))
    assert place.arrived == [nami.event_id(2)]
    assert [id_ for id_, _ in place.left] == [nami.event_id(1), nami.event_id(3)]


def test_rejects_of_another_integration_are_left_alone(place: Place) -> None:
    other = good(2, integration="another app")
    place.write(EVENTS, good(1), other)
    result = place.retry()
    assert place.arrived == [nami.event_id(1)]
    assert place.path.read_bytes() == EVENTS + other
    assert result.of_other_integrations == {"another app": 1}


def test_only_schemas_that_are_needed_stay(place: Place) -> None:
    users = singer.schema("users")
    narrow = singer.schema("events", {"type": "object", "properties": {}}, ["id"])
    place.write(
        users,
        reject("users", nami.user(1)),
        EVENTS,
        good(2),
        narrow,
        bad(3),
        users,
    )
    place.retry(user_streams=["users"])
    assert place.path.read_bytes().startswith(narrow)
    assert [m["type"] for m in place.messages] == ["SCHEMA", "RECORD"]


def test_every_kind_of_reject_that_a_run_makes_can_be_tried_again(place: Place) -> None:
    config = place.config | bad_records.SETTINGS
    bad_lines = [line for _, line in bad_records.bad_lines()]
    run_target(place.path.parent, config, [*bad_records.SCHEMAS, *bad_lines])
    before = place.path.read_bytes().splitlines()
    result = place.retry(**bad_records.SETTINGS)
    after = place.path.read_bytes().splitlines()
    # The file has a SCHEMA for it, as any record there.
    rejected_again = dict(result.before) | {"record_before_schema": 0}
    assert {reason: result.after.get(reason, 0) for reason in result.before} == (
        rejected_again
    )
    before = [line for line in before if b"undeclared" not in line]
    assert result.failed_again == sum(result.before.values()) - 1
    assert list(map(without_time, after)) == list(map(without_time, before))


def without_time(line: bytes) -> bytes:
    return line.rpartition(b',"at":')[0]


def test_unreadable_lines_that_were_corrected_are_delivered(place: Place) -> None:
    fixed = singer.record("events", nami.impression(1)).rstrip()
    broken = b'{"type": "RECORD", "stream": "eve\xff'
    place.write(
        singer.schema("_unreadable_lines"),
        because(unreadable_line(fixed), "line_not_json"),
        because(unreadable_line(broken), "line_not_json"),
        because(unreadable_line(b'{"type":"STATE","value":{"x":1}}'), "bad_state"),
    )
    result = place.retry()
    assert place.arrived == [nami.event_id(1)]
    assert place.left == [("_unreadable_lines", "line_not_json")]
    assert (result.settled, result.failed_again) == (2, 1)


def test_a_corrected_line_that_is_rejected_becomes_a_record_of_its_stream(
    place: Place,
) -> None:
    fixed = singer.record("events", nami.impression(1, **BAD)).rstrip()
    place.write(because(unreadable_line(fixed), "line_not_json"))
    place.retry()
    assert place.left == [(nami.event_id(1), "time_unreadable")]
    assert [m["stream"] for m in place.messages] == ["events", "events"]
    assert place.retry().failed_again == 1


def test_a_corrected_batch_is_read_and_its_rejects_come_last(place: Place) -> None:
    records = place.path.with_name("batch.jsonl")
    events = [nami.impression(1), nami.impression(2, **BAD)]
    records.write_text("".join(json.dumps(each) + "\n" for each in events))
    batch = {
        "type": "BATCH",
        "stream": "events",
        "encoding": {"format": "jsonl"},
        "manifest": [str(records)],
    }
    place.write(
        EVENTS,
        because(unreadable_line(json.dumps(batch).encode()), "bad_batch"),
        bad(3),
    )
    place.retry()
    assert place.arrived == [nami.event_id(1)]
    assert [id_ for id_, _ in place.left] == [nami.event_id(3), nami.event_id(2)]


def test_half_a_line_of_a_killed_run_is_kept_as_an_unreadable_one(place: Place) -> None:
    place.write(EVENTS, good(1), good(2)[:50] + b"\n", good(3), good(4)[:50])
    place.retry()
    assert place.arrived == [nami.event_id(1), nami.event_id(3)]
    assert place.left == [("_unreadable_lines", "line_not_json")] * 2
    assert place.messages[1]["record"]["line"] == good(2)[:50].decode()


def test_more_broken_lines_than_a_tap_may_write_are_no_obstacle(place: Place) -> None:
    lines = [because(unreadable_line(b"{%d" % n), "line_not_json") for n in range(150)]
    place.write(EVENTS, *lines, good(1))
    assert place.retry().failed_again == 150
    assert place.arrived == [nami.event_id(1)]


def test_events_and_users_arrive_in_the_order_of_the_file(place: Place) -> None:
    times = [f"2026-06-01T0{hour}:00:00Z" for hour in range(8)]
    lines = [
        reject("events", nami.subscription(1, id=f"event-{n}", created_date=at))
        for n, at in enumerate(times)
    ]
    lines.insert(4, reject("users", nami.user(1, active_entitlements=[])))
    place.write(EVENTS, singer.schema("users"), *lines)
    result = place.retry(user_streams=["users"])
    ids = [id_ for id_ in place.arrived if id_.startswith("event-")]
    assert ids == [f"event-{n}" for n in range(8)]
    assert (result.delivered, result.settled) == (9, 9)


def test_one_record_that_goes_to_two_streams_stays_until_both_are_settled(
    place: Place,
) -> None:
    place.write(EVENTS, good(1))
    maps = {"events": {}, "copy": {"__source__": "events", "created_date": "'x'"}}
    result = place.retry(stream_maps=maps)
    assert result.delivered == 1
    assert place.left == [(nami.event_id(1), "time_unreadable")]


# Places


def test_a_link_to_the_file_stays_and_so_do_its_mode_and_owner(place: Place) -> None:
    place.write(EVENTS, good(1), bad(2))
    real = place.path.with_name("real.singer")
    place.path.rename(real)
    place.path.symlink_to(real)
    before = real.stat()
    place.retry()
    assert place.path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert (real.stat().st_uid, real.stat().st_gid) == (before.st_uid, before.st_gid)
    assert place.left == [(nami.event_id(2), "time_unreadable")]


def test_another_file_may_be_named(place: Place) -> None:
    place.write(EVENTS, good(1))
    moved = place.path.rename(place.path.with_name("moved.singer"))
    place.retry(path=moved)
    assert place.arrived == [nami.event_id(1)]
    assert not moved.exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_without_rejects_nothing_is_done(place: Place, *, is_there: bool) -> None:
    if is_there:
        place.write()
    result = place.retry()
    assert result.outcome == "nothing"
    assert place.path.exists() is is_there


@pytest.mark.parametrize(
    "lines",
    [
        singer.records("events", [nami.impression(1)]),
        [EVENTS, good(1), singer.state({"x": 1})],
        [b"not a singer file\n"],
        [json.dumps(nami.impression(1)).encode()],
    ],
    ids=["no reasons", "a STATE", "text", "a record"],
)
def test_what_is_no_rejects_file_is_refused_and_left_alone(
    place: Place, lines: list[bytes]
) -> None:
    before = place.write(*lines)
    with pytest.raises(InputUnreadable, match="not a rejects file"):
        place.retry()
    assert place.path.read_bytes() == before
    assert place.arrived == []


# What must not change anything


def test_a_dry_run_changes_nothing_and_says_what_would_happen(place: Place) -> None:
    before = place.write(EVENTS, good(1), bad(2))
    result = place.retry(dry_run=True, api_key=None)
    assert (result.delivered, result.failed_again, result.dry_run) == (1, 1, True)
    assert result.after == {"time_unreadable": 1}
    assert place.path.read_bytes() == before
    assert list(place.local.requests()) == []
    assert [each.name for each in place.path.parent.glob("rej*")] == [place.path.name]


def test_dry_run_in_the_settings_is_one_too(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    config = place.config | {"dry_run": True}
    result, _ = retry(config)
    assert result.dry_run
    assert place.path.read_bytes() == before


def test_a_dry_run_of_the_local_amplitude_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects.singer"
    path.write_bytes(EVENTS + good(1))
    local = tmp_path / "amplitude.db"
    config = {"endpoint": "local", "local_path": str(local)}
    result, _ = retry(config, path, dry_run=True)
    assert result.delivered == 1
    assert not local.exists()


def test_switched_off_it_says_so_and_does_nothing(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    assert place.retry(enabled=False).outcome == "disabled"
    assert place.path.read_bytes() == before


def test_a_store_in_use_is_a_failure_that_changes_nothing(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    memory = place.path.with_name("memory.db")
    unlock = lock(memory, memory)
    try:
        with pytest.raises(StoreUnusable, match="in use"):
            place.retry(memory_path=str(memory))
    finally:
        unlock()
    assert place.path.read_bytes() == before
    assert place.arrived == []


def test_a_wrong_key_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    with LocalAmplitude(tmp_path / "a.db", keys=["another"]) as local:
        place = Place(tmp_path, local)
        before = place.write(EVENTS, good(1), bad(2), good(3))
        with pytest.raises(DeliveryError):
            place.retry()
    assert place.path.read_bytes() == before
    assert not list(tmp_path.glob(".rejects*"))


def test_wrong_settings_change_nothing(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    with pytest.raises(ConfigurationError, match="region"):
        place.retry(region="mars")
    assert place.path.read_bytes() == before


def test_the_files_that_describe_the_pipeline_are_left_alone(place: Place) -> None:
    place.write(EVENTS, good(1), bad(2))
    report, metrics = (place.path.with_name(name) for name in ("report", "metrics"))
    place.retry(report_path=str(report), metrics_path=str(metrics), max_rejected=0)
    assert not report.exists()
    assert not metrics.exists()


# A failure half-way


def test_what_was_settled_before_a_failure_leaves_the_file(tmp_path: Path) -> None:
    refusal = {"code": 400, "error": "Invalid API key: 0123"}
    later = When(requests=frozenset(range(4, 100)))
    faults = Faults((Fault(when=later, do=Do(status=400, json=refusal)),))
    with LocalAmplitude(tmp_path / "a.db", faults=faults) as local:
        place = Place(tmp_path, local)
        place.write(EVENTS, *map(good, range(500)))
        result = place.retry(batch_size_rows=100, parallel_requests=1)
        arrived = place.arrived
    assert "does not know the API key" in str(result.error)
    assert result.outcome == "failed"
    assert len(arrived) == result.settled == 300
    left = [id_ for id_, _ in place.left]
    assert arrived + left == [nami.event_id(n) for n in range(500)]


# From run to run, with a memory


def test_a_row_that_comes_in_every_run_is_known_in_the_new_file(place: Place) -> None:
    memory = str(place.path.with_name("memory.db"))
    config = place.config | {"memory_path": memory}
    rows = singer.records("events", [nami.impression(n, **BAD) for n in (2, 4)])
    place.write(EVENTS, *[good(n) for n in range(10, 15)])
    run_target(place.path.parent, config, rows)
    place.retry(memory_path=memory)
    assert [id_ for id_, _ in place.left] == [nami.event_id(2), nami.event_id(4)]
    before = place.path.read_bytes()
    run = run_target(place.path.parent, config, rows)
    assert run.report["rejected"] == 2
    assert place.path.read_bytes() == before


def test_a_held_record_that_is_released_and_rejected_comes_last(place: Place) -> None:
    memory = str(place.path.with_name("memory.db"))
    settings = {"anonymous_users": "hold", "memory_path": memory}
    user = nami.user(1)["user_id"]
    waits = nami.impression(7, user_id=user, device_id="unknown")
    run_target(
        place.path.parent, place.config | settings, singer.records("events", [waits])
    )
    place.write(singer.schema("users"), reject("users", nami.user(1)), EVENTS, bad(2))
    result = place.retry(user_streams=["users"], **settings)
    assert result.released == 1
    assert place.left == [
        (nami.event_id(2), "time_unreadable"),
        (nami.event_id(7), "device_id_forbidden"),
    ]
