"""Records of the rejects file, corrected and read again, are delivered."""

from __future__ import annotations

import json
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY, TARGET, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude

# Spelt as no JSON encoder would, so that every byte counts.
ODD_RECORD = (
    b'{ "type":"RECORD" , "stream":"events", "record":{"id": "5f0b7a3e-0001", '
    b'"event_type":"device.impression", "created_date":"2026-06-01T08:00:00Z",'
    b'"device_id":"abc", "amount":9.990, "caf\\u00e9":"\xc3\xa9", "half":"\\ud83d"}}'
)


class Runs:
    """Runs of the target in one folder, against one local Amplitude."""

    def __init__(self, folder: Path, local: LocalAmplitude) -> None:
        self.folder = folder
        self.local = local
        self.path = folder / "output" / "rejects.singer"

    def run(
        self, messages: Iterable[bytes] = (), *options: str, **settings: Any
    ) -> TargetRun:
        config = {"api_key": API_KEY, "endpoint": self.local.endpoint("http_v2")}
        run = run_target(self.folder, config | settings, messages, options=options)
        assert "Traceback" not in run.log
        return run

    def run_again(self, text: bytes | None = None, **settings: Any) -> TargetRun:
        """Move the rejects file, put this text in its place, and read that."""
        moved = self.folder / "corrected.singer"
        self.path.rename(moved)
        if text is not None:
            moved.write_bytes(text)
        return self.run((), "--input", "corrected.singer", **settings)

    @property
    def arrived(self) -> list[dict[str, Any]]:
        return [event.sent for event in self.local.events()]


@pytest.fixture
def runs(tmp_path: Path, local_amplitude: LocalAmplitude) -> Runs:
    return Runs(tmp_path, local_amplitude)


def short(number: int) -> dict[str, Any]:
    """Return an event whose device id is too short for Amplitude."""
    return nami.impression(number, device_id="abc")


def test_a_reject_is_the_record_as_read_and_beside_it_why(runs: Runs) -> None:
    schema = singer.schema("events")
    run = runs.run([schema, ODD_RECORD + b"\n"])
    first, second = runs.path.read_bytes().splitlines(keepends=True)
    assert first == schema
    assert second.startswith(ODD_RECORD[:-1] + b',"rejected":{')
    [reject] = run.rejects
    assert reject["rejected"]["reason"] == "device_id_too_short"
    assert reject["rejected"]["field"] == "device_id"


def test_the_file_is_for_its_owner_alone(runs: Runs) -> None:
    runs.run(singer.records("events", [short(1)]))
    assert stat.S_IMODE(runs.path.stat().st_mode) == 0o600


def test_without_a_reject_there_is_no_file(runs: Runs) -> None:
    runs.run(singer.records("events", [nami.impression(1)]))
    assert not runs.path.parent.exists()


def test_each_run_appends_and_each_of_them_can_be_read_alone(runs: Runs) -> None:
    for number in (1, 2):
        run = runs.run(singer.records("events", [short(number), short(number + 5)]))
    kinds = [message["type"] for message in run.reject_messages]
    assert kinds == ["SCHEMA", "RECORD", "RECORD"] * 2


def test_after_correcting_the_settings_the_records_are_delivered(runs: Runs) -> None:
    runs.run([singer.schema("events"), ODD_RECORD])
    run = runs.run_again(min_id_length=3)
    assert run.exit_code == 0
    assert run.report["delivered"] == run.report["read"] == 1
    assert not runs.path.exists()
    [request] = runs.local.requests()
    assert request.body is not None
    properties = '{"amount":9.990,"café":"é","half":"\ufffd"}'.encode()
    assert b'"event_properties":' + properties in request.body


def test_after_correcting_the_record_it_is_delivered(runs: Runs) -> None:
    record = nami.impression(1, created_date="yesterday")
    runs.run(singer.records("events", [record, short(2)]))
    text = runs.path.read_bytes().replace(b"yesterday", b"2026-06-01T08:00:00Z")
    run = runs.run_again(text)
    assert [event["insert_id"] for event in runs.arrived] == [nami.event_id(1)]
    [reject] = run.rejects
    assert reject["record"] == short(2)


def test_after_correcting_the_schema_the_record_is_delivered(runs: Runs) -> None:
    definition = {"type": "object", "properties": {"name": {"type": "integer"}}}
    record = singer.record("events", nami.impression(1, name="Holiday"))
    run = runs.run([singer.schema("events", definition), record])
    assert run.rejects[0]["rejected"]["reason"] == "schema_violation"
    runs.run_again(runs.path.read_bytes().replace(b'"integer"', b'"string"'))
    [event] = runs.arrived
    assert event["event_properties"] == {"name": "Holiday"}


def test_an_unreadable_line_can_be_corrected_where_it_stands(runs: Runs) -> None:
    line = singer.record("events", nami.impression(1, name="\N{SNOWMAN}"))
    broken = line.replace(b'"record"', b'"record') + b"\xff\xfe no text\n"
    run = runs.run([singer.schema("events"), broken])
    assert run.exit_code == 0
    first, second = run.rejects
    assert first["stream"] == second["stream"] == "_unreadable_lines"
    assert first["record"]["line"] == broken.splitlines()[0].decode()
    declared = singer.schema("events")
    corrected = runs.path.read_bytes().replace(rb"\"record:", rb"\"record\":")
    run = runs.run_again(declared + corrected)
    [event] = runs.arrived
    assert event["event_properties"] == {"name": "\N{SNOWMAN}"}
    [reject] = run.rejects
    assert reject["record"] == second["record"]


