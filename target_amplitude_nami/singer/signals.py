"""Turns SIGTERM and SIGINT into a request to stop, and enforces its deadline."""

from __future__ import annotations

import os
import signal
import threading
import typing as t

if t.TYPE_CHECKING:
    from types import FrameType

    from target_amplitude_nami.shutdown import Shutdown

_SECONDS_TO_CLOSE = 1.5
"""How long after the deadline the process may take to end by itself."""


class Signals:
    """Requests the shutdown at the first signal; the second ends the process."""

    def __init__(self, shutdown: Shutdown, grace_seconds: float) -> None:
        """Take what a signal asks to stop; `install` begins.

        Args:
            shutdown: Gets the request.
            grace_seconds: How long what was read may still be delivered.
        """
        self._shutdown = shutdown
        self._grace_seconds = grace_seconds
        self._received: int | None = None

    def install(self) -> None:
        """Handle both signals; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._handle)

    def disarm(self) -> None:
        """Stop the alarm: while the interpreter ends, it would find no handler."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    @property
    def exit_code(self) -> int | None:
        """The exit code of a process that a signal has ended; None without one."""
        return None if self._received is None else 128 + self._received

    @property
    def name(self) -> str:
        """The name of the signal that came; empty without one."""
        return "" if self._received is None else signal.Signals(self._received).name

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """Request the shutdown. A handler takes no lock, and so logs nothing."""
        if (exit_code := self.exit_code) is not None:
            os._exit(exit_code)
        self._received = number
        self._shutdown.request(self._grace_seconds)
        # Something may block for ever: a disk, or a reader of STATE that reads nothing.
        signal.signal(signal.SIGALRM, self._handle)
        signal.setitimer(signal.ITIMER_REAL, self._grace_seconds + _SECONDS_TO_CLOSE)
