"""The lines of the input, read so that a signal or a failure is served at once."""

from __future__ import annotations

import io
import os
import select
import time
import typing as t

from target_amplitude_nami.errors import InputUnreadable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CHUNK_BYTES = 1 << 18
_LONGEST_LINE_BYTES = 1 << 28
"""More than any tap means: without an end to a line, memory would fill up."""
_POLL_SECONDS = 0.2


def read_lines(
    file: t.IO[t.Any] | Iterable[str | bytes],
    *,
    is_interrupted: Callable[[], bool],
    tick: Callable[[], None],
) -> Iterator[bytes]:
    """Yield the input's lines without their ends, until it ends or is interrupted.

    Args:
        file: Standard input or a file; anything else that gives lines will do.
        is_interrupted: Asked before each line: once true, none is yielded.
        tick: Called about every 0.2 s, also while no input comes.

    Raises:
        InputUnreadable: For input that is closed, broken, or one endless line.
    """
    try:
        descriptor = t.cast("t.IO[t.Any]", file).fileno()
    except (AttributeError, io.UnsupportedOperation):
        lines = _lines_in_memory(t.cast("Iterable[str | bytes]", file))
    except ValueError as error:
        raise InputUnreadable("the input is closed") from error
    else:
        lines = _split(_chunks(descriptor, is_interrupted, tick))
    for line in lines:
        # After an interruption a line would be read behind one that was not finished.
        if is_interrupted():
            return
        yield line


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    begun: list[bytes] = []
    begun_bytes = 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        begun.append(first)
        begun_bytes += len(first)
        if others:
            yield b"".join(begun)
            begun = [others.pop()]
            begun_bytes = len(begun[0])
            yield from others
        elif begun_bytes > _LONGEST_LINE_BYTES:
            raise InputUnreadable(
                f"a line of the input has more than {_LONGEST_LINE_BYTES:,} bytes and "
                f"does not end, so it is not what a Singer tap writes"
            )
    if any(begun):
        yield b"".join(begun)


def _chunks(
    descriptor: int, is_interrupted: Callable[[], bool], tick: Callable[[], None]
) -> Iterator[bytes]:
    next_tick = time.monotonic()
    while not is_interrupted():
        if time.monotonic() >= next_tick:
            tick()
            next_tick = time.monotonic() + _POLL_SECONDS
        try:
            readable, _, _ = select.select([descriptor], [], [], _POLL_SECONDS)
            chunk = os.read(descriptor, _CHUNK_BYTES) if readable else None
        except OSError as error:
            raise InputUnreadable(
                f"the input cannot be read ({error.strerror})"
            ) from error
        if chunk is None:
            continue
        if not chunk:
            return
        yield chunk


def _lines_in_memory(lines: Iterable[str | bytes]) -> Iterator[bytes]:
    for line in lines:
        text = (
            line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
        )
        yield text.rstrip(b"\n")
