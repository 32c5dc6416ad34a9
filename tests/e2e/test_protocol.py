"""Input that is no good Singer: what cannot be read is rejected, the run goes on."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.singer.messages import decode_as_spelt
from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY, TARGET, TargetRun, run_target

if TYPE_CHECKING:
    from pathlib import Path

NAME = "Mona Lisa"
"""Stands in every bad line, and must not stand in the log."""
UNREADABLE = "_unreadable_lines"

KEYED = {
    "type": "object",
    "properties": {"id": {"type": ["string", "null"]}, "count": {"type": "integer"}},
}
SCHEMAS = [singer.schema("events"), singer.schema("keyed", KEYED, ["id"])]


def _event(**fields: Any) -> bytes:
    return singer.record("events", nami.impression(1, name=NAME, **fields))


def _written(text: bytes) -> bytes:
    """Return a RECORD message with a value that JSON libraries do not write."""
    return _event(value=12345).replace(b"12345", text)


def _keyed(**fields: Any) -> bytes:
    return singer.record("keyed", nami.impression(1, name=NAME) | fields)


def _message(**parts: Any) -> bytes:
    return json.dumps(parts | {"name": NAME}).encode()


NO_MESSAGES: dict[str, tuple[str, bytes]] = {
    "half a line": ("line_not_json", b'{"type": "RECORD", "name": "Mona Lisa'),
    "words": ("line_not_json", b"INFO Mona Lisa has 3 records"),
    "invalid UTF-8": ("line_not_json", b'{"type": "STATE", "Mona Lisa": "\xff"}'),
    "a NUL": ("line_not_json", b'{"type": "STATE"\0, "Mona Lisa": 1}'),
    "an array": ("line_not_json", b'["Mona Lisa"]'),
    "a text": ("line_not_json", b'"Mona Lisa"'),
    "two messages": ("line_not_json", _message(type="STATE") * 2),
    "20 MB of words": ("line_not_json", b"Mona Lisa" + b"x" * 20_000_000),
    "900 layers": ("too_deep", _written(b"[" * 900 + b"]" * 900)),
    "10,000 layers": ("too_deep", _written(b"[" * 10_000 + b"]" * 10_000)),
    "an unknown type": ("not_a_singer_message", _message(type="GREETING")),
    "no type": ("not_a_singer_message", _message(stream="events", record={})),
    "a type that is no text": ("not_a_singer_message", _message(type=["RECORD"])),
    "RECORD without record": ("bad_record", _message(type="RECORD", stream="events")),
    "RECORD without stream": ("bad_record", _message(type="RECORD", record={})),
    "a record that is no object": (
        "bad_record",
        _message(type="RECORD", stream="events", record=[1]),
    ),
    "SCHEMA without schema": ("bad_schema", _message(type="SCHEMA", stream="events")),
    "SCHEMA without stream": ("bad_schema", _message(type="SCHEMA", schema={})),
    "a schema that is no object": (
        "bad_schema",
        _message(type="SCHEMA", stream="events", schema=True),
    ),
    "key properties that are no names": (
        "bad_schema",
        _message(type="SCHEMA", stream="events", schema={}, key_properties=[{}]),
    ),
    "STATE without value": ("bad_state", _message(type="STATE")),
    "BATCH without stream": ("bad_batch", _message(type="BATCH", manifest=[])),
    "BATCH without manifest": (
        "bad_batch",
        _message(type="BATCH", stream="events", encoding={"format": "jsonl"}),
    ),
    "BATCH without encoding": (
        "bad_batch",
        _message(type="BATCH", stream="events", manifest=["/nowhere"]),
    ),
}

BAD_RECORDS: dict[str, tuple[str, bytes]] = {
    "before its SCHEMA": (
        "record_before_schema",
        singer.record("undeclared", {"name": NAME}),
    ),
    "a key that is null": ("key_property_missing", _keyed(id=None)),
    "a key that is missing": (
        "key_property_missing",
        singer.record("keyed", nami.impression(1, name=NAME, id=None)),
    ),
    "against the schema": ("schema_violation", _keyed(count="Mona Lisa")),
    "a date-time that is none": ("time_unreadable", _event(created_date="Mona Lisa")),
    "20 MB": ("event_too_large", _event(words=["x" * 1000] * 20_000)),
    "60 layers": ("too_deep", _written(b"[" * 60 + b"]" * 60)),
    "190 layers": ("too_deep", _written(b"[" * 190 + b"]" * 190)),
    "NaN": ("number_not_finite", _written(b"NaN")),
    "Infinity": ("number_not_finite", _written(b"Infinity")),
    "-Infinity": ("number_not_finite", _written(b"-Infinity")),
    "1e400": ("number_not_finite", _written(b"1e400")),
    "an integer of 5,000 digits": ("number_not_finite", _written(b"9" * 5_000)),
}

ALL = NO_MESSAGES | BAD_RECORDS


@dataclass(frozen=True, slots=True)
class BadRun:
    """A run over every bad line, with a good record behind each."""

    run: TargetRun
    good: list[str]
    delivered: list[str]
    rejects: list[dict[str, Any]]
    log: str


@pytest.fixture(scope="module")
def bad_run(tmp_path_factory: pytest.TempPathFactory) -> BadRun:
    folder = tmp_path_factory.mktemp("bad")
    lines = [*SCHEMAS]
    good = [nami.impression(number) for number in range(100, 100 + len(ALL))]
    for (_, line), record in zip(ALL.values(), good, strict=True):
        lines += [line.rstrip(b"\n") + b"\n", singer.record("events", record)]
    with LocalAmplitude(folder / "amplitude.db") as local:
        settings = {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")}
        run = run_target(folder, settings, [*lines, singer.state({"all": True})])
        delivered = [event.sent["insert_id"] for event in local.events()]
    with (folder / "output/rejects.singer").open("rb") as file:
        messages = [decode_as_spelt(line) for line in file]
    rejects = [message for message in messages if message["type"] == "RECORD"]
    ids = [str(record["id"]) for record in good]
    return BadRun(run, ids, delivered, rejects, run.log)


def test_every_good_record_between_bad_lines_is_delivered(bad_run: BadRun) -> None:
    assert bad_run.run.exit_code == 0, bad_run.log
    assert sorted(bad_run.delivered) == bad_run.good
    assert bad_run.run.states == [{"all": True}]


def test_every_bad_line_is_in_the_report(bad_run: BadRun) -> None:
    report = bad_run.run.report
    assert report["rejected"] == len(ALL)
    assert report["read"] == report["delivered"] + report["rejected"]


@pytest.mark.parametrize("kind", NO_MESSAGES)
def test_a_line_that_is_no_message_is_rejected_as_it_was(
    kind: str, bad_run: BadRun
) -> None:
    reason, line = NO_MESSAGES[kind]
    rejects = [
        message["rejected"]["reason"]
        for message in bad_run.rejects
        if message["stream"] == UNREADABLE and _line_of(message) == line.rstrip(b"\n")
    ]
    assert rejects == [reason]


def _line_of(message: dict[str, Any]) -> bytes:
    text: str = message["record"]["line"]
    return text.encode("utf-8", "surrogateescape")


def test_every_bad_record_is_rejected_for_its_own_reason(bad_run: BadRun) -> None:
    reasons = [
        message["rejected"]["reason"]
        for message in bad_run.rejects
        if message["stream"] != UNREADABLE
    ]
    assert reasons == [reason for reason, _ in BAD_RECORDS.values()]


def test_no_bad_line_is_in_the_log(bad_run: BadRun) -> None:
    assert NAME not in bad_run.log
    assert "Traceback" not in bad_run.log


def _delivered(local: LocalAmplitude) -> list[str]:
    return [event.sent["insert_id"] for event in local.events()]


ODD_BUT_GOOD: dict[str, list[bytes]] = {
    "empty lines": [singer.schema("events"), b"\n", b"  \r\n", _event()],
    "CRLF": [line[:-1] + b"\r\n" for line in (singer.schema("events"), _event())],
    "a byte order mark": [b"\xef\xbb\xbf" + singer.schema("events"), _event()],
    "a byte order mark alone": [b"\xef\xbb\xbf\n", singer.schema("events"), _event()],
    "no newline at the end": [singer.schema("events"), _event()[:-1]],
    "half of an emoji": [singer.schema("events"), _written(b'"cut \\ud83d"')],
    "a schema without properties": [singer.schema("events", {}), _event()],
    "properties that are no object": [
        singer.schema("events", {"properties": [1]}),
        _event(),
    ],
    "a schema that is no JSON schema": [
        singer.schema("events", {"type": "thing", "properties": {"id": {"type": 7}}}),
        _event(),
    ],
    "a property that is no schema": [
        singer.schema("events", {"properties": {"id": 5, "name": None}}),
        _event(),
    ],
    "a schema that changes": [
        singer.schema("events", KEYED, ["id"]),
        singer.schema("events", {"properties": {"id": {"type": "string"}}}, ["name"]),
        _event(),
    ],
    "key properties that are null": [
        singer.schema("events").replace(b"[]", b"null"),
        _event(),
    ],
    "the same schema again and again": [*[singer.schema("events")] * 50, _event()],
    "ACTIVATE_VERSION": [
        _message(type="ACTIVATE_VERSION", stream="events", version=1) + b"\n",
        singer.schema("events"),
        _message(type="ACTIVATE_VERSION") + b"\n",
        _event(),
    ],
    "a tiny number": [singer.schema("events"), _written(b"1e-99999999999999999999")],
}


@pytest.mark.parametrize("kind", ODD_BUT_GOOD)
def test_odd_input_that_can_be_understood_is_delivered(
    kind: str, tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("http_v2")}
    run = run_target(tmp_path, settings, ODD_BUT_GOOD[kind])
    assert run.exit_code == 0, run.log
    assert _delivered(local_amplitude) == [nami.event_id(1)]
    assert not run.rejects
    assert "Traceback" not in run.log


def test_a_hundred_broken_lines_in_a_row_end_the_run_with_one_clear_error(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("http_v2")}
    lines = [
        singer.schema("events"),
        _event(),
        singer.state({"before": True}),
        *[b"INFO Mona Lisa\n"] * 99,
        singer.record("events", nami.impression(2)),
        *[b"INFO Mona Lisa\n\n"] * 100,
        singer.record("events", nami.impression(3)),
        singer.state({"before": False}),
    ]
    run = run_target(tmp_path, settings, lines)
    assert run.exit_code == 1
    [error] = run.logged("ERROR")
    assert "100 lines in a row" in error
    assert "Traceback" not in run.log
    assert NAME not in run.log
    # What came before is delivered, so that the next run gets further.
    assert _delivered(local_amplitude) == [nami.event_id(1), nami.event_id(2)]
    assert run.states == [{"before": True}]
    assert len(run.rejects) == 199


def test_a_reject_of_a_line_holds_every_byte_of_it(tmp_path: Path) -> None:
    line = bytes(byte for byte in range(256) if byte != ord("\n"))
    run = run_target(tmp_path, {"endpoint": "local"}, line + b"\n")
    assert run.exit_code == 0, run.log
    [message] = run.rejects
    assert base64.b64encode(_line_of(message)) == base64.b64encode(line)


def test_a_closed_standard_input_ends_the_run_with_one_clear_error(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text('{"endpoint": "local"}')
    done = subprocess.run(
        ["sh", "-c", f"{TARGET} --config config.json <&-"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=clean_environment(),
        timeout=20,
    )
    log = done.stderr.decode()
    assert done.returncode == 1, log
    assert log.count("| ERROR ") == 1
    assert "input" in log.splitlines()[-1]
    assert "Traceback" not in log
