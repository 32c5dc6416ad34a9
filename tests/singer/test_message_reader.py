"""Every line of the input is a message, or is rejected with a reason."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.singer import message_reader
from target_amplitude_nami.singer.message_reader import MessageReader
from target_amplitude_nami.singer.messages import UTF_16_STARTS, BrokenLines

if TYPE_CHECKING:
    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.singer.parts import TakeRecord

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KINDS = ("SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION", "BATCH")


class Seen:
    """A handler of messages, and what a reader has made of an input for it."""

    def __init__(self, text: bytes, **options: Any) -> None:
        self.direct_streams: dict[str, TakeRecord] = {"direct": self.take_record}
        self.broken_lines = BrokenLines(self.reject_line)
        self.messages: list[Any] = []
        self.bad: list[tuple[bytes, Refusal]] = []
        self.calls: list[str] = []
        self.reader = MessageReader(
            self,
            Shutdown(),
            begin=lambda: self.calls.append("begin"),
            tick=lambda: self.calls.append("tick"),
            **options,
        )
        self.counts = self.reader.process_lines(io.BytesIO(text))  # type: ignore[arg-type]

    def take_record(self, record: dict[str, Any], stream: str, line: bytes) -> None:
        # As texts, 1 and 1.0 differ.
        self.messages.append((repr(stream), repr(record), line))

    def take_message(self, message: dict[str, Any], line: bytes) -> bool:
        if message.get("type") not in KINDS:
            return False
        parts = [repr(message.get(name)) for name in ("stream", "record")]
        self.messages.append((*parts, line))
        return True

    def reject_line(self, line: bytes, refusal: Refusal) -> None:
        self.bad.append((line, refusal))

    @property
    def reasons(self) -> list[str]:
        return [refusal.reason for _, refusal in self.bad]


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


@pytest.mark.parametrize("line", RECORDS, ids=lambda line: repr(line[:60]))
def test_a_usual_record_and_any_other_are_read_alike(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Seen(line)
    monkeypatch.setattr(message_reader, "decode_record_message", _refuse_all)
    other = Seen(line)
    assert usual.messages == other.messages
    assert usual.bad == other.bad
    assert usual.counts == other.counts


def _refuse_all(_line: bytes) -> None:
    raise msgspec.DecodeError


@pytest.mark.parametrize("line", RECORDS[:4])
def test_a_usual_record_is_decoded_once(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_reader, "decode_object", _refuse_all)
    assert [stream for stream, _, _ in Seen(line).messages] == ["'s'"]


def test_a_record_of_a_direct_stream_goes_where_the_handler_says() -> None:
    line = b'{"type":"RECORD","stream":"direct","record":{"a":1}}'
    assert Seen(line).messages == [("'direct'", "{'a': 1}", line)]


@pytest.mark.parametrize("depth", [201, 100_000])
@pytest.mark.parametrize("kind", ["RECORD", "STATE"])
def test_a_message_nested_too_deep_is_rejected_as_it_is(kind: str, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    line = f'{{"type":"{kind}","stream":"s","record":{deep},"value":1}}'.encode()
    seen = Seen(line + b'\n{"type":"STATE"}\n')
    assert [(bad, refusal.reason) for bad, refusal in seen.bad] == [(line, "too_deep")]
    assert len(seen.messages) == 1


def test_any_number_of_lines_in_a_row_may_be_nested_too_deep() -> None:
    assert Seen((b"[" * 300 + b"\n") * 150).reader.failure is None


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


@pytest.mark.parametrize("text", [b"\xff\xfe", b"x\n" * 200])
def test_nothing_is_done_with_any_line_of_a_target_that_is_off(text: bytes) -> None:
    seen = Seen(text, is_enabled=False)
    assert seen.reader.failure is None
    assert not seen.bad


def test_a_long_type_is_cut_in_the_reason() -> None:
    [(_, refusal)] = Seen(b'{"type":"%s"}\n' % (b"x" * 10_000)).bad
    assert len(refusal.detail) < 200


def test_the_run_begins_before_the_first_line() -> None:
    assert Seen(b"").calls == ["begin"]


def test_no_line_is_read_after_a_request_to_stop() -> None:
    class Stopping(Seen):
        def take_message(self, message: dict[str, Any], line: bytes) -> bool:
            if message.get("value") == 2:
                shutdown.request(1)
            return super().take_message(message, line)

    shutdown = Shutdown()
    text = b"".join(b'{"type":"STATE","value":%d}\n' % n for n in range(5))
    seen = Stopping(b"")
    reader = MessageReader(seen, shutdown, begin=lambda: None, tick=lambda: None)
    reader.process_lines(io.BytesIO(text))  # type: ignore[arg-type]
    assert len(seen.messages) == 3


@pytest.mark.parametrize("as_usual", [True, False])
def test_a_line_in_a_record_of_the_rejects_file_is_read_in_its_place(
    *, as_usual: bool
) -> None:
    line = b'{"type":"RECORD","stream":"s","record":{"a":"\xc3\xa9"}}'
    more = "" if as_usual else ',"more":1'
    text = json.dumps(line.decode())
    seen = Seen(
        f'{{"type":"RECORD","stream":"_unreadable_lines","record":{{"line":{text}}}'
        f"{more}}}".encode()
    )
    assert seen.messages == [("'s'", "{'a': 'é'}", line)]
