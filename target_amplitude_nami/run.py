"""One run: its parts, put together once and ended in order."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
import typing as t
from urllib.parse import urlsplit

import msgspec

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.amplitude.client import Client, Destination
from target_amplitude_nami.amplitude.deliveries import Deliveries
from target_amplitude_nami.amplitude.delivery import Delivery, DeliveryOptions
from target_amplitude_nami.amplitude.dry_run import DryRun
from target_amplitude_nami.amplitude.outgoing import Outgoing, RequestLimits
from target_amplitude_nami.errors import LedgerImbalance, OutputUnwritable
from target_amplitude_nami.ledger import Ledger
from target_amplitude_nami.memory import Memory, MemoryFigures
from target_amplitude_nami.rejects import Rejects
from target_amplitude_nami.report import Progress, Report, write_atomically

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.amplitude.outgoing import Sender
    from target_amplitude_nami.ledger import Origin
    from target_amplitude_nami.local.server import LocalAmplitude
    from target_amplitude_nami.settings import Settings

_LOCAL_KEY = "local"
_SAVE_SECONDS = 1.0
"""How often what was learnt is made safe, also without a STATE."""
_FORGOTTEN_AFTER = dt.timedelta(days=limits.DAYS_OF_DEDUPLICATION)

Project: t.TypeAlias = t.Literal["main", "sandbox"]
"""Which of the two Amplitude projects an event is for."""


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
        """Put the parts together; nothing is opened before the first event.

        Args:
            settings: What the user wants.
            logger: Takes what the run has to say.
            user_agent: How requests introduce themselves.
            seconds_left: How long the run may still go on; None: as long as it takes.
            now: Seconds since 1970.
        """
        self.settings = settings
        self.memory = Memory(
            settings.memory_path,
            settings.memory_days,
            project=_project_of(settings),
            forgets=settings.dry_run,
        )
        self.rejects = Rejects(settings.rejects_path)
        emits_state = settings.enabled and not settings.dry_run
        self.ledger = Ledger(
            self.rejects, self.memory, _write_state if emits_state else None
        )
        self._logger = logger
        self._seconds_left = seconds_left
        self._destination = Destination(
            url=settings.endpoint_url or "",
            api_key=settings.api_key or _LOCAL_KEY,
            user_agent=user_agent,
            gzip=settings.gzip,
            min_id_length=settings.min_id_length,
            read_timeout=settings.request_timeout,
        )
        self._sandbox = msgspec.structs.replace(
            self._destination,
            api_key=settings.sandbox_api_key or "",
            key_setting="sandbox_api_key",
        )
        room = settings.max_request_bytes - max(
            sum(map(len, destination.envelope()))
            for destination in (self._destination, self._sandbox)
        )
        self.checks = Checks(
            min_id_length=settings.min_id_length, max_event_bytes=room - 1
        )
        self._limits = RequestLimits(settings.batch_size_rows, room)
        self._deliveries: Deliveries[Project] = Deliveries(self._delivery_to)
        self._local: LocalAmplitude | None = None
        self._dry_run: DryRun | None = None
        self._texts_cut = 0
        self._next_save = 0.0
        self._started = time.monotonic()
        self._started_at = dt.datetime.fromtimestamp(now(), dt.UTC)
        forgotten = self._started_at - _FORGOTTEN_AFTER
        self._forgotten_ms = int(forgotten.timestamp() * 1000)
        self._is_history_expected = settings.backfill or bool(settings.memory_path)
        self._progress = Progress(self._say_progress)
        for warning in settings.warnings:
            logger.warning(warning)

    def send(
        self,
        event: EncodedEvent,
        lane_key: str,
        origin: Origin,
        project: Project = "main",
    ) -> None:
        """Hand an event to delivery; the ledger hears what became of it.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        if event.cut_texts:
            self._note_cut(event.cut_texts)
        outgoing = Outgoing(
            event.body,
            event.user_id,
            event.device_id,
            event.insert_id,
            lane_key,
            origin,
            len(origin.line),
        )
        self._deliveries.submit(project, outgoing)

    def tick(self) -> None:
        """Let time pass: send what has waited long enough, notice failures."""
        self._deliveries.tick()
        if time.monotonic() >= self._next_save:
            self.ledger.save()
            self._next_save = time.monotonic() + _SAVE_SECONDS

    def finish(self, *, is_interrupted: Callable[[], bool]) -> Report:
        """Deliver all that was read, close everything, and say what was done.

        Raises:
            DeliveryError: When nothing more can be delivered.
            LedgerImbalance: When a record is unaccounted for.
            OutputUnwritable: When a file of the run cannot be written.
        """
        if self._local is None and self.settings.endpoint_url is None:
            # So that the local Amplitude's file is there, also after an empty run.
            self._deliveries.start("main")
        is_complete = self._deliveries.finish(self._seconds_left)
        report = self.close("interrupted" if is_interrupted() else "complete")
        if is_complete and report.counts.open:
            raise LedgerImbalance(
                f"{report.counts.open} of {report.read} records are unaccounted for. "
                f"This is a bug: please report it with the table above"
            )
        return report

    def close(self, outcome: str) -> Report:
        """Stop everything and say what was done; what is not settled stays open."""
        self._progress.end()
        self._deliveries.close()
        self.rejects.close()
        self.memory.commit()
        report = self._report(outcome)
        self.memory.close()
        for line in report.lines():
            self._logger.info(line)
        if report.rejected:
            self._logger.warning(
                "%s records could not be delivered; they are in %s, each with the "
                "reason. Mend the cause, move the file, and give it to this target as "
                "input",
                f"{report.rejected:,}",
                self.rejects.path,
            )
        if self.settings.report_path is not None:
            write_atomically(self.settings.report_path, report.to_json() + "\n")
        self._write_metrics(report)
        if self._dry_run is not None:
            self._dry_run.end()
        self._close_local()
        return report

    # Delivery

    def _delivery_to(self, project: Project) -> Delivery:
        settings = self.settings
        said_by = "the sandbox's project: " if project == "sandbox" else ""
        options = DeliveryOptions(
            lanes=settings.parallel_requests,
            limits=self._limits,
            batch_wait_seconds=settings.batch_wait_seconds,
            retry_for=settings.retry_for,
            per_id_per_second=limits.EVENTS_PER_SECOND_PER_ID[settings.api],
            max_events_per_second=settings.max_events_per_second,
        )
        return Delivery(
            self._senders(project),
            options,
            self.ledger,
            log=lambda said: self._logger.warning("%s%s", said_by, said),
            is_interrupted=lambda: self._seconds_left() is not None,
        )

    def _senders(self, project: Project) -> Callable[[], Sender]:
        if self.settings.dry_run:
            self._dry_run = self._dry_run or self._open_dry_run()
            dry_run = self._dry_run.beside(self._destination_of(project))
            return lambda: dry_run
        if self.settings.endpoint_url is None and self._local is None:
            self._start_local()
        destination = self._destination_of(project)
        return lambda: Client(destination)

    def _destination_of(self, project: Project) -> Destination:
        return self._sandbox if project == "sandbox" else self._destination

    def _open_dry_run(self) -> DryRun:
        path = self.settings.dry_run_path
        try:
            return DryRun(path, self._destination)
        except OSError as error:
            raise OutputUnwritable(
                f"{path} cannot be written ({error.strerror}): mend the disk or choose "
                f"another `dry_run_path`"
            ) from error

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

    def _note_cut(self, texts: int) -> None:
        if not self._texts_cut:
            self._logger.warning(
                "An event has text of more than %s characters, which Amplitude does "
                "not keep: it is cut to that. The report counts such texts",
                f"{limits.MAX_TEXT_CHARACTERS:,}",
            )
        self._texts_cut += texts

    # The local Amplitude

    def _start_local(self) -> None:
        from target_amplitude_nami.local.server import (  # noqa: PLC0415 - an extra
            LocalAmplitude,
        )

        self._local = LocalAmplitude(self.settings.local_path)
        self._local.__enter__()
        url = self._local.endpoint(self.settings.api)
        self._destination = self._destination.at(url)
        self._sandbox = self._sandbox.at(url)

    def _close_local(self) -> None:
        if self._local is None:
            return
        summary = self._local.summary()
        self._local.__exit__(None, None, None)
        self._logger.info(
            "The local Amplitude now holds %s events of %s users: "
            "`local-amplitude %s --summary` shows them",
            f"{summary.total:,}",
            f"{summary.users:,}",
            self.settings.local_path,
        )
        self._local = None

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
            traffic=self._deliveries.traffic,
            texts_cut=self._texts_cut,
            memory=self.memory.figures() if outcome != "running" else MemoryFigures(),
        )

    def _say_progress(self) -> None:
        report = self._report("running")
        self._logger.info("So far: %s", report.summary())
        self._write_metrics(report)

    def _write_metrics(self, report: Report) -> None:
        if self.settings.metrics_path is not None:
            write_atomically(self.settings.metrics_path, report.to_openmetrics())


def _project_of(settings: Settings) -> str:
    """Return a name for where events go: another one has other events.

    What went there through one API need not go through the other.
    """
    url = settings.endpoint_url
    where = urlsplit(url).netloc if url else settings.local_path.resolve()
    return f"{where}\n{settings.api_key or _LOCAL_KEY}"


def _write_state(state: bytes) -> None:
    """Write a STATE to standard output, where nothing else goes."""
    try:
        sys.stdout.write(state.decode("ascii") + "\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError) as error:
        # Else the interpreter complains once more when it closes the stream.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        raise OutputUnwritable(
            "Standard output is closed: whoever keeps STATE (Meltano, as a rule) is "
            "gone, so the run ends. Nothing is lost: run again"
        ) from error
