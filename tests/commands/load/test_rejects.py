"""Rejects of a part wait until it is settled, and are then in the rejects file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.commands.load.rejects import SpooledRejects
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.singer.rejects import RejectsFile

if TYPE_CHECKING:
    from pathlib import Path

REFUSAL = Refusal("time_unreadable", "created_date", "'soon' is not a time")


def messages_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_nothing_is_in_the_file_before_the_part_is_settled(tmp_path: Path) -> None:
    file = RejectsFile(tmp_path / "rejects.singer", "nami")
    rejects = SpooledRejects()

    rejects.write("records", b'{"id":1}', REFUSAL)
    rejects.sync()
    rejects.close()
    assert not file.path.exists()

    rejects.write_to(file)
    schema, record = messages_in(file.path)
    assert (schema["type"], schema["stream"]) == ("SCHEMA", "records")
    assert (record["stream"], record["record"]) == ("records", {"id": 1})
    assert record["rejected"]["reason"] == "time_unreadable"


def test_more_than_memory_should_hold_comes_through_in_order(tmp_path: Path) -> None:
    file = RejectsFile(tmp_path / "rejects.singer", "nami")
    rejects = SpooledRejects()
    for number in range(300):
        rejects.write("records", b'{"n":%d,"x":"%s"}' % (number, b"x" * 9_000), REFUSAL)

    rejects.write_to(file)

    records = [m["record"] for m in messages_in(file.path) if m["type"] == "RECORD"]
    assert [record["n"] for record in records] == list(range(300))


def test_a_record_without_a_form_in_json_is_a_line_that_nobody_could_read(
    tmp_path: Path,
) -> None:
    file = RejectsFile(tmp_path / "rejects.singer", "nami")
    rejects = SpooledRejects()

    rejects.keep({"score": b"\xff"}, "records", REFUSAL)
    rejects.write("records", b"", REFUSAL)  # its outcome, which has no line
    rejects.write_to(file)

    _, record = messages_in(file.path)
    assert record["stream"] == "_unreadable_lines"
    assert "score" in record["record"]["line"]


def test_a_part_without_rejects_makes_no_file(tmp_path: Path) -> None:
    file = RejectsFile(tmp_path / "rejects.singer", "nami")

    SpooledRejects().write_to(file)

    assert not file.path.exists()
