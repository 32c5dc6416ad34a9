"""A line at the bottom of a terminal that is rewritten in place."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLEAR: t.Final = "\r\x1b[K"
_WITHOUT_WRAPPING: t.Final = "\x1b[?7l"
_WRAPPING: t.Final = "\x1b[?7h"


class LiveLine:
    """Shows one line, which gives way to all else that is written to the terminal.

    While it is shown, `sys.stderr` and the handlers of the log that write there go
    through it. Any thread may use it.
    """

    def __init__(self, terminal: t.TextIO) -> None:
        """Take the terminal; nothing is written yet."""
        self._terminal = terminal
        self._lock = threading.Lock()
        self._is_standing = False
        self._is_at_start = True
        """Whether the cursor is where a line begins, or in the live line."""
        self._has_failed = False
        self._is_installed = False
        self._stream = t.cast("t.TextIO", _GivingWay(self, terminal))

    def show(self, text: str) -> None:
        """Show a text in the place of the one before."""
        if not self._is_installed:
            self._is_installed = True
            _replace_everywhere(self._terminal, self._stream)
        with self._lock:
            if self._has_failed or not self._is_at_start:
                return
            try:
                self._terminal.write(
                    f"\r{_WITHOUT_WRAPPING}{text[: self._columns()]}\x1b[K{_WRAPPING}"
                )
                self._terminal.flush()
            except (OSError, ValueError):  # the terminal is gone
                self._has_failed = True
            self._is_standing = True

    def close(self) -> None:
        """Remove the line; what is written goes its usual way again."""
        with self._lock:
            self._clear()
        if self._is_installed:
            self._is_installed = False
            _replace_everywhere(self._stream, self._terminal)

    @contextlib.contextmanager
    def giving_way(self) -> Iterator[None]:
        """Remove the line while something else is written to the terminal."""
        with self._lock:
            self._clear()
            yield

    def write(self, text: str) -> int:
        """Write a text to the terminal, with the line out of its way."""
        with self._lock:
            self._clear()
            if text:
                self._is_at_start = text.endswith("\n")
            return self._terminal.write(text)

    def _clear(self) -> None:
        if self._is_standing:
            self._is_standing = False
            with contextlib.suppress(OSError, ValueError):
                self._terminal.write(_CLEAR)
                self._terminal.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._terminal.fileno()).columns or 80
        except (OSError, ValueError):
            return 80


def live_line_on_terminal() -> LiveLine | None:
    """Return a live line on standard error, where that is a terminal that can clear."""
    terminal = t.cast("t.TextIO | None", sys.stderr)
    if terminal is None or os.environ.get("TERM", "dumb") == "dumb":
        return None
    return LiveLine(terminal) if terminal.isatty() else None


def around(live: LiveLine, write: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return a `write` to standard output that the line gives way to."""

    def write_alone(data: bytes) -> None:
        with live.giving_way():
            write(data)

    return write_alone


class _GivingWay:
    """The stream of a terminal, with a live line that gives way to what is written."""

    def __init__(self, live: LiveLine, terminal: t.TextIO) -> None:
        self._live = live
        self._terminal = terminal

    def write(self, text: str) -> int:
        return self._live.write(text)

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._terminal, name)


def _replace_everywhere(old: t.TextIO, new: t.TextIO) -> None:
    """Put a stream in the place of another one, for `sys.stderr` and for the log."""
    if sys.stderr is old:
        sys.stderr = new
    loggers = list(logging.root.manager.loggerDict.values())
    for logger in (logging.root, *loggers):
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is old:
                handler.setStream(new)
