"""Lines come in any length and in any pieces, until a stop is asked for."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.singer import lines
from target_amplitude_nami.singer.lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _lines(file: Any, tick: Callable[[], None] = lambda: None) -> list[bytes]:
    return [line for some in read_lines(file, Shutdown(), tick=tick) for line in some]


def _read(descriptor: int) -> list[bytes]:
    with os.fdopen(descriptor, "rb") as file:
        return _lines(file)


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_lines_are_the_same_however_they_are_cut_into_pieces(
    pieces: list[bytes],
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as pipe:
        for piece in pieces:
            pipe.write(piece)
    expected = b"".join(pieces).split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert _read(reader) == expected


def test_a_line_may_be_longer_than_a_pipe_holds() -> None:
    reader, writer = os.pipe()
    long = [b"a" * 3_000_000, b"", b"b" * 3_000_000]

    def feed() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(b"\n".join(long))

    thread = threading.Thread(target=feed)
    thread.start()
    assert _read(reader) == long
    thread.join()


def test_a_line_without_end_is_refused_before_memory_is_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lines, "_LONGEST_LINE_BYTES", 1_000_000)
    path = tmp_path / "endless"
    path.write_bytes(b"\0" * 3_000_000)
    with pytest.raises(InputUnreadable, match="does not end"):
        _read(os.open(path, os.O_RDONLY))


def test_nothing_more_is_read_after_a_request_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"1\n" * lines.CHUNK_BYTES)
    shutdown = Shutdown()
    seen = 0
    with path.open("rb") as file:
        for some in read_lines(file, shutdown, tick=lambda: None):
            seen += len(some)
            shutdown.request(1)
    assert seen == lines.CHUNK_BYTES // 2


def test_half_a_line_is_no_line_when_the_run_is_interrupted() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"type": "STATE", "value": 1')
    shutdown = Shutdown()
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 2:
            shutdown.request(1)

    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb"):
        assert not any(read_lines(file, shutdown, tick=tick))
    assert ticks == 2


def test_time_goes_on_while_no_input_comes() -> None:
    reader, writer = os.pipe()
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            os.close(writer)

    with os.fdopen(reader, "rb") as file:
        assert _lines(file, tick) == []
    assert ticks == 3


def test_what_a_tick_raises_ends_the_reading() -> None:
    reader, writer = os.pipe()

    def tick() -> None:
        raise ConnectionError

    with (
        os.fdopen(reader, "rb") as file,
        os.fdopen(writer, "wb"),
        pytest.raises(ConnectionError),
    ):
        _lines(file, tick)


def test_text_and_bytes_in_memory_are_the_same() -> None:
    assert _lines(["a\n", "é\ud83d\r\n"]) == [b"a", b"\xc3\xa9\xed\xa0\xbd\r"]
    assert _lines([b"a\n", b"b"]) == [b"a", b"b"]


def test_a_closed_file_and_a_folder_cannot_be_read(tmp_path: Path) -> None:
    file = (tmp_path / "file").open("wb")
    file.close()
    with pytest.raises(InputUnreadable, match="closed"):
        _lines(file)
    folder = os.open(tmp_path, os.O_RDONLY)

    class Folder:
        def fileno(self) -> int:
            return folder

    with pytest.raises(InputUnreadable, match="directory"):
        _lines(Folder())
    os.close(folder)
