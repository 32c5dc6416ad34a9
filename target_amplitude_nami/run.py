"""One run: builds its parts once, and closes them in order."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
import typing as t

import msgspec

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.notices import Notices
from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.accounting.progress import Progress
from target_amplitude_nami.accounting.rehearsal import (
    ObservedOutcomes,
    RehearsedDeliveries,
)
from target_amplitude_nami.accounting.report import Report
from target_amplitude_nami.accounting.reporting import Reporting
from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.delivery.deliveries import Deliveries
from target_amplitude_nami.delivery.delivery import Delivery
from target_amplitude_nami.delivery.rate_limits import RateLimiter
from target_amplitude_nami.destinations import Destinations, NoDestinations
from target_amplitude_nami.errors import LedgerImbalance
from target_amplitude_nami.pipeline.pipeline import Pipeline
from target_amplitude_nami.store.model import StoreFigures
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.accounting.distinct import Distinct
    from target_amplitude_nami.accounting.live_line import LiveLine
    from target_amplitude_nami.accounting.rehearsal import Observer
    from target_amplitude_nami.accounting.reject_sink import RejectSink
    from target_amplitude_nami.delivery.waits import Waits
    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.store.protocol import Store

_LATEST_SAVE_SECONDS: t.Final = 2.0
"""After which the reading thread saves what no lane has saved: reading stops for that.
"""
_LONGEST_BETWEEN_TICKS = 1.0
"""`tick` is called more often while input is waited for."""
_CLOCKS_DIFFER = dt.timedelta(days=1)
_FORGOTTEN_AFTER = dt.timedelta(days=limits.DAYS_OF_DEDUPLICATION)
_SECONDS_FOR_LANES = 5.0
"""How long requests in flight may take to end when nothing more is delivered."""
_SECONDS_FOR_LANES_WHEN_LATE = 0.5


class Run:
    """The parts of one run, for the entry point that reads its records."""

    def __init__(  # noqa: PLR0913 - the one place where all parts meet
        self,
        settings: Settings,
        *,
        store: Store,
        rejects: RejectSink,
        write_state: Callable[[bytes], None] | None,
        shutdown: Shutdown,
        logger: logging.Logger,
        user_agent: str,
        now: Callable[[], float] = time.time,
        observer: Observer | None = None,
        live: LiveLine | None = None,
        slots: int = 1,
        users: Distinct | None = None,
        may_remember: bool = True,
    ) -> None:
        """Build the parts; nothing is opened before `open`.

        Args:
            settings: The settings of the run.
            store: What outlives it.
            rejects: Where undeliverable records go.
            write_state: Writes a STATE; None: the run emits none.
            shutdown: Whether a stop was asked for, and by when it must be done.
            logger: Takes what the run reports.
            user_agent: How requests introduce themselves.
            now: Seconds since 1970.
            observer: Makes the run a rehearsal, and watches it: nothing is sent.
            live: Shows the progress of the run.
            slots: How many such runs share out `max_events_per_second`.
            users: Counts the users of delivered events.
            may_remember: Whether this entry point takes `memory_path`.

        Raises:
            ConfigurationError: When `endpoint: local` lacks packages.
        """
        self.settings = settings
        self._store = store
        self._rejects = rejects
        self._shutdown = shutdown
        self._logger = logger
        self._started = time.monotonic()
        self._started_at = dt.datetime.fromtimestamp(now(), dt.UTC)
        self._tomorrow_ms = _milliseconds(self._started_at + _CLOCKS_DIFFER)
        self._ticked_at = self._started
        self._progress: Progress | None = None
        self._last_report: Report | None = None
        self.notices = Notices(
            logger,
            forgotten_before_ms=_milliseconds(self._started_at - _FORGOTTEN_AFTER),
            expects_history=settings.backfill or bool(settings.memory_path),
            may_remember=may_remember,
        )
        self._reporting = Reporting(
            logger,
            report_path=settings.report_path,
            metrics_path=settings.metrics_path,
            live=live,
            now=now,
        )
        self.ledger = Ledger(self._is_future, users)
        self._rate_limiter = RateLimiter(settings.max_events_per_second, slots)
        self.outcomes: OutcomeRecorder
        self._destinations: Destinations | NoDestinations
        self._deliveries: Deliveries | RehearsedDeliveries
        if observer is None:
            self.outcomes = OutcomeRecorder(self.ledger, rejects, store, write_state)
            self._destinations = Destinations(settings, logger, user_agent=user_agent)
            self._deliveries = Deliveries(self._delivery_to)
        else:
            self.outcomes = ObservedOutcomes(self.ledger, rejects, store, observer)
            self._destinations = NoDestinations()
            self._deliveries = RehearsedDeliveries(self.outcomes.of_project, observer)
        self._checks = Checks(
            min_id_length=settings.min_id_length,
            max_event_bytes=settings.event_bytes - 1,
            on_first_cut=self.notices.note_cut,
        )
        self.pipeline = Pipeline(
            settings.mapping,
            store=store,
            checks=self._checks,
            outcomes=self.outcomes,
            submit=self._deliveries.submit,
            notices=self.notices,
            is_future=self._is_future,
        )
        self.event_filter = self.pipeline.event_filter
        for warning in settings.warnings:
            logger.warning(warning)
        if not settings.enabled:
            logger.warning(
                "`enabled` is false: the input is read to its end and nothing is sent, "
                "so that the same records come again in the next run"
            )

    @property
    def store(self) -> Store:
        """What outlives the run; a rehearsal looks things up in it."""
        return self._store

    def open(self) -> None:
        """Open the store and the destinations, and send what need not wait any more.

        Raises:
            AmplitudeNamiError: When a file cannot be opened or made.
            DeliveryError: When nothing can be delivered.
        """
        if not self.settings.enabled:
            return
        self._store.open()
        for warning in self._store.warnings:
            self._logger.warning(warning)
        self._destinations.open()
        self._reporting.write_metrics_so_far(self._report("running"))
        self.pipeline.release(self.tick, lambda: self._shutdown.is_requested)
        self.notices.note_released(self.ledger.counts().filtered)

    def tick(self) -> None:
        """Send what has waited long enough, and raise what has failed.

        Raises:
            DeliveryError: When nothing more can be delivered.
            AmplitudeNamiError: When the store cannot be committed.
        """
        self._ticked_at = time.monotonic()
        self.pipeline.flush()
        if self._progress is None:
            self._progress = Progress(self._look)
        self._deliveries.tick()
        self.outcomes.save_if_due(_LATEST_SAVE_SECONDS)

    def log_progress(self) -> None:
        """Log how far the run is, and write its metrics; any thread may."""
        self._reporting.log_progress(self._report("running"), self._waits())

    def _look(self) -> None:
        self._reporting.look(self._report("running"), self._waits())

    def _waits(self) -> Waits:
        is_busy = time.monotonic() - self._ticked_at > _LONGEST_BETWEEN_TICKS
        return msgspec.structs.replace(self._deliveries.waits, reader_is_busy=is_busy)

    def deliver(self) -> None:
        """Deliver all that was read, or as much as the time allows.

        Raises:
            DeliveryError: When nothing more can be delivered.
            LedgerImbalance: When a record is unaccounted for.
            OutputUnwritable: When a file of the run cannot be written.
        """
        self.pipeline.flush()
        if not self._deliveries.flush():
            return
        counts = self.ledger.counts()
        if counts.open:
            raise LedgerImbalance(
                f"{counts.open:,} of {counted(sum(counts.read.values()), 'record')} "
                f"read cannot be accounted for. This is a bug: please report it with "
                f"the table above"
            )

    def close(self, outcome: str) -> Report:
        """Stop everything and report what was done; what is not settled stays open.

        One failure does not keep the rest from being done. A second call does nothing.

        Args:
            outcome: `complete`, `interrupted` or `failed`.

        Raises:
            AmplitudeNamiError: When a file of the run cannot be written.
        """
        if self._last_report is not None:
            return self._last_report
        if self._progress is not None:
            self._progress.end()
        self._reporting.end_progress()
        left = self._shutdown.seconds_left()
        is_late = left is not None and left <= 0
        self._deliveries.close(
            _SECONDS_FOR_LANES_WHEN_LATE if is_late else _SECONDS_FOR_LANES
        )
        self.outcomes.state.close()
        report = self._last_report = self._report(self._with_exceptions(outcome))
        with contextlib.ExitStack() as last_things:  # the last one named comes first
            last_things.callback(self._destinations.close)
            last_things.callback(self._store.close)
            self._reporting.close(last_things, report, lambda: self._rejects.advice)
            last_things.callback(self._save_last)
            last_things.callback(self._store.apply_invalidations)
        return report

    def _with_exceptions(self, outcome: str) -> str:
        if not self.settings.enabled:
            return "disabled"
        most = self.settings.max_rejected
        if outcome == "complete" and most is not None:
            rejected = sum(self.ledger.counts().rejected.values())
            return "too_many_rejects" if rejected > most else outcome
        return outcome

    def _save_last(self) -> None:
        """Make rejects safe, and only then the store, which forgets held records."""
        self._rejects.close()
        self._store.commit(self._rejects.sync)

    def _is_future(self, milliseconds: int) -> bool:
        """Return whether only a wrong clock can have given a time, ms since 1970."""
        if milliseconds <= self._tomorrow_ms:
            return False
        elapsed = time.monotonic() - self._started
        return milliseconds > self._tomorrow_ms + elapsed * 1000

    def _delivery_to(self, project: Project) -> Delivery:
        prefix = "the sandbox's project: " if project == "sandbox" else ""
        return Delivery(
            lambda: self._destinations.sender_for(project),
            self.settings.delivery,
            self.outcomes.of_project(project),
            rate_limiter=self._rate_limiter,
            log=lambda message: self._logger.warning("%s%s", prefix, message),
            shutdown=self._shutdown,
        )

    # Reporting

    def _report(self, outcome: str) -> Report:
        settings = self.settings
        return Report(
            integration=settings.integration_name,
            destination=self._destinations.name,
            outcome=outcome,
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            seconds=time.monotonic() - self._started,
            counts=self.ledger.counts(),
            traffic=self._deliveries.traffic,
            texts_cut=self._checks.texts_cut,
            columns_not_understood=self.notices.misfits,
            is_dry_run=settings.dry_run,
            store=(
                StoreFigures(self._store.waiting)
                if outcome == "running"
                else self._store.figures()
            ),
        )


def _milliseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
