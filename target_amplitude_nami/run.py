"""One run: its parts, put together once and ended in order."""

from __future__ import annotations

import contextlib
import datetime as dt
import os.path
import sys
import time
import typing as t

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.outcome_recorder import Settling
from target_amplitude_nami.accounting.report import Progress, Report, write_atomically
from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.delivery.outgoing import Outgoing, memory_bytes_of
from target_amplitude_nami.errors import LedgerImbalance, OutputUnwritable
from target_amplitude_nami.sending import LOCAL_KEY, Sending, local_amplitude
from target_amplitude_nami.settings.paths import leads_to_standard_error
from target_amplitude_nami.singer.recognition import Recognition
from target_amplitude_nami.singer.rejects import Rejects
from target_amplitude_nami.singer.state_output import write_state
from target_amplitude_nami.store import Memory, MemoryFigures

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.accounting.ledger import Origin
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.store import Project

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
        logger: logging.Logger,
        *,
        user_agent: str,
        seconds_left: Callable[[], float | None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Put the parts together; nothing is opened before the first line is read.

        Args:
            settings: What the user wants.
            logger: Takes what the run has to say.
            user_agent: How requests introduce themselves.
            seconds_left: How long the run may still go on; None: as long as it takes.
            now: Seconds since 1970.

        Raises:
            ConfigurationError: When `endpoint: local` lacks packages.
        """
        if settings.endpoint_url is None:
            local_amplitude()
        self.settings = settings
        self.memory = Memory(
            settings.memory_path,
            settings.memory_days,
            projects=_projects_of(settings),
            begins_anew=_begins_anew(settings),
            forgets=settings.dry_run,
        )
        self.rejects = Rejects(
            settings.rejects_path,
            settings.integration_name,
            self.memory if settings.memory_path else None,
        )
        emits_state = settings.enabled and not settings.dry_run
        self.ledger = Ledger(
            self.rejects, self.memory, write_state if emits_state else None
        )
        self.recognition = Recognition(
            settings.event_streams, settings.user_streams, self.ledger
        )
        self._logger = logger
        self._seconds_left = seconds_left
        self._sending = Sending(
            settings,
            lambda project: Settling(self.ledger, self.memory, project),
            logger,
            user_agent=user_agent,
            seconds_left=seconds_left,
        )
        self._outbox: dict[Project, list[Outgoing]] = {
            project: [] for project in self.memory.told
        }
        self.checks = Checks(
            min_id_length=settings.min_id_length,
            max_event_bytes=self._sending.room - 1,
        )
        self._texts_cut = 0
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

    def send(
        self,
        event: EncodedEvent,
        lane_key: str,
        origin: Origin,
        project: Project = "main",
    ) -> None:
        """Take an event for delivery, which `post` hands over.

        The ledger hears what became of it.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        if event.cut_texts:
            self._note_cut(event.cut_texts)
        body = event.body
        memory_bytes = memory_bytes_of(body, origin.line)
        outgoing = Outgoing(
            body, event.user_id, event.device_id, lane_key, origin, memory_bytes
        )
        self._outbox[project].append(outgoing)
        if memory_bytes > _LARGE_EVENT_BYTES:
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
            AmplitudeNamiError: When what was learnt cannot be saved.
        """
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
            AmplitudeNamiError: When a file of the run cannot be written.
        """
        if self._last_report is not None:
            return self._last_report
        if self._progress is not None:
            self._progress.end()
        self._sending.stop()
        self.memory.take_back_doubted()
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

    def _note_cut(self, texts: int) -> None:
        if not self._texts_cut:
            self._logger.warning(
                "An event has text of more than %s characters, which Amplitude does "
                "not keep: it is cut to that. The report counts such texts",
                f"{limits.MAX_TEXT_CHARACTERS:,}",
            )
        self._texts_cut += texts

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
            texts_cut=self._texts_cut,
            columns_not_understood=dict(self._misfits),
            memory=(
                MemoryFigures(self.memory.waiting)
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


def _projects_of(settings: Settings) -> dict[Project, str]:
    """Return what names each project that events go to.

    That is its API key, wherever it is reached. The local Amplitude has projects of its
    own: those in its file, whatever leads there. What a dry run without a key would
    send goes to a project that has nothing.
    """
    if settings.endpoint_url is None:
        where, key = os.path.realpath(settings.local_path), LOCAL_KEY
    else:
        where, key = "", ""
    projects: dict[Project, str] = {"main": f"{where}\n{settings.api_key or key}"}
    if settings.sandbox_api_key:
        projects["sandbox"] = f"{where}\n{settings.sandbox_api_key}"
    return projects


def _begins_anew(settings: Settings) -> bool:
    """Whether the local Amplitude has nothing, whatever a file of its name once had."""
    if settings.endpoint_url is not None:
        return False
    try:
        return settings.local_path.stat().st_size == 0
    except OSError:  # the run makes it, or says why it cannot
        return True
