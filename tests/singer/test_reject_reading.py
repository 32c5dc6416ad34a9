"""What a line of a rejects file says, and which SCHEMA messages are needed."""

from __future__ import annotations

import datetime as dt

import pytest

from target_amplitude_nami.singer.reject_reading import (
    NO_REASON,
    NeededSchemas,
    RejectLine,
    read_reject_line,
)
from tests.support import singer
from tests.support.rejects import because

AT = dt.datetime(2026, 6, 1, 8, tzinfo=dt.UTC)
UNREADABLE = RejectLine("RECORD", "_unreadable_lines", "line_not_json")
LINES = [
    (
        because(singer.record("a", {}), "too_short", integration="app"),
        RejectLine("RECORD", "a", "too_short", "app", AT),
    ),
    (singer.schema("a"), RejectLine("SCHEMA", "a")),
    (singer.record("a", {}), RejectLine("RECORD", "a", NO_REASON)),
    (singer.state({}), RejectLine("STATE", "")),
    # What only a lenient reader takes.
    (
        b'{"type":"RECORD","stream":"a","record":{"x":NaN},"rejected":{"reason":"r"}}',
        RejectLine("RECORD", "a", "r"),
    ),
    (
        b'{"type":"RECORD","stream":"a","record":{"x":"\\ud83d"},"rejected":{"at":7}}',
        RejectLine("RECORD", "a"),
    ),
    (b"{half a li", UNREADABLE),
    (b"[]", UNREADABLE),
    (b'{"type":"RECORD","stream":"a","record":7}', UNREADABLE),
    (b'{"type":"RECORD","stream":7,"record":{}}', UNREADABLE),
    (b'{"type":7}', RejectLine("", "")),
    (b" \n", None),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_a_line_says_what_it_is_and_why_it_was_rejected(
    line: bytes, expected: RejectLine | None
) -> None:
    assert read_reject_line(line) == expected


def test_a_schema_that_no_record_follows_is_left_out() -> None:
    schemas = NeededSchemas()
    for stream, line in (("a", b"old"), ("b", b"other"), ("a", b"new")):
        schemas.take(stream, line)
    assert [*schemas.before("a"), *schemas.before("a")] == [b"new"]


def test_a_schema_is_made_once_where_there_was_none() -> None:
    schemas = NeededSchemas()
    assert list(schemas.before("a")) == []
    [made] = schemas.before("a", makes_one=True)
    assert b'"stream":"a"' in made
    assert list(schemas.before("a", makes_one=True)) == []
