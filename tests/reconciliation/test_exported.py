"""Events out of an archive; what is damaged is never taken for missing."""

from __future__ import annotations

import gzip
import io

import pytest

from target_amplitude_nami.errors import RequestFailed
from target_amplitude_nami.reconciliation import exported as reading
from target_amplitude_nami.reconciliation.exported import milliseconds, read_archive
from tests.support.archives import archive_of, exported, zipped

LINES = [exported(str(number)) for number in range(200)]
WHOLE = archive_of(LINES)
PACKED = gzip.compress(b'{"event_type": "one"}\n' * 300)


def with_a_name_in_no_encoding() -> bytes:
    """Return an archive whose one member says that its name is UTF-8, and is not."""
    archive = bytearray(zipped({"a.json.gz": PACKED}))
    archive[archive.index(b"PK\x01\x02") + 9] |= 0x08
    return bytes(archive.replace(b"a.json", b"\xff.json"))


def with_lengths_beyond_its_end() -> bytes:
    """Return an archive whose list of members is to begin before the file."""
    archive = bytearray(zipped({"a.json.gz": PACKED}))
    archive[archive.index(b"PK\x05\x06") + 19] = 0x7F
    return bytes(archive)


def events_in(archive: bytes) -> list[reading.ExportedEvent]:
    return list(read_archive(io.BytesIO(archive), "the hour"))


def test_every_line_is_an_event() -> None:
    events = events_in(WHOLE)
    assert [event.insert_id for event in events] == [str(n) for n in range(200)]
    assert events[0].uploaded == 1_795_444_904_123
    assert events[0].time == 1_780_300_800_250


def test_an_archive_may_have_several_files_and_folders() -> None:
    archive = zipped({"1/": b"", "1/a.json.gz": PACKED, "1/b.json.gz": PACKED})
    assert len(events_in(archive)) == 600


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"<html>Blocked</html>",
        WHOLE[:-10],
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:60] + b"xxxx" + WHOLE[64:],
        zipped({"a.json.gz": PACKED[:-9]}),
        zipped({"a.json.gz": PACKED[:-20] + b"\0" * 20}),
        zipped({"a.json.gz": b'{"event_type": "not compressed"}\n'}),
        zipped({"a.json.gz": gzip.compress(b"[1]\n")}),
        zipped({"a.json.gz": gzip.compress(b'{"event_type": \n')}),
        zipped({"a.json.gz": b"\0" * 50_000_000}),
        with_a_name_in_no_encoding(),
        with_lengths_beyond_its_end(),
    ],
)
def test_a_damaged_archive_is_an_error(archive: bytes) -> None:
    with pytest.raises(RequestFailed, match="the hour is damaged or cut short"):
        events_in(archive)


def test_a_line_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_LINE_BYTES", 1_000)
    archive = zipped({"a.json.gz": gzip.compress(b'{"event_type": "' + b"x" * 2_000)})
    with pytest.raises(
        RequestFailed, match=r"a line of a\.json\.gz has over 1,000 bytes"
    ):
        events_in(archive)


def test_half_of_a_character_is_no_damage() -> None:
    line = b'{"event_type": "cut \\ud83d", "event_properties": {"price": 9.90}}\n'
    [event] = events_in(zipped({"a.json.gz": gzip.compress(line)}))
    assert event.event_type == "cut \ufffd"
    assert bytes(event.event_properties) == b'{"price":9.90}'


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-23 14:41:44.123000", 1_795_444_904_123),
        ("2026-11-23 14:41:44.123999", 1_795_444_904_123),
        ("2026-11-23 14:41:44", 1_795_444_904_000),
        ("2026-11-23T14:41:44.123Z", 1_795_444_904_123),
        ("1969-12-31 23:59:59.999000", -1),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_times_are_in_utc(text: object, time: int | None) -> None:
    assert milliseconds(text) == time
