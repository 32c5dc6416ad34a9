"""The example tap as a process: what it sends, and what it never sends twice."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.examples.expected import SAMPLE, read_records

TAP = Path(__file__).parents[2] / "examples" / "tap_nami.py"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the tap left behind."""

    exit_code: int
    messages: list[dict[str, Any]]
    errors: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD"]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def ids(self) -> list[str]:
        return [record.get("id") or record["user_id"] for record in self.records]


def run_tap(
    folder: Path, scratch: Path, *options: str, state: dict[str, Any] | None = None
) -> Run:
    config = scratch / "config.json"
    config.write_text(json.dumps({"path": str(folder)}))
    arguments = ["--config", str(config), *options]
    if state is not None:
        (scratch / "state.json").write_text(json.dumps(state))
        arguments += ["--state", str(scratch / "state.json")]
    done = subprocess.run(
        [sys.executable, TAP, *arguments], capture_output=True, check=False, text=True
    )
    messages = [
        json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()
    ]
    return Run(done.returncode, messages, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    archives = tmp_path / "archives"
    archives.mkdir()
    return archives


def event(number: int, created_date: object = "2026-06-01T08:00:00Z") -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "event_type": "device.impression",
        "user_id": "nami-user",
        "created_date": created_date,
    }


def archive(path: Path, *records: object) -> None:
    """Write or extend an archive."""
    text = "".join(json.dumps(record) + "\n" for record in records).encode()
    with path.open("ab") as file:
        file.write(gzip.compress(text) if path.suffix == ".gz" else text)


def test_discovery_names_both_streams_with_their_keys() -> None:
    done = subprocess.run(
        [sys.executable, TAP, "--discover"], capture_output=True, check=True
    )
    streams = json.loads(done.stdout)["streams"]
    assert [
        (stream["tap_stream_id"], stream["key_properties"], stream["replication_key"])
        for stream in streams
    ] == [("events", ["id"], "created_date"), ("users", ["user_id"], "updated_at")]
    assert all(stream["replication_method"] == "INCREMENTAL" for stream in streams)
    assert all(stream["schema"]["additionalProperties"] for stream in streams)


def test_it_runs_by_its_own_name_with_the_interpreter_that_the_path_names() -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [TAP, "--version"],
        capture_output=True,
        check=True,
        env=os.environ | {"PATH": path},
        text=True,
    )
    assert "tap-nami" in done.stdout


def test_the_whole_sample_leaves_unchanged_and_in_a_fixed_order(tmp_path: Path) -> None:
    run = run_tap(SAMPLE, tmp_path)
    assert run.exit_code == 0, run.errors
    as_sent = json.loads(json.dumps(run.records, default=float))
    assert as_sent == read_records()


def test_a_second_run_sends_nothing(tmp_path: Path) -> None:
    first = run_tap(SAMPLE, tmp_path)
    second = run_tap(SAMPLE, tmp_path, state=first.states[-1])
    assert second.exit_code == 0, second.errors
    assert second.records == []
    assert second.states[-1] == first.states[-1]


def test_records_that_come_later_are_sent_once_whatever_their_time(
    tmp_path: Path, folder: Path
) -> None:
    archive(folder / "a.jsonl", event(1, "2026-06-02T00:00:00Z"))
    first = run_tap(folder, tmp_path)
    archive(folder / "a.jsonl", event(2, "2026-06-02T00:00:00Z"))  # the same moment
    archive(folder / "b.jsonl.gz", event(3, "2026-06-01T00:00:00Z"))  # a day late
    second = run_tap(folder, tmp_path, state=first.states[-1])
    third = run_tap(folder, tmp_path, state=second.states[-1])
    assert (first.ids, second.ids, third.ids) == (
        ["event-1"],
        ["event-2", "event-3"],
        [],
    )


def test_an_archive_that_is_compressed_after_it_was_read_is_not_read_again(
    tmp_path: Path, folder: Path
) -> None:
    archive(folder / "a.jsonl", event(1), event(2))
    first = run_tap(folder, tmp_path)
    (folder / "a.jsonl").unlink()
    archive(folder / "a.jsonl.gz", event(1), event(2))
    assert run_tap(folder, tmp_path, state=first.states[-1]).records == []


def test_an_interrupted_run_goes_on_where_its_last_state_was(
    tmp_path: Path, folder: Path
) -> None:
    archive(folder / "a.jsonl", *(event(number) for number in range(10_002)))
    whole = run_tap(folder, tmp_path)
    resumed = run_tap(folder, tmp_path, state=whole.states[0])
    assert len(whole.records) == 10_002
    assert 0 < len(resumed.records) < 10
    assert resumed.ids == whole.ids[-len(resumed.records) :]


