"""Loads Parquet files: hands their parts to workers, and notes what is finished."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections import deque
from dataclasses import dataclass

from target_amplitude_nami.accounting.live_line import live_line_on_terminal
from target_amplitude_nami.commands.load.messages import (
    Delivered,
    Failed,
    Options,
    Warned,
)
from target_amplitude_nami.commands.load.pool import WorkerPool
from target_amplitude_nami.commands.load.progress import LoadProgress

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from target_amplitude_nami.commands.load.parts import Part
    from target_amplitude_nami.commands.load.state import LoadState
    from target_amplitude_nami.errors import AmplitudeNamiError
    from target_amplitude_nami.partitions.job import Job
    from target_amplitude_nami.shutdown import Shutdown

_WAIT_SECONDS: t.Final = 0.2
"""A signal is seen at the latest after this."""
_TIMES_BETWEEN_SAVES: t.Final = 10
"""The state of very many files is long: so many times as long as saving it took, it is
not saved again."""
_LATE_SECONDS: t.Final = 1.0
"""So long after the deadline, workers that are not done are ended."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to load, and how."""

    parts: Sequence[Part]
    workers: int
    stream: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(part.rows for part in self.parts)


class Loading:
    """Delivers the parts of a plan."""

    def __init__(
        self,
        plan: Plan,
        job: Job,
        state: LoadState | None,
        shutdown: Shutdown,
        logger: logging.Logger,
    ) -> None:
        """Take what is shared.

        Args:
            plan: What to deliver.
            job: Takes the outcomes; it is open.
            state: Takes what is finished; None: nothing is noted.
            shutdown: Whether a stop was asked for, and by when it must be done.
            logger: Takes the progress.
        """
        self._plan = plan
        self._waiting = deque(plan.parts)
        self._job = job
        self._state = state
        self._shutdown = shutdown
        self._progress = LoadProgress(plan.rows, logger, live_line_on_terminal())
        self._rows = 0
        self._unnoted: list[tuple[Part, int]] = []
        """What is finished while it may be that nothing is Nami's."""
        self._is_any_recognised = False
        self._is_any_foreign = False
        self._is_saved = True
        self._next_save = 0.0
        self._failure: AmplitudeNamiError | None = None
        self.has_left_open = False
        """Whether more may have been delivered than was counted and noted."""

    def run(self) -> None:
        """Deliver all parts, or until a stop is asked for.

        Raises:
            AmplitudeNamiError: The first failure of a part, once the others are done
                with what they had read.
        """
        if not self._waiting or self._shutdown.is_requested:
            return
        options = Options(self._job.settings, self._plan.stream, self._plan.workers)
        with contextlib.ExitStack() as last_things:
            last_things.callback(self._save)
            last_things.callback(self._progress.end)
            pool = last_things.enter_context(WorkerPool(self._plan.workers, options))
            while self._goes_on(pool):
                for part, message in pool.messages(_WAIT_SECONDS):
                    self._take(part, message)
                self._save_in_time()
                self._progress.look(self._rows + pool.rows)
        if self._failure is not None:
            raise self._failure

    def _goes_on(self, pool: WorkerPool) -> bool:
        """Hand out parts, or have the workers stop; return whether any is busy."""
        if self._failure is not None:
            self._shutdown.limit(self._job.settings.shutdown_grace)
        left = self._shutdown.seconds_left()
        if left is None:
            for worker in pool.idle:
                if self._waiting:
                    worker.give(self._waiting.popleft())
        elif not pool.is_stopping:
            pool.stop(max(0.0, left))
        elif left < -_LATE_SECONDS:
            self.has_left_open |= pool.is_busy
            return False
        return pool.is_busy

    def _take(self, part: Part | None, message: object) -> None:
        match message:
            case Delivered() if part is not None:
                self._rows += message.rows
                self._job.add(message.outcome)
                if message.is_settled:
                    self._note(part, message)
                else:
                    self.has_left_open = True
            case Failed():
                self.has_left_open = True
                self._failure = self._failure or message.error
            case Warned():
                self._job.warn(message.text)

    def _note(self, part: Part, done: Delivered) -> None:
        """Note what is finished, unless it may be that nothing is Nami's."""
        if self._state is None:
            return
        self._is_any_recognised |= done.outcome.is_any_recognised
        self._is_any_foreign |= done.outcome.is_any_foreign
        self._unnoted.append((part, done.rows))
        if self._is_any_recognised or not self._is_any_foreign:
            for each, rows in self._unnoted:
                self._state.note(each, rows)
            self._unnoted.clear()
            self._is_saved = False

    def _save_in_time(self) -> None:
        """Save what is finished, unless saving takes too much of the time."""
        start = time.monotonic()
        if not self._is_saved and start >= self._next_save:
            self._save()
            end = time.monotonic()
            self._next_save = end + (end - start) * _TIMES_BETWEEN_SAVES

    def _save(self) -> None:
        if self._state is not None and not self._is_saved:
            self._state.save()
            self._is_saved = True
