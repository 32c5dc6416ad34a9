"""Delivers Nami records to Amplitude from Python code: the library's entry point."""

from __future__ import annotations

import logging
import time
import typing as t

from target_amplitude_nami.errors import (
    AmplitudeNamiError,
    ConfigurationError,
    NothingRecognised,
)
from target_amplitude_nami.pipeline.row_intake import RowIntake, nothing_recognised
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.store.null import NullStore
from target_amplitude_nami.user_agent import user_agent
from target_amplitude_nami.writer_rejects import QueuedRejects

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.writer_rejects import Reject

_TICK_SECONDS: t.Final = 0.2


class AmplitudeWriter:
    """Delivers records as a run of the Singer target does, and remembers nothing.

    Lanes, retries, splitting and rate limits are those of a run. It is stateless: the
    bytes of an event depend on its record and the settings alone, so nothing is kept
    of a user from other records, nothing is held until a user has an External ID, and
    nothing counts as stale. The same record written twice is sent twice, unless both
    are on their way at once; Amplitude drops the second one for seven days.

    Use it as a context manager:

        with AmplitudeWriter(settings, on_reject=print) as writer:
            for record in records:
                writer.write(record)
        print(writer.report.summary())

    As with a file, `close` delivers what was written. So does leaving the `with` block
    by an exception, within `shutdown_grace` seconds; the exception goes on, and what
    could not be delivered in that time is in `report.counts.open`.

    One thread at a time may use a writer. It cannot be pickled; its settings can.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_reject: Callable[[Reject], object] | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        """Build what delivers; nothing is opened before the first record.

        Args:
            settings: The settings. `rejects_path` is not used.
            on_reject: Called with each record that cannot be delivered, in the thread
                that uses the writer, from `write`, `flush` or `close`. Without it such
                records are counted, and the first of each reason is logged.
            logger: Takes warnings and, at the end, the report.

        Raises:
            ConfigurationError: For settings that need a memory of earlier runs, and
                for `endpoint: local` without its packages.
        """
        _refuse_unusable(settings)
        from target_amplitude_nami.run import Run  # noqa: PLC0415 - only when used

        self._settings = settings
        self._logger = logger or logging.getLogger("target_amplitude_nami")
        self._rejects = QueuedRejects(on_reject, self._logger)
        self._shutdown = Shutdown()
        self._run = Run(
            settings,
            store=NullStore(settings.projects),
            rejects=self._rejects,
            write_state=None,
            shutdown=self._shutdown,
            logger=self._logger,
            user_agent=user_agent(),
            may_remember=False,
        )
        self._intake = RowIntake(
            settings,
            pipeline=self._run.pipeline,
            outcomes=self._run.outcomes,
            rejects=self._rejects,
            note_misfit=self._run.notices.note_misfit,
            logger=self._logger,
        )
        self._is_open = False
        self._has_failed = False
        self._next_tick = 0.0
        self._report: Report | None = None

    # Writing

    def write(self, record: Mapping[str, t.Any], stream: str = "records") -> None:
        """Take a record for delivery; wait while delivery is full.

        An event leaves when its request is full, or `batch_wait_seconds` after it was
        written; but only `write`, `flush` and `close` look at the time.

        Args:
            record: A record of Nami in any shape. It may be changed afterwards.
            stream: Its name for `event_streams` and `user_streams`.

        Raises:
            DeliveryError: When nothing more can be delivered.
            OutputUnwritable: When a file that the settings name cannot be written.
            TypeError: When the record is no mapping.
            ValueError: When the writer is closed.
        """
        self._expect_open()
        if not self._settings.enabled:
            return
        with _Failure(self):
            self._intake.take(record, stream)
            now = time.monotonic()
            if now >= self._next_tick:
                self._run.tick()
                self._next_tick = now + _TICK_SECONDS
        if self._rejects:
            self._rejects.hand_over()

    def flush(self) -> None:
        """Deliver all that was written, and return when all of it is settled.

        Raises:
            DeliveryError: When nothing more can be delivered.
            OutputUnwritable: When a file that the settings name cannot be written.
            ValueError: When the writer is closed.
        """
        self._expect_open()
        with _Failure(self):
            self._run.deliver()
        self._rejects.hand_over()

    def close(self) -> None:
        """Deliver all that was written, and end; a second call does nothing.

        Raises:
            DeliveryError: When nothing more can be delivered.
            NothingRecognised: When records were written and none of them was Nami's.
            OutputUnwritable: When a file that the settings name cannot be written.
        """
        if self._report is not None:
            return
        try:
            if not self._has_failed:
                with _Failure(self):
                    self._run.deliver()
        finally:
            self._end("failed" if self._has_failed else "complete")
        if self._intake.is_all_foreign:
            raise NothingRecognised(nothing_recognised(self.report.read))

    @property
    def report(self) -> Report:
        """The report, once the writer is closed.

        Raises:
            ValueError: When the writer is still open.
        """
        if self._report is None:
            raise ValueError("there is no report before the writer is closed")
        return self._report

    def __enter__(self) -> t.Self:
        self._expect_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._close_after(error)

    def __reduce__(self) -> t.NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            "an AmplitudeWriter has connections and threads and cannot be pickled: "
            "pickle its Settings, and make a writer of them in each process"
        )

    # Opening and closing

    def _expect_open(self) -> None:
        if self._report is not None:
            raise ValueError("the writer is closed")
        if self._has_failed:
            raise ValueError("the writer has failed: close it, and make another one")
        if not self._is_open:
            with _Failure(self):
                self._run.open()
            self._is_open = True

    def note_failure(self) -> None:
        """Note that nothing more can be delivered."""
        self._has_failed = True

    def _end(self, outcome: str) -> None:
        try:
            self._report = self._run.close(outcome)
        finally:
            self._rejects.hand_over()

    def _close_after(self, error: BaseException) -> None:
        """Deliver what the time allows; add failures as notes to the exception."""
        if self._report is not None:
            return
        self._shutdown.request(self._settings.shutdown_grace)
        is_delivered = False
        try:
            if not self._has_failed:
                self._run.deliver()
                is_delivered = True
        except AmplitudeNamiError as another:
            error.add_note(f"What was written before is not all delivered: {another}")
        finally:
            try:
                self._end("interrupted" if is_delivered else "failed")
            except Exception as another:  # noqa: BLE001 - it must not hide the caller's
                error.add_note(f"The writer could not be closed in order: {another}")


class _Failure:
    """Notes what ends delivery, so that `close` does not try again."""

    def __init__(self, writer: AmplitudeWriter) -> None:
        self._writer = writer

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, AmplitudeNamiError):
            self._writer.note_failure()


def _refuse_unusable(settings: Settings) -> None:
    problems = []
    if settings.memory_path is not None:
        problems.append(
            "memory_path cannot be used by AmplitudeWriter, which remembers nothing "
            "between runs: leave it out, or use the Singer target."
        )
    if settings.anonymous_users == "hold":
        problems.append(
            "anonymous_users cannot be hold for AmplitudeWriter, which holds no "
            "records: choose device, nami_user_id, skip or reject."
        )
    if settings.max_rejected is not None:
        problems.append(
            "max_rejected sets the exit code of the Singer target and has no effect on "
            "AmplitudeWriter: leave it out, and look at `report.rejected`."
        )
    if problems:
        raise ConfigurationError(problems)
