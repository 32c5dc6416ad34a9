"""One run: its parts, put together once and ended in order."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
import sys
import time
import typing as t

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.amplitude.client import Client, Destination
from target_amplitude_nami.amplitude.delivery import Delivery, DeliveryOptions
from target_amplitude_nami.amplitude.dry_run import DryRun
from target_amplitude_nami.amplitude.outgoing import Outgoing, RequestLimits, Traffic
from target_amplitude_nami.errors import (
    ConfigurationError,
    LedgerImbalance,
    OutputUnwritable,
)
from target_amplitude_nami.ledger import Ledger
from target_amplitude_nami.memory import Memory
from target_amplitude_nami.rejects import Rejects
from target_amplitude_nami.report import Progress, Report, write_atomically

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.amplitude.outgoing import Sender
    from target_amplitude_nami.local.server import LocalAmplitude
    from target_amplitude_nami.settings import Settings

_LOCAL_KEY = "local"
_SECONDS_FOR_LANES = 5.0
"""How long requests in flight may take to end when nothing more is delivered."""
_SECONDS_FOR_LANES_WHEN_LATE = 0.5


class Run:
    """Everything that the records of one run meet."""

    def __init__(
        self,
        settings: Settings,
        logger: logging.Logger,
        *,
        user_agent: str,
        seconds_left: Callable[[], float | None],
    ) -> None:
        """Put the parts together; nothing is opened before the first event.

        Args:
            settings: What the user wants.
            logger: Takes what the run has to say.
            user_agent: How requests introduce themselves.
            seconds_left: How long the run may still go on; None: as long as it takes.
        """
        self.settings = settings
        self.memory = Memory()
        self.rejects = Rejects(settings.rejects_path)
        emits_state = settings.enabled and not settings.dry_run
        self.ledger = Ledger(self.rejects, _write_state if emits_state else None)
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
        room = settings.max_request_bytes - sum(map(len, self._destination.envelope()))
        self.checks = Checks(
            min_id_length=settings.min_id_length, max_event_bytes=room - 1
        )
        self._limits = RequestLimits(settings.batch_size_rows, room)
        self._delivery: Delivery | None = None
        self._local: LocalAmplitude | None = None
        self._dry_run: DryRun | None = None
        self._texts_cut = 0
        self._started = time.monotonic()
        self._started_at = dt.datetime.now(dt.UTC)
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
        self, event: EncodedEvent, lane_key: str, label: str, stream: str, line: bytes
    ) -> None:
        """Hand an event to delivery; the ledger hears what became of it.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        if event.cut_texts:
            self._note_cut(event.cut_texts)
        delivery = self._delivery or self._start_delivery()
        origin = self.ledger.open(label, stream, line)
        delivery.submit(
            Outgoing(
                event.body, event.user_id, event.device_id, lane_key, origin, len(line)
            )
        )

    def tick(self) -> None:
        """Let time pass: send what has waited long enough, notice failures.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        if self._progress is None:
            self._progress = Progress(self._say_progress)
        if self._delivery is not None:
            self._delivery.tick()

    def deliver(self) -> None:
        """Deliver all that was read, or as much as the time allows.

        Raises:
            DeliveryError: When nothing more can be delivered.
            LedgerImbalance: When a record is unaccounted for.
            OutputUnwritable: When a file of the run cannot be written.
        """
        settings = self.settings
        if settings.enabled and settings.endpoint_url is None and self._local is None:
            self._start_delivery()  # so that the local Amplitude's file is there
        if self._delivery is not None and not self._delivery.finish(self._seconds_left):
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
            OutputUnwritable: When a file of the run cannot be written.
        """
        if self._last_report is not None:
            return self._last_report
        if self._progress is not None:
            self._progress.end()
        if self._delivery is not None:
            left = self._seconds_left()
            is_late = left is not None and left <= 0
            self._delivery.close(
                _SECONDS_FOR_LANES_WHEN_LATE if is_late else _SECONDS_FOR_LANES
            )
        report = self._report(outcome if self.settings.enabled else "disabled")
        self._last_report = report
        with contextlib.ExitStack() as last_things:  # the last one named comes first
            last_things.callback(self._close_local)
            if self._dry_run is not None:
                last_things.callback(self._dry_run.end)
            last_things.callback(self._write_metrics, report)
            last_things.callback(self._write_report, report)
            last_things.callback(self._say, report)
            last_things.callback(self.rejects.close)
        return report

    # Delivery

    def _start_delivery(self) -> Delivery:
        settings = self.settings
        options = DeliveryOptions(
            lanes=settings.parallel_requests,
            limits=self._limits,
            batch_wait_seconds=settings.batch_wait_seconds,
            retry_for=settings.retry_for,
            per_id_per_second=limits.EVENTS_PER_SECOND_PER_ID[settings.api],
            max_events_per_second=settings.max_events_per_second,
        )
        self._delivery = Delivery(
            self._senders(),
            options,
            self.ledger,
            log=self._logger.warning,
            is_interrupted=lambda: self._seconds_left() is not None,
        )
        return self._delivery

    def _senders(self) -> Callable[[], Sender]:
        if self.settings.dry_run:
            self._dry_run = dry_run = self._open_dry_run()
            return lambda: dry_run
        if self.settings.endpoint_url is None:
            self._start_local()
        return lambda: Client(self._destination)

    def _open_dry_run(self) -> DryRun:
        path = self.settings.dry_run_path
        try:
            return DryRun(path, self._destination)
        except OSError as error:
            raise OutputUnwritable(
                f"{path} cannot be written ({error.strerror}): mend the disk or choose "
                f"another `dry_run_path`"
            ) from error

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
        try:
            from target_amplitude_nami.local.server import (  # noqa: PLC0415 - an extra
                LocalAmplitude,
            )
        except ModuleNotFoundError as error:
            install = "install target-amplitude-nami[local]"
            raise ConfigurationError(
                [f"endpoint: local needs more packages: {install} ({error})."]
            ) from error
        local = LocalAmplitude(self.settings.local_path)
        try:
            local.__enter__()
        except (OSError, sqlite3.Error) as error:
            raise OutputUnwritable(
                f"the local Amplitude cannot keep anything in "
                f"{self.settings.local_path} ({error}): mend the disk or choose "
                f"another `local_path`"
            ) from error
        self._local = local
        self._destination = self._destination.at(
            self._local.endpoint(self.settings.api)
        )

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
        traffic = Traffic() if self._delivery is None else self._delivery.traffic
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
            traffic=traffic,
            texts_cut=self._texts_cut,
        )

    def _say(self, report: Report) -> None:
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

    def _say_progress(self) -> None:
        report = self._report("running")
        self._logger.info("So far: %s", report.summary())
        try:
            self._write_metrics(report)
        except OutputUnwritable as error:  # the end of the run will fail for it
            self._logger.warning("%s", error)

    def _write_report(self, report: Report) -> None:
        if self.settings.report_path is not None:
            write_atomically(self.settings.report_path, report.to_json() + "\n")

    def _write_metrics(self, report: Report) -> None:
        if self.settings.metrics_path is not None:
            write_atomically(self.settings.metrics_path, report.to_openmetrics())


def _write_state(state: bytes) -> None:
    """Write a STATE to standard output, where nothing else goes."""
    output = t.cast("t.TextIO | None", sys.stdout)
    try:
        if output is None:
            raise BrokenPipeError  # noqa: TRY301 - closed before the run began
        output.write(state.decode("ascii") + "\n")
        output.flush()
    except (BrokenPipeError, ValueError) as error:
        _forget(output)
        raise OutputUnwritable(
            "Standard output is closed: whoever keeps STATE (Meltano, as a rule) is "
            "gone, so the run ends. Nothing is lost: run again"
        ) from error
    except OSError as error:
        _forget(output)
        raise OutputUnwritable(
            f"STATE cannot be written to standard output ({error.strerror}), so the "
            f"run ends. Nothing is lost: mend that and run again"
        ) from error


def _forget(output: t.TextIO | None) -> None:
    """Lead standard output nowhere: the interpreter would flush it at the end."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        descriptor = t.cast("t.TextIO", output).fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
