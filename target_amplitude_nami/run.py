"""One run: its parts, put together once and ended in order."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import time
import typing as t

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.accounting.report import Progress, Report, write_atomically
from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.errors import LedgerImbalance, OutputUnwritable
from target_amplitude_nami.pipeline.pipeline import Pipeline
from target_amplitude_nami.sending import Sending, local_amplitude
from target_amplitude_nami.settings.paths import leads_to_standard_error
from target_amplitude_nami.store.model import StoreFigures

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Origin, Project, Refusal
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.singer.rejects import RejectsFile
    from target_amplitude_nami.store.sqlite_store import SqliteStore

_SAVE_SECONDS = 1.0
"""How often what was learnt is made safe, also without a STATE."""
_LARGE_EVENT_BYTES = 1 << 16
"""Larger ones do not wait for `post`: a few hundred would take too much memory."""
_LONGEST_TYPE_SHOWN = 100
_MOST_MISFITS = 100
"""So many columns with names that fit nowhere are counted."""
_FEW = 2
"""Late events are no sign of anything as long as they are fewer."""
_CLOCKS_DIFFER = dt.timedelta(days=1)
_FORGOTTEN_AFTER = dt.timedelta(days=limits.DAYS_OF_DEDUPLICATION)


class Run:
    """Everything that the records of one run meet."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: SqliteStore,
        rejects: RejectsFile,
        write_state: Callable[[bytes], None] | None,
        shutdown: Shutdown,
        logger: logging.Logger,
        user_agent: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Put the parts together; nothing is opened before the first line is read.

        Args:
            settings: What the user wants.
            store: What outlives the run.
            rejects: Where undeliverable records go.
            write_state: Writes a STATE; None: the run emits none.
            shutdown: Knows whether the run must end, and by when.
            logger: Takes what the run has to say.
            user_agent: How requests introduce themselves.
            now: Seconds since 1970.

        Raises:
            ConfigurationError: When `endpoint: local` lacks packages.
        """
        if settings.endpoint_url is None:
            local_amplitude()
        self.settings = settings
        self.memory = store
        self.rejects = rejects
        self.ledger = Ledger(self.rejects, store, write_state)
        self.outcomes = _Outcomes(self.ledger)
        self.notices = self
        self._logger = logger
        self._seconds_left = shutdown.seconds_left
        self._sending = Sending(
            settings,
            lambda project: OutcomeRecorder(self.ledger, self.memory, project),
            logger,
            user_agent=user_agent,
            seconds_left=shutdown.seconds_left,
        )
        self._outbox: dict[Project, list[EncodedEvent]] = {
            project: [] for project in self.memory.sent_states
        }
        self.checks = Checks(
            min_id_length=settings.min_id_length,
            max_event_bytes=self._sending.room - 1,
            on_first_cut=self._note_cut,
        )
        self._misfits: dict[str, int] = {}
        self._has_met_no_id = False
        self._next_save = 0.0
        self._started = time.monotonic()
        self._started_at = dt.datetime.fromtimestamp(now(), dt.UTC)
        self._forgotten_ms = _milliseconds(self._started_at - _FORGOTTEN_AFTER)
        self._tomorrow_ms = _milliseconds(self._started_at + _CLOCKS_DIFFER)
        self._is_history_expected = settings.backfill or bool(settings.memory_path)
        self._progress: Progress | None = None
        self._last_report: Report | None = None
        for warning in settings.warnings:
            logger.warning(warning)
        if not settings.enabled:
            logger.warning(
                "`enabled` is false: the input is read to its end, nothing is sent and "
                "no STATE is written, so that the same records come again"
            )

        self.pipeline = Pipeline(self)
        self.event_filter = self.pipeline.choice

    def open(self) -> None:
        """Open the store, and send what it held that need not wait any more."""
        if not self.settings.enabled:
            return
        self.memory.open()
        self.pipeline.release()
        filtered = self.ledger.counts().filtered
        count = sum(n for (_, why), n in filtered.items() if why == "anonymous_user")
        if count:
            self._logger.warning(
                "%s records that waited for an External ID are left out for good, as "
                "`anonymous_users` is skip now",
                f"{count:,}",
            )

    def send(self, event: EncodedEvent, project: Project = "main") -> None:
        """Take an event for delivery, which `post` hands over.

        The ledger hears what became of it.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        self._outbox[project].append(event)
        if event.memory_bytes > _LARGE_EVENT_BYTES:
            self.post()

    def post(self) -> None:
        """Hand the events that were taken to delivery, each project's in order.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        for project, events in self._outbox.items():
            if events:
                self._outbox[project] = []
                self._sending.submit(project, events)

    @property
    def is_interrupted(self) -> bool:
        """Whether the run has to end soon."""
        return self._seconds_left() is not None

    def tick(self) -> None:
        """Let time pass: send what has waited long enough, notice failures.

        Raises:
            DeliveryError: When nothing more can be delivered.
            TargetError: When what was learnt cannot be saved.
        """
        self.pipeline.flush()
        if self._progress is None:
            self._progress = Progress(self._say_progress)
        self._sending.tick()
        if time.monotonic() >= self._next_save:
            self.ledger.save()
            self._next_save = time.monotonic() + _SAVE_SECONDS

    def deliver(self) -> None:
        """Deliver all that was read, or as much as the time allows.

        Raises:
            DeliveryError: When nothing more can be delivered.
            LedgerImbalance: When a record is unaccounted for.
            OutputUnwritable: When a file of the run cannot be written.
        """
        self.pipeline.flush()
        if not self._sending.finish():
            return
        counts = self.ledger.counts()
        if counts.open:
            raise LedgerImbalance(
                f"{counts.open} of {sum(counts.read.values())} records are unaccounted "
                f"for. This is a bug: please report it with the table above"
            )

    def close(self, outcome: str) -> Report:
        """Stop everything and say what was done; what is not settled stays open.

        One failure does not keep the rest from being done. A second call does nothing.

        Args:
            outcome: `complete`, `interrupted` or `failed`.

        Raises:
            TargetError: When a file of the run cannot be written.
        """
        if self._last_report is not None:
            return self._last_report
        if self._progress is not None:
            self._progress.end()
        self._sending.stop()
        self.memory.apply_invalidations()
        with contextlib.ExitStack() as last_things:  # the last one named comes first
            last_things.callback(self._sending.close)
            last_things.callback(self.memory.close)
            report = self._report(outcome if self.settings.enabled else "disabled")
            self._last_report = report
            last_things.callback(self._write_metrics, report)
            last_things.callback(self._write_report, report)
            last_things.callback(self._say, report)
            last_things.callback(self.memory.commit)
            last_things.callback(self.rejects.close)
        return report

    def is_of_the_future(self, milliseconds: int) -> bool:
        """Whether only a wrong clock can have told a time, ms since 1970."""
        if milliseconds <= self._tomorrow_ms:
            return False
        elapsed = time.monotonic() - self._started
        return milliseconds > self._tomorrow_ms + elapsed * 1000

    # Saying things once

    def note_time(self, milliseconds: int) -> None:
        """Say once that Amplitude has forgotten events as old as one that is sent.

        Args:
            milliseconds: When that one happened, since 1970.
        """
        if self._is_history_expected or milliseconds >= self._forgotten_ms:
            return
        self._is_history_expected = True
        self._logger.warning(
            "Events older than %s days are sent (one of %s). If they were sent before, "
            "Amplitude has forgotten that after %s days and takes them again. To send "
            "history, `backfill` keeps it from changing user properties; with "
            "`memory_path`, what was delivered once is not sent again",
            limits.DAYS_OF_DEDUPLICATION,
            dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC).date(),
            limits.DAYS_OF_DEDUPLICATION,
        )

    def note_new_type(self, event_type: str) -> None:
        """Say that events of a type that is not documented are left out."""
        self._logger.warning(
            "There are events of type '%s', which is not among the documented ones: "
            "they are left out unless `events` names the type",
            event_type[:_LONGEST_TYPE_SHOWN],
        )

    def note_no_id(self, stream: str) -> None:
        """Say once that events have no id, so that they are known by what they say."""
        if self._has_met_no_id:
            return
        self._has_met_no_id = True
        self._logger.warning(
            "Events of stream '%s' have no id (a column `id` or `event_id`): each gets "
            "one that is made of what it says, so that a row that has changed since it "
            "was sent counts as another event. Select Nami's event id in the tap, or "
            "name columns that change on their own in `exclude_properties`",
            stream,
        )

    def note_misfit(self, column: str) -> None:
        """Count a column that begins like a container of Nami's and is no part of it.

        Args:
            column: Its name.
        """
        known = self._misfits.get(column)
        if known is None:
            if len(self._misfits) >= _MOST_MISFITS:
                return
            self._logger.warning(
                "The column '%s' begins like one of Nami's fields (external_ids, "
                "active_entitlements, devices, customer_journey_state), but is no part "
                "of it that is known: it counts as an event property and says nothing "
                "about the user. docs/input.md shows the names that are understood",
                column,
            )
        self._misfits[column] = (known or 0) + 1

    def _note_cut(self) -> None:
        self._logger.warning(
            "An event has text of more than %s characters, which Amplitude does "
            "not keep: it is cut to that. The report counts such texts",
            f"{limits.MAX_TEXT_CHARACTERS:,}",
        )

    # Saying what was done

    def _report(self, outcome: str) -> Report:
        settings = self.settings
        return Report(
            integration=settings.integration_name,
            destination=(
                f"dry run in {settings.dry_run_path}"
                if settings.dry_run
                else settings.endpoint_url
                or f"local Amplitude in {settings.local_path}"
            ),
            outcome=outcome,
            started_at=self._started_at.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self._started,
            counts=self.ledger.counts(),
            traffic=self._sending.traffic,
            texts_cut=self.checks.texts_cut,
            columns_not_understood=dict(self._misfits),
            memory=(
                StoreFigures(self.memory.waiting)
                if outcome == "running"
                else self.memory.figures()
            ),
        )

    def _say(self, report: Report) -> None:
        for line in report.lines():
            self._logger.info(line)
        if report.counts.open:
            self._logger.warning(
                "%s records were read and not settled: no STATE covers them, so the "
                "next run reads them again",
                f"{report.counts.open:,}",
            )
        late, delivered = report.counts.late, report.delivered
        if late >= _FEW and late > delivered / 2:
            self._logger.warning(
                "%s of %s delivered events are older than others of the same user that "
                "were sent before them, so they did not change user properties: the "
                "records come out of order. Let the tap read the oldest first, by a "
                "replication key or with ORDER BY on the time of the event; to send "
                "history behind newer events, set `backfill`",
                f"{late:,}",
                f"{delivered:,}",
            )
        if report.rejected:
            self._logger.warning(
                "%s records could not be delivered; they are in %s, each with the "
                "reason. Mend the cause, move the file, and give it to this target as "
                "input",
                f"{report.rejected:,}",
                self.rejects.path,
            )

    def _say_progress(self) -> None:
        report = self._report("running")
        self._logger.info("So far: %s", report.summary())
        try:
            self._write_metrics(report)
        except OutputUnwritable as error:  # the end of the run will fail for it
            self._logger.warning("%s", error)

    def _write_report(self, report: Report) -> None:
        if self.settings.report_path is not None:
            # It names users whose ids do not fit together.
            _write(self.settings.report_path, report.to_json() + "\n", 0o600)

    def _write_metrics(self, report: Report) -> None:
        if self.settings.metrics_path is not None:
            _write(self.settings.metrics_path, report.to_openmetrics(), 0o644)


def _write(path: Path, text: str, mode: int) -> None:
    if not leads_to_standard_error(path):
        write_atomically(path, text, mode)
        return
    try:
        sys.stderr.write(text)  # it may be a file, which must not be replaced
        sys.stderr.flush()
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written ({error.strerror}): choose another path"
        ) from error


def _milliseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


class _Outcomes:
    """What becomes of records that are not sent."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.take_state = ledger.take_state
        self.hold_state = ledger.hold_state
        self.let_state_go = ledger.let_state_go

    def filter(self, origin: Origin, reason: str) -> None:
        self._ledger.filter(origin.report_key, reason)

    def reject(self, origin: Origin, refusal: Refusal) -> None:
        self._ledger.reject(origin.report_key, origin.stream, origin.line, refusal)
