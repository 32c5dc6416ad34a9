"""Logs a run's report, and writes it and the metrics to their files."""

from __future__ import annotations

import dataclasses
import sys
import time
import typing as t

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.accounting.metrics import Earlier, metrics, read_earlier
from target_amplitude_nami.accounting.progress_text import ProgressText
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.settings.path_trials import leads_to_standard_error
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    import contextlib
    import logging
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.accounting.live_line import LiveLine
    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.delivery.waits import Waits

PROGRESS_SECONDS: t.Final = 10.0
_LONGEST_METRICS: t.Final = 10_000_000
"""More characters than the metrics of any run have."""
_FEW = 2
"""Late events are no sign of anything as long as they are fewer."""


class Reporting:
    """Where the reports of a run go."""

    def __init__(
        self,
        logger: logging.Logger,
        *,
        report_path: Path | None,
        metrics_path: Path | None,
        live: LiveLine | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take where reports go.

        Args:
            logger: Takes the log.
            report_path: The setting.
            metrics_path: The setting.
            live: Shows the progress in the place of the log.
            now: Seconds since 1970.
        """
        self._logger = logger
        self._report_path = report_path
        self._metrics_path = metrics_path
        self._live = live
        self._now = now
        self._progress = ProgressText()
        self._earlier: Earlier | None = None
        self._next_progress = PROGRESS_SECONDS
        self._has_warned = False

    def look(self, report: Report, waits: Waits) -> None:
        """Show how far the run is, when it is time to.

        Args:
            report: The figures so far.
            waits: What delivery waits for.
        """
        self._progress.look(report)
        if self._live is not None:
            self._live.show(self._progress.describe(report, waits))
        if report.seconds >= self._next_progress:
            while self._next_progress <= report.seconds:
                self._next_progress += PROGRESS_SECONDS
            self.log_progress(report, waits)

    def log_progress(self, report: Report, waits: Waits) -> None:
        """Log how far the run is, where no live line shows it, and write its metrics.

        Args:
            report: The figures so far.
            waits: What delivery waits for.
        """
        if self._live is None:
            self._logger.info("So far: %s", self._progress.describe(report, waits))
        self.write_metrics_so_far(report)

    def write_metrics_so_far(self, report: Report) -> None:
        """Write the metrics of a run that goes on; warn once where that fails."""
        try:
            self.write_metrics(report)
        except OutputUnwritable as error:  # the end of the run will fail for it
            if not self._has_warned:
                self._has_warned = True
                self._logger.warning("%s", error)

    def end_progress(self) -> None:
        """Show no more progress: the report follows."""
        if self._live is not None:
            self._live.close()

    def log(self, report: Report, advice: str) -> None:
        """Log the report and what it means for the user.

        Args:
            report: The report of the whole run.
            advice: Where the rejects are, and what to do with them; empty where
                somebody else says what became of them.
        """
        for line in report.lines():
            self._logger.info(line)
        if report.counts.open:
            self._logger.warning(
                "%s read and not settled: the next run reads what is open again",
                counted(report.counts.open, "record was", "records were"),
            )
        late, delivered = report.counts.late, report.delivered
        if late >= _FEW and late > delivered / 2:
            self._logger.warning(
                "%s of %s are older than others of the same user that "
                "were sent before them, so they did not change user properties: the "
                "records come out of order. Let the tap read the oldest first, by a "
                "replication key or with ORDER BY on the time of the event; to send "
                "history behind newer events, set `backfill`",
                f"{late:,}",
                counted(delivered, "delivered record"),
            )
        if report.rejected and advice:
            self._logger.warning(
                "%s could not be delivered. %s",
                counted(report.rejected, "record"),
                advice,
            )

    def close(
        self,
        last_things: contextlib.ExitStack,
        report: Report,
        advice: Callable[[], str],
    ) -> None:
        """Log and write the report as last things of a run.

        Args:
            last_things: Those that are added after this are done before: where one of
                them fails, the run has failed.
            report: The report of the whole run, if none of them fails.
            advice: Returns where the rejects are, and what to do with them.
        """

        def with_report(take: Callable[[Report], None]) -> None:
            def step(failure: type[BaseException] | None, *_: object) -> None:
                if failure is None:
                    take(report)
                else:
                    take(dataclasses.replace(report, outcome="failed"))

            last_things.push(step)

        with_report(self.write_metrics)
        with_report(self.write_report)
        with_report(lambda report: self.log(report, advice()))

    def write_report(self, report: Report) -> None:
        """Write the report as JSON, where `report_path` is set.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        if self._report_path is not None:
            # It names users whose ids do not fit together.
            _write(self._report_path, report.to_json() + "\n", 0o600)

    def write_metrics(self, report: Report) -> None:
        """Write the metrics, where `metrics_path` is set.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        if self._metrics_path is not None:
            if self._earlier is None:
                text = _read(self._metrics_path)
                self._earlier = read_earlier(text, report.integration)
            text = metrics(report, self._earlier, self._now())
            _write(self._metrics_path, text, 0o644)


def _read(path: Path) -> str:
    """Return the metrics of an earlier run; empty where there are none."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_METRICS)
    except OSError:
        return ""


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
