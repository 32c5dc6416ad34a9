"""The rejects file, line by line."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.singer.reject_lines import (
    is_reject,
    line_of,
    record_message,
    unreadable_line,
)
from target_amplitude_nami.singer.rejects import RejectsFile
from target_amplitude_nami.store.model import RejectPlace
from tests.support import singer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFUSAL = Refusal("time_unreadable", "created_date", 'it is "never"', None)
FULL_DISK = Path("/dev/full")


@pytest.fixture
def rejects(tmp_path: Path) -> Iterator[RejectsFile]:
    rejects = RejectsFile(tmp_path / "deep" / "down" / "rejects.singer", "nami")
    yield rejects
    rejects.close()


def written(rejects: RejectsFile) -> list[dict[str, Any]]:
    rejects.sync()
    return [json.loads(line) for line in rejects.path.read_bytes().splitlines()]


def test_nothing_is_made_before_the_first_reject(rejects: RejectsFile) -> None:
    rejects.declare("events", singer.schema("events"))
    rejects.sync()
    assert not rejects.path.parent.exists()


def test_the_schema_stands_once_before_the_records_of_its_stream(
    rejects: RejectsFile,
) -> None:
    for stream in ("a", "b"):
        rejects.declare(stream, singer.schema(stream))
    for stream in ("b", "a", "b"):
        rejects.write(stream, singer.record(stream, {}), REFUSAL)
    kinds = [(message["type"], message["stream"]) for message in written(rejects)]
    assert kinds == [
        ("SCHEMA", "b"),
        ("RECORD", "b"),
        ("SCHEMA", "a"),
        ("RECORD", "a"),
        ("RECORD", "b"),
    ]


def test_a_schema_that_changes_is_written_again(rejects: RejectsFile) -> None:
    for keys in (["id"], ["id"], ["number"]):
        rejects.declare("a", singer.schema("a", key_properties=keys))
        rejects.write("a", singer.record("a", {}), REFUSAL)
    schemas = [m for m in written(rejects) if m["type"] == "SCHEMA"]
    assert [m["key_properties"] for m in schemas][-1] == ["number"]


def test_the_reason_says_all_that_is_known(rejects: RejectsFile) -> None:
    refusal = Refusal("amplitude_invalid_field", "time", "HTTP 400: no", 400)
    rejects.write("a", singer.record("a", {"x": 1}), refusal)
    [message] = written(rejects)
    at = message["rejected"].pop("at")
    assert at.endswith("+00:00")
    assert message == {
        "type": "RECORD",
        "stream": "a",
        "record": {"x": 1},
        "rejected": {
            "reason": "amplitude_invalid_field",
            "field": "time",
            "detail": "HTTP 400: no",
            "status": 400,
            "integration": "nami",
        },
    }


def test_a_file_of_others_keeps_its_lines_and_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "rejects.singer"
    path.write_bytes(b"half a li")
    path.chmod(0o640)
    rejects = RejectsFile(path, "nami")
    rejects.write("a", singer.record("a", {}), REFUSAL)
    rejects.close()
    assert path.read_bytes().splitlines()[0] == b"half a li"
    assert json.loads(path.read_bytes().splitlines()[1])["stream"] == "a"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


# What a message may look like that already has a reason, or seems to have one.
BEFORE = [
    b'{"type":"RECORD","stream":"a","record":{"x":1.50}}',
    b'{"type":"RECORD","stream":"a","record":{"x":1.50,"rejected":{"x":2}}}',
    b'{"record":{"x":1,"rejected":{"x":2}},"type":"RECORD","stream":"a"}',
    b'{"type":"RECORD","stream":"a","record":{"t":",\\"rejected\\":{}}"}}',
    b'{"type":"RECORD","stream":"\\ud83d","record":{"x":9007199254740993}}',
]


@pytest.mark.parametrize("line", BEFORE)
def test_a_record_keeps_its_bytes_however_often_it_is_rejected(
    rejects: RejectsFile, line: bytes
) -> None:
    rejects.write("a", line, REFUSAL)
    rejects.sync()
    [once] = rejects.path.read_bytes().splitlines()
    assert once.startswith(line[:-1] + b',"rejected":{"reason":"time_unreadable"')
    rejects.write("a", once, Refusal("no_ids", "user_id", "none"))
    rejects.sync()
    _, twice = rejects.path.read_bytes().splitlines()
    assert twice.startswith(line[:-1] + b',"rejected":{"reason":"no_ids"')


@pytest.mark.parametrize(
    "line",
    [
        b'{"rejected":{"reason":"old"},"type":"RECORD","stream":"a","record":{"x":1.50}}',
        b'{"type":"RECORD", "rejected": null, "stream":"a","record":{"x":1.50}}',
        b'{"type":"RECORD","stream":"a","record":{"x":1.50},"rejected":{},"version":3}',
    ],
)
def test_a_reason_that_another_tool_has_moved_is_replaced(
    rejects: RejectsFile, line: bytes
) -> None:
    rejects.write("a", line, REFUSAL)
    rejects.sync()
    text = rejects.path.read_bytes()
    assert text.count(b'"rejected"') == 1
    assert b'"record":{"x":1.50}' in text
    assert json.loads(text)["rejected"]["reason"] == "time_unreadable"


@given(
    record=st.dictionaries(
        st.text() | st.just("rejected"),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(st.text() | st.just("rejected"), inner)
            ),
            max_leaves=5,
        ),
    )
)
def test_every_record_comes_back_as_it_was(
    record: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = singer.record("a", record)
    rejects = RejectsFile(tmp_path_factory.mktemp("any") / "rejects.singer", "nami")
    rejects.write("a", line, REFUSAL)
    rejects.close()
    first = rejects.path.read_bytes()
    rejects.write("a", first, REFUSAL)
    rejects.close()
    _, second = rejects.path.read_bytes().splitlines(keepends=True)
    before = jsontext.encode(jsontext.decode(line)["record"])
    for text in (first, second):
        assert jsontext.encode(jsontext.decode(text)["record"]) == before


@given(line=st.binary().filter(lambda line: b"\n" not in line and b"\r" not in line))
def test_an_unreadable_line_comes_back_byte_for_byte(line: bytes) -> None:
    message = unreadable_line(line + b"\r\n")
    assert json.loads(message)["type"] == "RECORD"
    assert line_of(message) == line


@pytest.mark.parametrize("record", [{}, {"line": None}, {"line": 7}, {"text": "x"}])
def test_a_record_without_a_line_is_no_unreadable_line(record: dict[str, Any]) -> None:
    assert line_of(singer.record("_unreadable_lines", record)) is None


def test_half_a_pair_that_an_editor_left_in_a_line_is_read() -> None:
    message = singer.record("_unreadable_lines", {"line": "\ud83d"})
    assert line_of(message) == b"\xed\xa0\xbd"


def test_a_record_of_a_file_becomes_a_message() -> None:
    message = record_message('the "a"', b' {"x": 1.50}\r\n')
    assert message == b'{"type":"RECORD","stream":"the \\"a\\"","record":{"x": 1.50}}'


@pytest.mark.skipif(not FULL_DISK.exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_a_failure_when_it_matters() -> None:
    rejects = RejectsFile(FULL_DISK, "nami")
    rejects.write("a", singer.record("a", {}), REFUSAL)
    with pytest.raises(OutputUnwritable, match="No space left"):
        rejects.sync()
    with pytest.raises(OutputUnwritable, match=r"rejects_path.*run again"):
        rejects.close()
    rejects.close()


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    rejects = RejectsFile(tmp_path / "file" / "rejects.singer", "nami")
    with pytest.raises(OutputUnwritable, match=r"rejects\.singer"):
        rejects.write("a", singer.record("a", {}), REFUSAL)


@pytest.mark.parametrize(
    "line",
    [
        b'\xef\xbb\xbf{"type":"RECORD","stream":"a","record":{"x":1}}\r\n',
        b'{"type":"RECORD",\r"stream":"a",\r\n"record":{"x":1}}\r',
        b' \t{"type":"RECORD","stream":"a","record":{"x":1}} ',
    ],
)
def test_a_line_is_one_line_for_every_reader(rejects: RejectsFile, line: bytes) -> None:
    rejects.declare("a", b"\xef\xbb\xbf" + singer.schema("a").rstrip() + b"\r\n")
    rejects.write("a", line, REFUSAL)
    rejects.sync()
    text = rejects.path.read_text("utf-8")  # it also ends lines at a bare \r
    schema, record = map(json.loads, text.splitlines())
    assert "\ufeff" not in text
    assert (schema["type"], record["record"]) == ("SCHEMA", {"x": 1})


def test_a_record_of_a_file_has_no_mark_within_its_line() -> None:
    message = record_message("a", b'\xef\xbb\xbf{"x": 1}')
    assert message == b'{"type":"RECORD","stream":"a","record":{"x": 1}}'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"type":"RECORD","record":{},"rejected":{"reason":"old"}}', True),
        (b'{"type":"RECORD","rejected" : {},"record":{}}', True),
        (b'{"type":"RECORD","record":{},"rejected":null}', False),
        (b'{"type":"RECORD","record":{"rejected":{}}}', False),
        (b'{"type":"RECORD","record":{"x":"\\"rejected\\""}}', False),
        (b'{"type":"RECORD","record":{}}', False),
        (b'{"rejected"', False),
        (b'["rejected"]', False),
    ],
)
def test_a_reject_is_known_by_the_reason_beside_it(
    line: bytes, *, expected: bool
) -> None:
    assert is_reject(line) is expected


# From run to run, with a memory


class Memo(dict[bytes, RejectPlace]):
    """A memory that outlives its runs."""

    find_reject = dict.get
    note_reject = dict.__setitem__


@pytest.fixture
def reject(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Reject lines in a run of its own; return the records in the file then."""
    known = Memo()

    def reject(*lines: bytes) -> list[dict[str, Any]]:
        rejects = RejectsFile(tmp_path / "rejects.singer", "nami", known)
        rejects.declare("a", singer.schema("a"))
        for line in lines:
            rejects.write("a", line, REFUSAL)
        rejects.close()
        return [m["record"] for m in written(rejects) if m["type"] == "RECORD"]

    return reject


