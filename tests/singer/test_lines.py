"""Lines: of any length, in any pieces, and no longer than somebody wants them."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer import lines
from target_amplitude_nami.singer.lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _read(descriptor: int) -> list[bytes]:
    with os.fdopen(descriptor, "rb") as file:
        return list(read_lines(file, is_interrupted=lambda: False, tick=lambda: None))


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


@pytest.mark.parametrize("in_memory", [True, False])
def test_no_line_comes_after_an_interruption(
    in_memory: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"1\n2\n3\n4\n")
    seen: list[bytes] = []
    with path.open("rb") as file:
        source = io.BytesIO(file.read()) if in_memory else file
        seen.extend(
            read_lines(source, is_interrupted=lambda: len(seen) == 2, tick=lambda: None)
        )
    assert seen == [b"1", b"2"]


def test_half_a_line_is_no_line_when_the_run_is_interrupted() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"type": "STATE", "value": 1')
    calls = iter([False, False, True, True, True])
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb"):
        found = read_lines(file, is_interrupted=lambda: next(calls), tick=lambda: None)
        assert list(found) == []


def test_time_goes_on_while_no_input_comes() -> None:
    reader, writer = os.pipe()
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            os.close(writer)

    with os.fdopen(reader, "rb") as file:
        assert list(read_lines(file, is_interrupted=lambda: False, tick=tick)) == []
    assert ticks == 3


def test_what_a_tick_raises_ends_the_reading() -> None:
    reader, writer = os.pipe()

    def tick() -> None:
        raise ConnectionError

    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb"):
        found = read_lines(file, is_interrupted=lambda: False, tick=tick)
        with pytest.raises(ConnectionError):
            list(found)


def test_text_and_bytes_in_memory_are_the_same() -> None:
    def found(source: list[str] | list[bytes]) -> Iterator[bytes]:
        return read_lines(source, is_interrupted=lambda: False, tick=lambda: None)

    assert list(found(["a\n", "é\ud83d\r\n"])) == [b"a", b"\xc3\xa9\xed\xa0\xbd\r"]
    assert list(found([b"a\n", b"b"])) == [b"a", b"b"]


def test_a_closed_file_and_a_folder_cannot_be_read(tmp_path: Path) -> None:
    file = (tmp_path / "file").open("wb")
    file.close()
    with pytest.raises(InputUnreadable, match="closed"):
        list(read_lines(file, is_interrupted=lambda: False, tick=lambda: None))
    folder = os.open(tmp_path, os.O_RDONLY)

    class Folder:
        def fileno(self) -> int:
            return folder

    with pytest.raises(InputUnreadable, match="directory"):
        list(
            read_lines(
                Folder(),  # type: ignore[arg-type]
                is_interrupted=lambda: False,
                tick=lambda: None,
            )
        )
    os.close(folder)
