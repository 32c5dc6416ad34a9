"""Reads the lines of the input so that a signal or a failure is noticed at once."""

from __future__ import annotations

import io
import os
import select
import time
import typing as t

from target_amplitude_nami.errors import InputUnreadable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_amplitude_nami.shutdown import Shutdown

CHUNK_BYTES: t.Final = 1 << 18
_LONGEST_LINE_BYTES = 1 << 28
"""More than any tap writes: a line that never ends would fill the memory."""
_POLL_SECONDS = 0.2


def read_lines(
    file: t.IO[t.Any] | Iterable[str | bytes],
    shutdown: Shutdown,
    *,
    tick: Callable[[], None],
) -> Iterator[list[bytes]]:
    """Yield the input's lines without their ends, some at a time.

    Args:
        file: Standard input or a file; anything else that gives lines will do.
        shutdown: Once it is requested, nothing more is read.
        tick: Called about every 0.2 s, also while no input comes.

    Raises:
        InputUnreadable: For input that is closed, broken, or one endless line.
    """
    try:
        descriptor = t.cast("t.IO[t.Any]", file).fileno()
    except (AttributeError, io.UnsupportedOperation):
        chunks = _lines_in_memory(t.cast("Iterable[str | bytes]", file))
    except ValueError as error:
        raise InputUnreadable("the input is closed") from error
    else:
        chunks = lines_of(_chunks(descriptor, shutdown, tick))
    for lines in chunks:
        if shutdown.is_requested:  # the last line may be half of one
            return
        yield [line.rstrip(b"\n") for line in lines]


def lines_of(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines that end in each chunk, and at last one that does not end.

    Raises:
        InputUnreadable: For one endless line.
    """
    begun: list[bytes] = []
    begun_bytes = 0
    for chunk in chunks:
        # It finds the ends of lines several times as fast as `split`.
        lines = io.BytesIO(chunk).readlines()
        begun.append(lines[0])
        begun_bytes += len(lines[0])
        if lines[0].endswith(b"\n"):
            lines[0] = b"".join(begun)
            begun = [] if lines[-1].endswith(b"\n") else [lines.pop()]
            begun_bytes = sum(map(len, begun))
            yield lines
        elif begun_bytes > _LONGEST_LINE_BYTES:
            raise InputUnreadable(
                f"a line of the input has more than {_LONGEST_LINE_BYTES:,} bytes and "
                f"does not end, so it is not what a Singer tap writes"
            )
    if begun:
        yield [b"".join(begun)]


def _chunks(
    descriptor: int, shutdown: Shutdown, tick: Callable[[], None]
) -> Iterator[bytes]:
    next_tick = time.monotonic()
    while not shutdown.is_requested:
        if time.monotonic() >= next_tick:
            tick()
            next_tick = time.monotonic() + _POLL_SECONDS
        try:
            readable, _, _ = select.select([descriptor], [], [], _POLL_SECONDS)
            chunk = os.read(descriptor, CHUNK_BYTES) if readable else None
        except OSError as error:
            raise InputUnreadable(
                f"the input cannot be read ({error.strerror})"
            ) from error
        if chunk is None:
            continue
        if not chunk:
            return
        yield chunk


def _lines_in_memory(lines: Iterable[str | bytes]) -> Iterator[list[bytes]]:
    for line in lines:
        yield [
            line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
        ]