def test_what_is_rejected_again_keeps_its_bytes_and_one_reason(runs: Runs) -> None:
    runs.run([singer.schema("events"), ODD_RECORD, b"\n{broken\n"])
    once = runs.path.read_bytes()
    run = runs.run_again()
    again = runs.path.read_bytes()
    assert [line.count(b'"rejected":') for line in again.splitlines()] == [0, 1, 0, 1]
    assert ODD_RECORD[:-1] + b',"rejected":{' in again
    assert again.count(b"\n") == once.count(b"\n")
    assert len(run.rejects) == 2


def test_half_a_line_left_by_a_kill_harms_nothing(runs: Runs) -> None:
    runs.run(singer.records("events", [short(1)]))
    whole = runs.path.read_bytes()
    runs.path.write_bytes(whole + whole.splitlines()[1][:40])
    runs.run(singer.records("events", [short(2)]))
    run = runs.run_again(min_id_length=3)
    assert [event["insert_id"] for event in runs.arrived] == [
        nami.event_id(1),
        nami.event_id(2),
    ]
    [reject] = run.rejects
    assert reject["rejected"]["reason"] == "line_not_json"


@pytest.mark.parametrize("by", ["option", "standard input", "link"])
def test_the_file_that_grows_is_refused_as_input(runs: Runs, by: str) -> None:
    runs.run(singer.records("events", [short(1)]))
    before = runs.path.read_bytes()
    other = runs.folder / "link.singer"
    other.hardlink_to(runs.path)
    if by == "standard input":
        with runs.path.open("rb") as file:
            done = subprocess.run(
                [TARGET, "--config", "config.json"],
                stdin=file,
                capture_output=True,
                check=False,
                cwd=runs.folder,
                env=clean_environment(),
            )
        run = TargetRun(
            done.returncode, done.stdout.decode(), done.stderr.decode(), runs.folder
        )
    else:
        name = "output/rejects.singer" if by == "option" else "link.singer"
        run = runs.run((), "--input", name)
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    [line] = [line for line in run.logged("ERROR") if "rejects_path" in line]
    assert "output/rejects.singer" in line
    assert runs.path.read_bytes() == before


def test_a_place_that_cannot_be_written_ends_the_run_without_state(runs: Runs) -> None:
    (runs.folder / "file").touch()
    messages = [*singer.records("events", [short(1)]), singer.state({"position": 1})]
    run = runs.run(messages, rejects_path="file/rejects.singer")
    assert run.exit_code == 1
    assert run.states == []
    [line] = run.logged("ERROR")
    assert "file/rejects.singer" in line
    assert "rejects_path" in line


def test_a_rejected_field_of_the_record_itself_is_no_reason(runs: Runs) -> None:
    record = short(1) | {"rejected": {"by": "the store"}}
    runs.run(singer.records("events", [record]))
    runs.run_again(min_id_length=3)
    [event] = runs.arrived
    assert event["event_properties"] == {"rejected": {"by": "the store"}}


def test_a_file_rewritten_by_another_tool_still_works(runs: Runs) -> None:
    runs.run(singer.records("events", [short(1)]))
    messages = [json.loads(line) for line in runs.path.read_text().splitlines()]
    rewritten = "".join(json.dumps(m, sort_keys=True) + "\n" for m in messages)
    run = runs.run_again(rewritten.encode())
    [reject] = run.rejects
    assert reject["record"] == short(1)
    assert runs.path.read_text().count('"rejected":') == 1


def test_every_record_of_the_file_stands_under_a_schema(runs: Runs) -> None:
    unknown = singer.record("undeclared", nami.impression(1))
    run = runs.run([b"\xef\xbb\xbf" + unknown, *singer.records("events", [short(2)])])
    declared = set()
    for message in run.reject_messages:
        if message["type"] == "SCHEMA":
            declared.add(message["stream"])
        assert message["stream"] in declared
    assert [reject["rejected"]["reason"] for reject in run.rejects] == [
        "record_before_schema",
        "device_id_too_short",
    ]
    run = runs.run_again(min_id_length=3)
    assert run.report["delivered"] == run.report["read"] == 2


@pytest.mark.parametrize("as_reject", [True, False])
def test_a_reject_that_is_still_not_recognised_is_rejected_again(
    runs: Runs, *, as_reject: bool
) -> None:
    record = singer.record("other", {"name": "no event"})
    reason = b',"rejected":{"reason":"record_before_schema"}}\n'
    line = record.rstrip()[:-1] + reason if as_reject else record
    messages = [singer.schema("other"), line]
    run = runs.run([*messages, *singer.records("events", [nami.impression(1)])])
    assert run.report["rejected"] == int(as_reject)
    assert run.report["filtered"] == int(not as_reject)
    reasons = [reject["rejected"]["reason"] for reject in run.rejects]
    assert reasons == ["not_nami"] * as_reject


def test_with_a_memory_the_row_of_the_bookmark_is_written_once(runs: Runs) -> None:
    messages = [*singer.records("events", [short(1)]), b"{broken\n"]
    for _ in range(3):
        run = runs.run(messages, memory_path="memory.db")
        assert run.report["rejected"] == run.report["read"] == 2
        assert len(run.rejects) == 2
    runs.path.unlink()
    run = runs.run(messages, memory_path="memory.db")
    assert len(run.rejects) == 2


def test_without_a_memory_each_run_writes_its_rejects(runs: Runs) -> None:
    for number in (1, 2):
        run = runs.run(singer.records("events", [short(1)]))
        assert len(run.rejects) == number


def test_a_dry_run_is_no_reason_to_leave_a_reject_out(runs: Runs) -> None:
    messages = singer.records("events", [short(1)])
    runs.run(messages, memory_path="memory.db", dry_run=True)
    runs.path.unlink()
    run = runs.run(messages, memory_path="memory.db")
    assert len(run.rejects) == 1