def test_a_state_with_a_bookmark_alone_starts_at_its_moment(
    tmp_path: Path, folder: Path
) -> None:
    days = ("2026-06-01T00:00:00Z", "2026-06-02T02:00:00+02:00", "2026-06-03", None)
    archive(folder / "a.jsonl", *(event(n, day) for n, day in enumerate(days)))
    bookmark = {
        "replication_key": "created_date",
        "replication_key_value": "2026-06-02T00:00:00Z",
    }
    run = run_tap(folder, tmp_path, state={"bookmarks": {"events": bookmark}})
    assert run.ids == ["event-1", "event-2", "event-3"]


@pytest.mark.parametrize("nonsense", ["last Tuesday", "2026-06-31", "", None, 7, []])
def test_a_date_that_is_none_is_sent_and_leaves_the_bookmark_alone(
    tmp_path: Path, folder: Path, nonsense: object
) -> None:
    archive(folder / "a.jsonl", event(1, "2026-06-02T02:00:00+02:00"))
    archive(folder / "a.jsonl", event(2, nonsense), event(3, "2026-06-01T00:00:00Z"))
    run = run_tap(folder, tmp_path)
    assert run.ids == ["event-1", "event-2", "event-3"]
    events = run.states[-1]["bookmarks"]["events"]
    assert events["replication_key_value"] == "2026-06-02T00:00:00+00:00"
    assert run_tap(folder, tmp_path, state=run.states[-1]).records == []


def test_every_value_leaves_as_it_came(tmp_path: Path, folder: Path) -> None:
    values = (
        '"amount":9.90,"huge":1e400,"long":123456789012345678901234567890,'
        '"is_active":null,"half":"\\ud83d","text":"Été ☀️","new_field":{"a":[1,{}]}'
    )
    line = json.dumps(event(1))[:-1] + "," + values + "}\n"
    (folder / "a.jsonl").write_text(line, encoding="utf-8")
    run = run_tap(folder, tmp_path)
    assert run.records == [json.loads(line, parse_float=Decimal)]


def test_events_and_users_may_share_an_archive(tmp_path: Path, folder: Path) -> None:
    user = {"user_id": "nami-user", "updated_at": "2026-06-01T00:00:00Z"}
    archive(folder / "a.jsonl", user, event(1))
    run = run_tap(folder, tmp_path)
    assert [
        (message["stream"], message["record"])
        for message in run.messages
        if message["type"] == "RECORD"
    ] == [("events", event(1)), ("users", user)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"id": "secret"', "Expecting ',' delimiter"),
        ('["secret"]', "not a JSON object"),
        ('{"name": "secret"}', "neither an event"),
        ('{"user_id": "secret", "amount": NaN}', "NaN is not JSON"),
        ('{"user_id": "secret\xff"}', "can't decode byte"),
    ],
)
def test_a_broken_line_is_named_by_file_and_number_and_not_shown(
    tmp_path: Path, folder: Path, line: str, complaint: str
) -> None:
    archive(folder / "a.jsonl", event(1))
    with (folder / "a.jsonl").open("ab") as file:
        file.write(b"\n" + line.encode("latin-1") + b"\n")
    run = run_tap(folder, tmp_path)
    *_, last = run.errors.splitlines()
    assert run.exit_code == 1
    assert run.ids == ["event-1"]
    assert last.startswith(f"Error: {folder / 'a.jsonl'}, line 3: ")
    assert complaint in last
    assert "secret" not in run.errors
    assert "Traceback" not in run.errors


def test_a_cut_gzip_archive_is_named(tmp_path: Path, folder: Path) -> None:
    archive(folder / "a.jsonl.gz", event(1))
    whole = (folder / "a.jsonl.gz").read_bytes()
    (folder / "a.jsonl.gz").write_bytes(whole[:-12])
    run = run_tap(folder, tmp_path)
    assert run.exit_code == 1
    assert f"{folder / 'a.jsonl.gz'}: cannot be read past line" in run.errors


def test_an_archive_that_shrank_since_it_was_read_is_an_error(
    tmp_path: Path, folder: Path
) -> None:
    archive(folder / "a.jsonl", event(1), event(2))
    first = run_tap(folder, tmp_path)
    (folder / "a.jsonl").unlink()
    archive(folder / "a.jsonl", event(3))
    second = run_tap(folder, tmp_path, state=first.states[-1])
    assert second.exit_code == 1
    assert "the archive ends here, but 2 lines of it" in second.errors


def test_one_archive_in_two_files_is_an_error(tmp_path: Path, folder: Path) -> None:
    archive(folder / "a.jsonl", event(1))
    archive(folder / "a.jsonl.gz", event(1))
    run = run_tap(folder, tmp_path)
    assert run.exit_code == 1
    assert "are one archive" in run.errors


def test_a_missing_folder_is_an_error(tmp_path: Path, folder: Path) -> None:
    run = run_tap(folder / "elsewhere", tmp_path)
    assert run.exit_code == 1
    assert f"{folder / 'elsewhere'} is not a folder" in run.errors
