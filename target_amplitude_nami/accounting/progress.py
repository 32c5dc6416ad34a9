"""Calls for a look at the run, again and again until it ends."""

from __future__ import annotations

import threading
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable

LOOK_SECONDS: t.Final = 0.5


class Progress:
    """Calls a function every half a second until the run ends."""

    def __init__(
        self, look: Callable[[], None], every_seconds: float = LOOK_SECONDS
    ) -> None:
        """Begin; `look` is called from a thread of its own."""
        self._look = look
        self._every = every_seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            self._look()
