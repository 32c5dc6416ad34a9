"""The lines of the input, read so that a signal or a failure is served at once."""

from __future__ import annotations

import io
import os
import select
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CHUNK_BYTES = 1 << 18
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
        is_interrupted: Asked before each chunk.
        tick: Called about every 0.2 s, also while no input comes.
    """
    try:
        descriptor = t.cast("t.IO[t.Any]", file).fileno()
    except (AttributeError, io.UnsupportedOperation):
        yield from _lines_in_memory(t.cast("Iterable[str | bytes]", file))
        return
    begun: list[bytes] = []
    for chunk in _chunks(descriptor, is_interrupted, tick):
        first, *others = chunk.split(b"\n")
        begun.append(first)
        if others:
            yield b"".join(begun)
            begun = [others.pop()]
            yield from others
    # Interrupted in the middle of a line: the rest will never come.
    if any(begun) and not is_interrupted():
        yield b"".join(begun)


def _chunks(
    descriptor: int, is_interrupted: Callable[[], bool], tick: Callable[[], None]
) -> Iterator[bytes]:
    next_tick = time.monotonic()
    while not is_interrupted():
        if time.monotonic() >= next_tick:
            tick()
            next_tick = time.monotonic() + _POLL_SECONDS
        readable, _, _ = select.select([descriptor], [], [], _POLL_SECONDS)
        if not readable:
            continue
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _lines_in_memory(lines: Iterable[str | bytes]) -> Iterator[bytes]:
    for line in lines:
        text = (
            line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
        )
        yield text.rstrip(b"\n")
