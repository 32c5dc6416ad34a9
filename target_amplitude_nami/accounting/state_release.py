"""Releases STATE: the newest one with nothing open before it is written."""

from __future__ import annotations

import threading
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.accounting.ledger import Ledger


class StateRelease:
    """Takes STATE messages, and writes each once all that it covers is settled.

    The reading thread takes, suspends and resumes; any thread may release.
    """

    def __init__(
        self,
        ledger: Ledger,
        save: Callable[[], None],
        write_state: Callable[[bytes], None] | None,
    ) -> None:
        """Take the parts that a STATE needs.

        Args:
            ledger: Knows what is open before each STATE.
            save: Makes all that a STATE covers survive a crash.
            write_state: Writes a STATE; None: the run emits none.
        """
        self._ledger = ledger
        self._save = save
        self._write_state = write_state
        self._releasing = threading.Lock()
        self._is_closed = False

    def take(self, state: bytes) -> None:
        """Take a STATE, which leaves once all that was read before it is settled.

        Raises:
            AmplitudeNamiError: When the disk, or standard output, does not take it.
        """
        self._ledger.take_state(state)
        self.release()

    def suspend(self) -> None:
        """Keep back each STATE that comes from now on, until `resume`."""
        self._ledger.suspend_state()

    def resume(self) -> None:
        """Treat the STATEs that `suspend` kept back as any other."""
        self._ledger.resume_state()
        self.release()

    def release(self) -> None:
        """Write the newest STATE with nothing open before it, if there is one.

        One thread at a time writes. Another one leaves it to that thread, which looks
        again before it ends, so that nobody waits for a disk here.

        Raises:
            AmplitudeNamiError: When the disk, or standard output, does not take it.
        """
        while self._ledger.has_state_to_release and not self._is_closed:
            if not self._releasing.acquire(blocking=False):
                return
            try:
                self._write_released()
            finally:
                self._releasing.release()

    def close(self) -> None:
        """Write no further STATE; return when one that is being written is whole."""
        self._is_closed = True
        with self._releasing:
            self._write_state = None

    def _write_released(self) -> None:
        state = self._ledger.take_released_state()
        if not state or self._write_state is None:
            return
        try:
            # What STATE covers must not be lost with the machine.
            self._save()
            self._write_state(state)
        except BaseException:
            # A disk may forget what it failed to take, and succeed the next time.
            self._write_state = None
            raise
