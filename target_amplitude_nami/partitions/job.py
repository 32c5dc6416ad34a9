"""Does once for a whole job what its partitions leave to it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
import typing as t

from target_amplitude_nami.accounting.reporting import Reporting
from target_amplitude_nami.destinations import (
    close_local,
    name_of_destination,
    start_local,
)
from target_amplitude_nami.errors import (
    AmplitudeNamiError,
    ConfigurationError,
    NothingRecognised,
    OutputUnwritable,
)
from target_amplitude_nami.partitions.deliver import refuse_what_needs_memory
from target_amplitude_nami.partitions.outcome import total, without_figures
from target_amplitude_nami.pipeline.row_intake import nothing_recognised
from target_amplitude_nami.settings.paths import problems_with_paths
from target_amplitude_nami.settings.settings import LOCAL_KEY
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.local.server import LocalAmplitude
    from target_amplitude_nami.partitions.job_rejects import JobRejects
    from target_amplitude_nami.partitions.outcome import Outcome
    from target_amplitude_nami.settings import Settings


class Job:
    """A job: whoever hands out its partitions opens it, and adds their outcomes.

        with Job(settings, JobRejectsFile(path)) as job:
            for part in parts:
                job.add(deliver(part, job.settings))
        print(job.report.summary())

    Leaving the `with` block writes the rejects, the report and the metrics, and logs
    the report. By an exception, the report says that its figures are at least what was
    done, and the exception goes on.
    """

    def __init__(
        self,
        settings: Settings,
        rejects: JobRejects,
        *,
        logger: logging.Logger | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Check the settings; nothing is opened before the `with` block.

        Args:
            settings: The settings of the job.
            rejects: Where its rejects go.
            logger: Takes warnings and, at the end, the report.
            now: Seconds since 1970.

        Raises:
            ConfigurationError: For settings that need a memory of other records, and
                for files that cannot be written.
        """
        refuse_what_needs_memory(settings)
        named = dataclasses.replace(settings, rejects_path=rejects.path)
        if problems := problems_with_paths(named, None):
            raise ConfigurationError(problems)
        self._settings = settings
        self._rejects = rejects
        self._logger = logger or logging.getLogger("target_amplitude_nami")
        self._now = now
        self._started = now()
        self._total = total(settings, (), self._started)
        self._warned: set[str] = set()
        self._local: LocalAmplitude | None = None
        self._report: Report | None = None

    @property
    def settings(self) -> Settings:
        """The settings for the partitions: they send to the job's local Amplitude."""
        if self._local is None:
            return self._settings
        return dataclasses.replace(
            self._settings,
            endpoint=self._local.endpoint(self._settings.api),
            api_key=LOCAL_KEY,
        )

    @property
    def report(self) -> Report:
        """The report of the whole job, once it is closed.

        Raises:
            ValueError: When the job goes on.
        """
        if self._report is None:
            raise ValueError("there is no report before the job is closed")
        return self._report

    def __enter__(self) -> t.Self:
        """Start the local Amplitude, where events go there, and log warnings.

        Raises:
            ConfigurationError: When `endpoint: local` lacks packages.
            OutputUnwritable: When the file of the local Amplitude cannot be written.
        """
        if not self._settings.enabled:
            self.warn("`enabled` is false: no record is read, and nothing is sent")
        elif self._settings.endpoint_url is None:
            self._local = start_local(self._settings)
        for warning in self._settings.warnings:
            self.warn(warning)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close("complete")
            return
        outcome = "failed" if isinstance(error, Exception) else "interrupted"
        trouble = None if self._local is None else self._local.trouble
        try:
            self.close(outcome)
        except AmplitudeNamiError as another:
            error.add_note(f"The job could not be closed in order: {another}")
        if trouble is not None and isinstance(error, Exception):
            raise OutputUnwritable(
                f"the local Amplitude cannot write {self._settings.local_path} "
                f"({trouble}): free space on the disk, or choose another `local_path`"
            ) from error

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of a partition, its rejects and its warnings.

        Raises:
            OutputUnwritable: When the rejects cannot be written.
        """
        for rejected in outcome.rejects:
            self._rejects.write(rejected)
        for warning in outcome.warnings:
            self.warn(warning)
        self._total += dataclasses.replace(outcome, rejects=(), warnings=())

    def close(self, outcome: str, *, is_at_least: bool | None = None) -> None:
        """Write the rejects, the report and the metrics; a second call does nothing.

        Args:
            outcome: `complete`, `interrupted` or `failed`.
            is_at_least: Whether more may have been done than was added; None: unless
                it is complete.

        Raises:
            NothingRecognised: When the job is complete, records were read, and none of
                them was Nami's.
            OutputUnwritable: When a file cannot be written.
        """
        if self._report is not None:
            return
        reporting = Reporting(
            self._logger,
            report_path=self._settings.report_path,
            metrics_path=self._settings.metrics_path,
            now=self._now,
        )
        report = self._report_as(self._with_exceptions(outcome))
        if is_at_least is not None:
            report = dataclasses.replace(report, is_at_least=is_at_least)
        self._report = report
        is_complete = outcome == "complete"
        try:
            with contextlib.ExitStack() as last_things:  # the last one named is first
                last_things.callback(self._close_local)
                reporting.close(last_things, report, lambda: self._rejects.advice)
                last_things.callback(self._warn_of_rejects_left_out)
                last_things.callback(self._rejects.close, is_complete=is_complete)
        except AmplitudeNamiError:
            self._report = dataclasses.replace(report, outcome="failed")
            raise
        if is_complete and self._total.is_all_foreign:
            raise NothingRecognised(nothing_recognised(report.read))

    def _with_exceptions(self, outcome: str) -> str:
        if not self._settings.enabled:
            return "disabled"
        most = self._settings.max_rejected
        if outcome == "complete" and most is not None:
            is_over = self._total.report.rejected > most
            return "too_many_rejects" if is_over else outcome
        return outcome

    def _report_as(self, outcome: str) -> Report:
        return dataclasses.replace(
            self._total.report,
            outcome=outcome,
            destination=name_of_destination(self._settings),
            seconds=self._now() - self._started,
            is_at_least=outcome in {"failed", "interrupted"},
        )

    def warn(self, warning: str) -> None:
        """Log a warning, unless one was logged that differs in its figures alone."""
        kind = without_figures(warning)
        if kind not in self._warned:
            self._warned.add(kind)
            self._logger.warning("%s", warning)

    def _warn_of_rejects_left_out(self) -> None:
        left_out = self._total.rejects_left_out
        if left_out:
            self._logger.warning(
                "%s only counted, and in no file: there was no room for more in what "
                "the partitions return. Correct what the others have in common, and "
                "run the job again; Amplitude drops what it has",
                counted(left_out, "more reject is", "more rejects are"),
            )

    def _close_local(self) -> None:
        if self._local is not None:
            local, self._local = self._local, None
            close_local(local, self._settings, self._logger)
