"""Reports the progress of a run at intervals."""

from __future__ import annotations

import threading
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable

PROGRESS_SECONDS: t.Final = 10


class Progress:
    """Calls a function every ten seconds until the run ends."""

    def __init__(
        self, say: Callable[[], None], every_seconds: float = PROGRESS_SECONDS
    ) -> None:
        """Start the thread that calls `say`."""
        self._say = say
        self._every = every_seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop the thread."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            self._say()
