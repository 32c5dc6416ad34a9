"""Logs a run's report, and writes it and the metrics to their files."""

from __future__ import annotations

import sys
import typing as t

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.accounting.metrics import openmetrics
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.settings.paths import leads_to_standard_error

if t.TYPE_CHECKING:
    import logging
    from pathlib import Path

    from target_amplitude_nami.accounting.report import Report

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
    ) -> None:
        """Take the logger and the settings that name the files."""
        self._logger = logger
        self._report_path = report_path
        self._metrics_path = metrics_path

    def log_progress(self, report: Report) -> None:
        """Log how far the run is, and write its metrics so far."""
        self._logger.info("So far: %s", report.summary())
        try:
            self.write_metrics(report)
        except OutputUnwritable as error:  # the end of the run will fail for it
            self._logger.warning("%s", error)

    def log(self, report: Report, advice: str) -> None:
        """Log the report and what it means for the user.

        Args:
            report: The report of the whole run.
            advice: Where the rejects are, and what to do with them.
        """
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
                "%s records could not be delivered. %s", f"{report.rejected:,}", advice
            )

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
            _write(self._metrics_path, openmetrics(report), 0o644)


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
