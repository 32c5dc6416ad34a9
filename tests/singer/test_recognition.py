"""Runs in which nothing is Nami's: which ones fail, and when STATE waits for that."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_amplitude_nami.errors import NothingRecognised
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from tests.support import nami, singer
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.local.server import LocalAmplitude


def _declared(*columns: str) -> dict[str, Any]:
    return {"type": "object", "properties": {column: {} for column in columns}}


STATE: Final = singer.state({"at": 1})
FOREIGN: Final = singer.records("orders", [{"id": 1, "Total": 9.5}, {"id": 2}])
EVENT: Final = [singer.record("events", nami.impression(1))]
EVENTS: Final = [singer.schema("events"), *EVENT]
NAMED: Final = [singer.schema("events", _declared("id", "event_type"))]
PAYLOAD: Final = {"key": 1, "payload": json.dumps(nami.impression(1))}
KEYED: Final = {"type": "object", "properties": {"id": {"type": "integer"}}}


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    failure: str | None
    states: list[Any]
    warnings: list[str]
    report: Report


@pytest.fixture
def run(
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Callable[..., Ended]:
    """Return what runs the target over messages, with a local Amplitude."""

    def _run(messages: list[bytes], **settings: Any) -> Ended:
        config = {
            "api_key": API_KEY,
            "endpoint": local_amplitude.endpoint("http_v2"),
            "rejects_path": str(tmp_path / "rejects.singer"),
        }
        target = TargetAmplitudeNami(config=config | settings)
        failure = None
        try:
            target.process_lines(io.StringIO(b"".join(messages).decode()))
            target.process_endofpipe()
        except NothingRecognised as error:
            failure = str(error)
        report = target.run.close("failed")
        assert report.counts.open == 0
        states = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
        return Ended(failure, states, warnings, report)

    return _run


# Without names in the settings

RECOGNISED: Final[dict[str, list[bytes]]] = {
    "a quiet hour beside foreign rows": [*NAMED, *FOREIGN],
    "a quiet hour of users": [
        singer.schema("users", _declared("user_id", "customer_journey_state")),
        *FOREIGN,
    ],
    "users in flattened columns of a warehouse": [
        singer.schema("USERS", _declared("ID", "CUSTOMER_JOURNEY_STATE__IN_PAUSE")),
        *FOREIGN,
    ],
    "users with ready-made state": [
        singer.schema("users", _declared("nami_user_id", "namiml_in_pause")),
        *FOREIGN,
    ],
    "a schema after the foreign rows": [*FOREIGN, *NAMED],
    "an event": EVENTS,
    "an event after the foreign rows": [*FOREIGN, *EVENTS],
    "an event before them": [*EVENTS, *FOREIGN],
    "an event that is not chosen": [
        *FOREIGN,
        singer.schema("events"),
        singer.record("events", nami.impression(1, event_type="device.session.start")),
    ],
    "a payload": [*FOREIGN, *singer.records("hooks", [PAYLOAD])],
    "a user": [*FOREIGN, *singer.records("users", [nami.user(1)])],
    "a reject": [
        *FOREIGN,
        singer.schema("events"),
        singer.record("events", nami.impression(1, created_date=None)),
    ],
    "an event that does not fit its schema": [
        *FOREIGN,
        singer.schema("events", KEYED),
        *EVENT,
    ],
    "an event before its schema": [*FOREIGN, *EVENT],
    "a deleted event": [
        *FOREIGN,
        singer.schema("events"),
        singer.record("events", nami.impression(1, _sdc_deleted_at="2026-06-03")),
    ],
    "only deleted rows": [
        *NAMED,
        singer.record("events", {"id": "1", "_sdc_deleted_at": "2026-06-03"}),
    ],
    "only the keys of deleted rows of unknown source": [
        singer.schema("hooks", _declared("id", "payload"), ["id"]),
        singer.record("hooks", {"id": "1", "_sdc_deleted_at": "2026-06-03"}),
    ],
    "only records that a stream map leaves out": [
        singer.schema("left_out"),
        singer.record("left_out", {"id": 1}),
    ],
    "no record": [singer.schema("orders")],
    "nothing": [],
    "lines that are no messages": [b"Hello!\n"],
}

NOT_RECOGNISED: Final[dict[str, list[bytes]]] = {
    "foreign rows": FOREIGN,
    "foreign rows that break their schema": [
        singer.schema("orders", KEYED, ["number"]),
        singer.record("orders", {"id": "x"}),
    ],
    "foreign rows before their schema": [singer.record("orders", {"id": 1})],
    "deleted foreign rows beside others": [
        *FOREIGN,
        singer.record("orders", {"id": 1, "Total": 1, "_fivetran_deleted": True}),
    ],
    "users without state or external ids": [
        singer.schema("users", _declared("user_id", "name")),
        singer.record("users", {"user_id": "1", "name": "x"}),
    ],
}
LEFT_OUT: Final = {"stream_maps": {"left_out": None}}


@pytest.mark.parametrize("messages", RECOGNISED)
def test_a_run_that_may_be_in_order_passes_with_its_state(
    messages: str, run: Callable[..., Ended]
) -> None:
    settings = LEFT_OUT if "stream map" in messages else {}
    ended = run([*RECOGNISED[messages], STATE], **settings)
    assert ended.failure is None
    assert ended.states == [{"at": 1}]


@pytest.mark.parametrize("settings", [{}, {"dry_run": True}])
@pytest.mark.parametrize("messages", NOT_RECOGNISED)
def test_a_run_that_left_out_every_record_fails_and_leaves_no_state(
    messages: str, settings: dict[str, Any], run: Callable[..., Ended], tmp_path: Path
) -> None:
    settings = settings | {"dry_run_path": str(tmp_path / "dry-run.jsonl")}
    ended = run([*NOT_RECOGNISED[messages], STATE], **settings)
    assert ended.failure is not None
    assert ended.states == []


def test_the_failure_names_what_came_what_was_looked_for_and_what_helps(
    run: Callable[..., Ended],
) -> None:
    ended = run([*FOREIGN, *singer.records("a\nb", [{"c\x1b": 1}])])
    assert ended.failure is not None
    assert "stream 'orders' (columns 'id', 'Total')" in ended.failure
    assert r"stream 'a\nb' (columns 'c\x1b')" in ended.failure
    for words in ("event_type", "customer_journey_state", "no STATE"):
        assert words in ended.failure
    for remedy in ("stream_maps", "event_streams", "user_streams"):
        assert f"`{remedy}`" in ended.failure
    assert "\n" not in ended.failure


def test_the_failure_stays_short_however_much_came(run: Callable[..., Ended]) -> None:
    row = {"x" * 900 + str(n): n for n in range(500)}
    lines = [each for n in range(50) for each in singer.records(f"{n:0900}", [row])]
    ended = run(lines)
    assert ended.failure is not None
    assert len(ended.failure) < 10_000


def test_foreign_rows_that_break_their_schema_are_no_rejects(
    run: Callable[..., Ended],
) -> None:
    ended = run(NOT_RECOGNISED["foreign rows that break their schema"])
    assert ended.report.counts.filtered == {("(other)", "not_nami"): 1}
    assert ended.report.rejected == 0


def test_a_switched_off_target_does_not_judge_what_it_passes_over(
    run: Callable[..., Ended],
) -> None:
    assert run(FOREIGN, enabled=False).failure is None


# With names in the settings

NO_SUCH: Final = {"event_streams": ["nami_events"]}
FOREIGN_EVENT: Final = {"event_type": "PushEvent", "created_date": "2026-06-01"}
LOOKS_LIKE_NAMI: Final = [nami.impression(1), PAYLOAD]


@pytest.mark.parametrize("record", LOOKS_LIKE_NAMI)
def test_a_run_fails_for_a_pattern_without_a_stream_where_nami_records_are_left_out(
    record: dict[str, Any], run: Callable[..., Ended]
) -> None:
    lines = [*FOREIGN, *singer.records("PUBLIC-NAMI_EVENTS", [record]), STATE]
    ended = run(lines, **NO_SUCH)
    assert ended.failure is not None
    assert "'nami_events' in `event_streams`" in ended.failure
    assert "'PUBLIC-NAMI_EVENTS'" in ended.failure
    assert "'orders'" not in ended.failure
    assert "`__alias__`" in ended.failure
    assert ended.states == []


@pytest.mark.parametrize(
    "lines",
    [
        [
            singer.schema("Events", _declared("id", "event_type")),
            singer.record("Events", nami.impression(1)),
        ],
        singer.records("mixed", [nami.user(1), nami.impression(1)]),
        [singer.record("Events", nami.impression(1))],
    ],
    ids=["declared", "beside users", "before its schema"],
)
def test_events_are_missed_wherever_they_stand(
    lines: list[bytes], run: Callable[..., Ended]
) -> None:
    ended = run([*lines, STATE], **NO_SUCH)
    assert ended.failure is not None
    assert ended.states == []


def test_users_that_are_left_out_fail_a_run_in_the_same_way(
    run: Callable[..., Ended],
) -> None:
    lines = [*singer.records("Users", [nami.user(1)]), *EVENTS, STATE]
    ended = run(lines, user_streams=["users"], event_streams=["events"])
    assert ended.failure is not None
    assert "'users' in `user_streams`" in ended.failure
    assert "'events'" not in ended.failure
    assert ended.states == []
    assert ended.report.delivered == 1


PASSING: Final[dict[str, tuple[dict[str, Any], list[bytes]]]] = {
    "a quiet hour": (NO_SUCH, FOREIGN),
    "a quiet hour beside events of others": (
        NO_SUCH,
        singer.records("pushes", [FOREIGN_EVENT]),
    ),
    "a pattern beside one that fits": (
        {"event_streams": ["nami_events", "events"]},
        [*EVENTS, *FOREIGN],
    ),
    "an empty users stream without a schema": (
        {"event_streams": ["events"], "user_streams": ["users"]},
        [*EVENTS, *FOREIGN],
    ),
}


@pytest.mark.parametrize("case", PASSING)
def test_a_pattern_without_a_stream_is_else_one_warning(
    case: str, run: Callable[..., Ended]
) -> None:
    settings, lines = PASSING[case]
    ended = run([*lines, STATE], **settings)
    assert ended.failure is None
    assert ended.states == [{"at": 1}]
    [warning] = [each for each in ended.warnings if "No stream has a name" in each]
    pattern = "'users' in `user_streams`" if "users" in case else "'nami_events' in"
    assert pattern in warning


FITTING: Final[dict[str, tuple[dict[str, Any], list[bytes]]]] = {
    "a name": ({"event_streams": ["events"]}, EVENTS),
    "a pattern": ({"event_streams": ["ev*"]}, EVENTS),
    "an alias": (
        NO_SUCH | {"stream_maps": {"events": {"__alias__": "nami_events"}}},
        EVENTS,
    ),
    "several streams of a pattern": (
        {"event_streams": ["*events", "late"]},
        [
            *EVENTS,
            singer.schema("more_events", singer.ANYTHING, ["key"]),
            singer.record("more_events", nami.impression(2)),
            singer.schema("late"),
        ],
    ),
    "a stream without records": ({"event_streams": ["events"]}, NAMED),
    "a stream that comes last": (
        {"event_streams": ["late"]},
        [*EVENTS, singer.schema("late")],
    ),
    "a record before its schema": ({"event_streams": ["events"]}, EVENT),
    "users named and events recognised": (
        {"user_streams": ["users"]},
        [*EVENTS, *singer.records("users", [nami.user(1)])],
    ),
}


@pytest.mark.parametrize("case", FITTING)
def test_names_that_fit_are_not_warned_of(case: str, run: Callable[..., Ended]) -> None:
    settings, lines = FITTING[case]
    ended = run([*lines, *FOREIGN, STATE], **settings)
    assert ended.failure is None
    assert ended.states == [{"at": 1}]
    assert not [each for each in ended.warnings if "No stream" in each]


# Stream maps


@pytest.mark.parametrize(
    ("maps", "warned"),
    [
        ({"events": {}}, []),
        ({"Events": {}}, ["Events"]),
        ({"*vents": {}, "no*": {}, "[ab]": {}}, []),
        ({"copy": {"__source__": "events"}}, []),
        ({"copy": {"__source__": "Events"}}, ["Events"]),
        ({"gone": None, "events": {}, "__else__": None}, ["gone"]),
    ],
)
def test_a_map_for_a_stream_that_does_not_come_is_one_warning(
    maps: dict[str, Any], warned: list[str], run: Callable[..., Ended]
) -> None:
    ended = run([*EVENTS, STATE], stream_maps=maps)
    warnings = [each for each in ended.warnings if "`stream_maps`" in each]
    assert len(warnings) == len(warned)
    for stream, warning in zip(warned, warnings, strict=True):
        assert f"stream '{stream}'" in warning
    assert ended.failure is None


# When STATE waits


def _states(*numbers: int) -> list[bytes]:
    return [singer.state({"at": number}) for number in numbers]


def test_state_waits_from_the_first_record_that_could_fail_the_run_until_one_is_nami(
    run: Callable[..., Ended],
) -> None:
    schemas = [singer.schema("orders"), singer.schema("events")]
    ended = run([*schemas, *_states(1), *FOREIGN[1:], *_states(2)])
    assert ended.failure is not None
    assert ended.states == [{"at": 1}]
    ended = run([*schemas, *_states(1), *FOREIGN[1:], *_states(2), *EVENT, *_states(3)])
    assert ended.failure is None
    assert ended.states == [{"at": 1}, {"at": 2}, {"at": 3}]


def test_events_that_are_open_keep_their_own_states_whatever_is_recognised(
    run: Callable[..., Ended],
) -> None:
    # The STATE before the record that is left out waits for delivery alone.
    left_out = singer.records("Events", [nami.impression(2)])
    settings = {"event_streams": ["events", "late"], "user_streams": []}
    ended = run([*EVENTS, *_states(1), *left_out, *_states(2)], **settings)
    assert ended.failure is not None
    assert ended.states == [{"at": 1}]
    ended = run(
        [*EVENTS, *_states(1), *left_out, *_states(2), singer.schema("late")],
        **settings,
    )
    assert ended.failure is None
    assert ended.states[-1] == {"at": 2}