def lines_of(*numbers: int) -> list[bytes]:
    return [singer.record("a", {"x": number}) for number in numbers]


def test_a_record_that_comes_again_is_not_written_again(
    reject: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    once = reject(*lines_of(1, 2))
    before = (tmp_path / "rejects.singer").read_bytes()
    later = b',"time_extracted":"2026-06-01T08:00:00Z"}'
    again = reject(*lines_of(2, 1), lines_of(2)[0].rstrip()[:-1] + later)
    assert again == once == [{"x": 1}, {"x": 2}]
    assert (tmp_path / "rejects.singer").read_bytes() == before
    assert reject(*lines_of(1, 3)) == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_within_a_run_each_reject_is_written(
    reject: Callable[..., list[dict[str, Any]]],
) -> None:
    assert reject(*lines_of(1, 1)) == [{"x": 1}, {"x": 1}]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda path: path.unlink(), 0),
        (lambda path: path.rename(path.with_name("corrected.singer")), 0),
        (lambda path: os.truncate(path, len(singer.schema("a"))), 0),
        (lambda path: path.write_bytes(b""), 0),
        (lambda path: path.write_bytes(path.read_bytes().replace(b" 1}", b" 7}")), 1),
        (lambda path: path.write_bytes(singer.schema("b") + path.read_bytes()), 1),
    ],
    ids=["gone", "moved", "shortened", "emptied", "edited", "shifted"],
)
def test_what_the_file_holds_no_more_is_written(
    reject: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
    change: Callable[[Path], object],
    left: int,
) -> None:
    reject(*lines_of(1))
    change(tmp_path / "rejects.singer")
    records = reject(*lines_of(1))
    assert records[left:] == [{"x": 1}]
    assert reject(*lines_of(1)) == records


def test_a_damaged_note_of_a_place_is_none(tmp_path: Path) -> None:
    path = tmp_path / "rejects.singer"
    line = singer.record("a", {"x": 1})
    known = Memo()
    for number in range(3):
        rejects = RejectsFile(path, "nami", known)
        rejects.write("a", line, REFUSAL)
        rejects.close()
        assert path.read_bytes().count(b"RECORD") == number + 1
        [key] = known
        known[key] = [RejectPlace(-1, 5, b""), RejectPlace(0, 2**62, b"")][number % 2]


def test_what_a_disk_did_not_take_once_fails_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fsync, a second one succeeds although the pages are gone."""
    rejects = RejectsFile(tmp_path / "rejects.singer", "nami")
    rejects.write("events", b"{}", REFUSAL)

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", fail)
        with pytest.raises(OutputUnwritable):
            rejects.sync()
    for again in (rejects.sync, lambda: rejects.write("events", b"{}", REFUSAL)):
        with pytest.raises(OutputUnwritable, match="Input/output error"):
            again()
    with pytest.raises(OutputUnwritable):
        rejects.close()
