"""Messages out of lines: every line is a message, or is handed over with a reason."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer import messages
from target_amplitude_nami.singer.messages import (
    UTF_16_STARTS,
    BadLine,
    MessageReader,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class Seen:
    """What a reader made of its input."""

    def __init__(self, text: bytes, **callbacks: Callable[[Any], None]) -> None:
        self.reader = MessageReader()
        self.messages: list[Any] = []
        self.bad: list[tuple[bytes, BadLine]] = []
        self.reader.take_bad_line = lambda line, bad: self.bad.append((line, bad))
        kinds = ("SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION", "BATCH")
        self.counts = self.reader.process_lines(
            io.BytesIO(text),  # type: ignore[arg-type]
            dict.fromkeys(kinds, self.messages.append) | callbacks,
        )

    @property
    def reasons(self) -> list[str]:
        return [bad.reason for _, bad in self.bad]


@given(st.binary())
def test_no_line_whatsoever_is_lost(text: bytes) -> None:
    assume(not text.startswith(UTF_16_STARTS))
    seen = Seen(text)
    expected = [
        line for line in text.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip()
    ]
    if len(seen.bad) < 100:
        assert [line for line, _ in seen.bad] == expected


@given(st.lists(JSON, max_size=10))
def test_json_is_a_message_only_when_it_says_so(values: list[Any]) -> None:
    seen = Seen(b"".join(json.dumps(value).encode() + b"\n" for value in values))
    assert not seen.messages
    assert len(seen.bad) == len(values)
    assert set(seen.reasons) <= {"line_not_json", "not_a_singer_message"}


def test_messages_are_counted_by_type() -> None:
    text = b'{"type":"STATE","value":1}\n\n{"type":"RECORD"}\n{"type":"RECORD"}\nx\n'
    seen = Seen(text)
    assert seen.counts["RECORD"] == 2
    assert seen.counts["STATE"] == 1
    assert seen.counts["SCHEMA"] == 0


RECORDS = [
    b'{"type":"RECORD","stream":"s","record":{"a":[1,{"b":null}],"c":1.10}}',
    b' {"record":{},"stream":"s","type":"RECORD"}\r\n',
    b'{"type":"RECORD","stream":"s","record":{},"version":1,"time_extracted":"x"}',
    b'{"type":"RECORD","stream":"s","record":{},"rejected":{"reason":"x"}}',
    b'{"type":"RECORD","stream":"s","record":{},"more":[1]}',
    b'{"typ\\u0065":"REC\\u004fRD","stream":"\\u00e9","record":{"\\u00e9":"\\n"}}',
    b'{"type":"STATE","stream":"s","record":{},"type":"RECORD"}',
    b'{"type":"RECORD","stream":"s","record":{},"type":"STATE"}',
    b'{"type":"RECORD","stream":1,"record":2,"stream":"s","record":{"a":1,"a":2}}',
    b'{"type":"RECORD","stream":"s","record":{},"record":null}',
    b'{"type":"RECORD","stream":"s","record":{"a":1e999,"b":-0.0,"c":1e-999}}',
    b'{"type":"RECORD","stream":"s","record":{"a":NaN,"b":-Infinity}}',
    b'{"type":"RECORD","stream":"s","record":{"a":%s}}' % (b"9" * 5000),
    b'{"type":"RECORD","stream":"s","record":{"a":"\\ud83d","\\ud83d":{}}}',
    b'{"type":"RECORD","stream":"\\ud83d","record":{}}',
    b'{"type":"RECORD","stream":"s","record":{"a":"\xff"}}',
    b'{"type":"RECORD","stream":"s","record":{},"version":"\xff"}',
    b'{"type":"RECORD","stream":"s","record":{},"time_extracted":"\\ud83d"}',
    b'{"type":"RECORD","stream":"s","record":{},"more":"\xff"}',
    b'{"type":"RECORD","stream":"s","record":{},"rejected":01}',
    b'{"type":"RECORD","stream":"s","record":{"a":%s}}' % (b"[" * 900 + b"]" * 900),
    b'{"type":"RECORD","stream":"s","record":%s}' % (b'{"a":' * 100_000),
    b'\xef\xbb\xbf{"type":"RECORD","stream":"s","record":{}}',
    b'{"type":"RECORD","stream":"s","record":{}} x',
    b'{"type":"RECORD","stream":"s","record":{}',
    b'{"type":"RECORD","stream":null,"record":{}}',
    b'{"type":"RECORD","stream":"s","record":[]}',
    b'{"type":"RECORD","stream":"s"}',
    b'{"stream":"s","record":{}}',
    b'{"type":"record","stream":"s","record":{}}',
    b'{"type":null,"stream":"s","record":{}}',
    b'{"type":["RECORD"],"stream":"s","record":{}}',
    b'["RECORD","s",{}]',
]


def _outcome(line: bytes) -> tuple[list[Any], list[Any], int]:
    """Return what a reader hands over, however it reads; texts tell 1 and 1.0 apart."""
    taken: list[Any] = []
    bad: list[Any] = []
    reader = MessageReader()
    reader.take_bad_line = lambda line, why: bad.append((line, why))
    reader.take_record = lambda stream, record, line: taken.append(
        (repr(stream), repr(record), line)
    )

    def take(message: dict[str, Any]) -> None:
        parts = [repr(message.get(name)) for name in ("stream", "record")]
        taken.append((*parts, reader.line))

    counts = reader.process_lines(
        io.BytesIO(line),  # type: ignore[arg-type]
        {"RECORD": take, "STATE": taken.append},
    )
    return taken, bad, counts["RECORD"]


@pytest.mark.parametrize("line", RECORDS, ids=lambda line: repr(line[:60]))
def test_a_record_is_the_same_on_the_short_way_and_the_long(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = _outcome(line)
    monkeypatch.setattr(messages, "_decode_record", _refuse_all)
    assert short == _outcome(line)


def _refuse_all(_line: bytes) -> None:
    raise msgspec.DecodeError


@pytest.mark.parametrize("line", RECORDS[:4])
def test_a_usual_record_takes_the_short_way(line: bytes) -> None:
    reader = MessageReader()
    taken: list[Any] = []
    reader.take_record = lambda stream, *_: taken.append(stream)
    reader.process_lines(io.BytesIO(line), {})  # type: ignore[arg-type]
    assert taken == ["s"]


def test_what_a_usual_record_is_too_deep_for_is_handed_over() -> None:
    def too_deep(*_: object) -> None:
        raise RecursionError

    reader = MessageReader()
    bad: list[str] = []
    reader.take_record = too_deep
    reader.take_bad_line = lambda _line, why: bad.append(why.reason)
    reader.process_lines(io.BytesIO(RECORDS[0]), {})  # type: ignore[arg-type]
    assert bad == ["too_deep"]


def test_a_hundred_broken_lines_in_a_row_are_a_failure() -> None:
    seen = Seen(b"x\n" * 150 + b'{"type":"RECORD"}\n')
    assert isinstance(seen.reader.failure, InputUnreadable)
    assert len(seen.bad) == 100
    assert not seen.messages


@pytest.mark.parametrize("between", [b'{"type":"RECORD"}', b'{"type":"?"}'])
def test_a_line_that_can_be_read_begins_a_new_row(between: bytes) -> None:
    seen = Seen((b"x\n" * 99 + between + b"\n") * 3)
    assert seen.reader.failure is None
    assert seen.reasons.count("line_not_json") == 297


def test_empty_lines_do_not_begin_a_new_row() -> None:
    assert Seen(b"x\n\n" * 100).reader.failure is not None


def test_what_a_message_is_too_deep_for_is_handed_over() -> None:
    def too_deep(_message: object) -> None:
        raise RecursionError

    seen = Seen(b'{"type":"RECORD"}\n{"type":"STATE"}\n', RECORD=too_deep)
    assert seen.reasons == ["too_deep"]
    assert len(seen.messages) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_at_the_start_is_a_failure_that_says_so(encoding: str) -> None:
    text = '{"type":"STATE","value":{"a":1}}\n{"type":"STATE","value":{"a":2}}\n'
    for mark in ("", "\ufeff"):
        seen = Seen((mark + text).encode(encoding))
        assert seen.reader.failure is not None
        assert "UTF-16" in str(seen.reader.failure)
        assert "iconv" in str(seen.reader.failure)
        assert not seen.bad
        assert not seen.messages


@pytest.mark.parametrize("start", UTF_16_STARTS)
def test_a_later_line_that_looks_like_utf_16_is_a_bad_line(start: bytes) -> None:
    seen = Seen(b'{"type":"STATE"}\n' + start + b'\n{"type":"STATE"}\n')
    assert seen.reader.failure is None
    assert [line for line, _ in seen.bad] == [start]
    assert len(seen.messages) == 2


def test_input_that_is_passed_over_may_be_utf_16() -> None:
    reader = MessageReader()
    reader.passes_over = True
    reader.process_lines(io.BytesIO(b"\xff\xfe"), {})  # type: ignore[arg-type]
    assert reader.failure is None


def test_a_long_type_is_cut_in_the_reason() -> None:
    [(_, bad)] = Seen(b'{"type":"%s"}\n' % (b"x" * 10_000)).bad
    assert len(bad.detail) < 200


def test_lines_may_be_passed_over() -> None:
    reader = MessageReader()
    reader.passes_over = True
    reader.process_lines(io.StringIO("x\n" * 200), {})
    assert reader.failure is None


def test_a_reader_without_hooks_refuses_bad_lines() -> None:
    reader = MessageReader()
    reader.process_lines(io.StringIO("x\n"), {})
    assert reader.failure is not None


@given(JSON)
def test_a_state_means_the_same_when_it_is_written_again(value: Any) -> None:
    line = json.dumps({"type": "STATE", "value": value}).encode()
    written = state_of(line)
    assert written.isascii()
    assert json.dumps(json.loads(written)) == json.dumps(value)
