"""Delivers the records of one partition: all that an engine's task has to do."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import time
import typing as t

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.partitions.outcome import (
    Outcome,
    no_users,
    outcome_of_nothing,
    unlike_others,
)
from target_amplitude_nami.partitions.rejects import (
    MOST_REJECT_BYTES,
    CollectedRejects,
)
from target_amplitude_nami.pipeline.row_intake import RowIntake
from target_amplitude_nami.run import Run
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.store.null import NullStore
from target_amplitude_nami.user_agent import user_agent

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.partitions.rejects import PartitionRejects
    from target_amplitude_nami.settings import Settings

_TICK_SECONDS: t.Final = 0.2


def deliver(  # noqa: PLR0913 - all but the first two have a default
    records: Iterable[Mapping[str, t.Any]],
    settings: Settings,
    *,
    attempt: str | int | None = None,
    stream: str = "records",
    slots: int = 1,
    most_reject_bytes: int = MOST_REJECT_BYTES,
) -> Outcome:
    """Deliver the records of one partition, and return what became of them.

    It is stateless, as `AmplitudeWriter` is: the bytes of an event depend on its record
    and the settings alone, so that they are the same however a job's records are
    partitioned. When a task fails, its engine calls this again with the same records;
    Amplitude drops what it has.

    Whatever ends it early (an error, an exception that `records` raises, a kill that
    Python sees) goes on to the caller. No further request is sent then; one that is on
    its way may still reach Amplitude.

    An event leaves when its request is full, or `batch_wait_seconds` after it was read;
    but those read last wait while `records` takes its time.

    Args:
        records: Records of Nami in any shape. Nothing is opened before the first.
        settings: The settings of the job. `report_path`, `metrics_path`, `rejects_path`
            and `max_rejected` concern the whole job, and are left to the caller.
        attempt: Names this try of the partition, unlike any other one of the job: a dry
            run writes a file of its own for each. Without it, each call begins the
            one file anew.
        stream: The name of the records' stream, for `event_streams`, `user_streams`.
        slots: How many partitions are delivered at a time, at most and at least one:
            `max_events_per_second` is shared out among them.
        most_reject_bytes: How many bytes of rejects the outcome holds; it counts the
            others.

    Raises:
        ConfigurationError: For settings that need a memory of other records.
        DeliveryError: When nothing more can be delivered.
        OutputUnwritable: When the file of a dry run cannot be written.
        TypeError: When a record is no mapping.
        ValueError: For less than one slot.
    """
    rejects = CollectedRejects(settings.integration_name, most_reject_bytes)
    outcome = deliver_stoppably(
        records,
        settings,
        rejects=rejects,
        shutdown=Shutdown(),
        attempt=attempt,
        stream=stream,
        slots=slots,
    )
    return dataclasses.replace(
        outcome, rejects=rejects.records, rejects_left_out=rejects.left_out
    )


def deliver_stoppably(  # noqa: PLR0913 - as `deliver`
    records: Iterable[Mapping[str, t.Any]],
    settings: Settings,
    *,
    rejects: PartitionRejects,
    shutdown: Shutdown,
    attempt: str | int | None = None,
    stream: str = "records",
    slots: int = 1,
    on_warning: Callable[[str], object] | None = None,
) -> Outcome:
    """Deliver the records of one partition until its end, or until a stop is asked for.

    After a stop, whoever gives the records gives no more of them, and those that were
    given are delivered in the time that is left. What that was too short for is in
    `counts.open` of the report.

    Args:
        records: See `deliver`, also for the other arguments and what is raised.
        settings: The settings of the job.
        rejects: Takes the rejects; none are in the outcome.
        shutdown: Whether a stop is asked for, and by when it must be done.
        attempt: Names this try of the partition.
        stream: The name of the records' stream.
        slots: How many partitions are delivered at a time, at most.
        on_warning: Called at once, by any thread, with each warning of the outcome.
    """
    if slots < 1:
        raise ValueError(f"slots is {slots}, but must be at least 1")
    refuse_what_needs_memory(settings)
    rest = iter(records)
    first = list(itertools.islice(rest, 1 if settings.enabled else 0))
    if not first:
        return outcome_of_nothing(settings, time.time())
    delivery = _PartitionDelivery(
        _settings_of_partition(settings, attempt),
        slots,
        rejects,
        shutdown,
        on_warning,
    )
    return delivery.deliver(itertools.chain(first, rest), stream)


def refuse_what_needs_memory(settings: Settings) -> None:
    """Check that no setting needs to know more than one record.

    Raises:
        ConfigurationError: With a line for each that does.
    """
    problems = []
    if settings.memory_path is not None:
        problems.append(
            "memory_path cannot be used here, as partitions share no memory: leave it "
            "out. What other rows say of a user is joined before, as `with_users` does "
            "it for Spark."
        )
    if settings.anonymous_users == "hold":
        problems.append(
            "anonymous_users cannot be hold here, as partitions share no memory: "
            "choose device, nami_user_id, skip or reject. External IDs that other rows "
            "know are joined before, as `with_users` does it for Spark."
        )
    if problems:
        raise ConfigurationError(problems)


class _PartitionDelivery:
    """The run over one partition."""

    def __init__(
        self,
        settings: Settings,
        slots: int,
        rejects: PartitionRejects,
        shutdown: Shutdown,
        on_warning: Callable[[str], object] | None,
    ) -> None:
        self._shutdown = shutdown
        self._warnings = _Warnings(on_warning)
        self._users = no_users()
        self._logger = logging.Logger(__name__, logging.WARNING)  # noqa: LOG001 - its own
        self._logger.addHandler(self._warnings)
        self._run = Run(
            settings,
            store=NullStore(settings.projects),
            rejects=rejects,
            write_state=None,
            shutdown=self._shutdown,
            logger=self._logger,
            user_agent=user_agent(),
            slots=slots,
            users=self._users,
            may_remember=False,
        )
        self._intake = RowIntake(
            settings,
            pipeline=self._run.pipeline,
            outcomes=self._run.outcomes,
            rejects=rejects,
            note_misfit=self._run.notices.note_misfit,
            logger=self._logger,
        )

    def deliver(self, records: Iterable[Mapping[str, t.Any]], stream: str) -> Outcome:
        try:
            self._run.open()
            self._take_all(records, stream)
            self._run.deliver()
        except BaseException:
            self._shutdown.request(0)
            self._close("failed")
            raise
        is_stopped = self._shutdown.is_requested
        return Outcome(
            report=self._close("interrupted" if is_stopped else "complete"),
            warnings=self._warnings.texts,
            is_any_recognised=self._intake.has_recognised,
            is_any_foreign=self._intake.has_foreign,
            users=self._users,
        )

    def _close(self, outcome: str) -> Report:
        """Close the run; what it says of its report is said of that of the job."""
        self._logger.disabled = True
        return self._run.close(outcome)

    def _take_all(self, records: Iterable[Mapping[str, t.Any]], stream: str) -> None:
        next_tick = 0.0
        for record in records:
            self._intake.take(record, stream)
            now = time.monotonic()
            if now >= next_tick:
                self._run.tick()
                next_tick = now + _TICK_SECONDS


class _Warnings(logging.Handler):
    """Collects what a run warns of, as an outcome has it."""

    def __init__(self, on_warning: Callable[[str], object] | None) -> None:
        super().__init__(logging.WARNING)
        self._on_warning = on_warning
        self.texts: tuple[str, ...] = ()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        texts = unlike_others((*self.texts, text))
        if len(texts) > len(self.texts):
            self.texts = texts
            if self._on_warning is not None:
                self._on_warning(text)


def _settings_of_partition(settings: Settings, attempt: str | int | None) -> Settings:
    """Return the settings of a partition, without what concerns the whole job."""
    return dataclasses.replace(
        settings,
        report_path=None,
        metrics_path=None,
        max_rejected=None,
        dry_run_path=_with_name(settings.dry_run_path, attempt),
    )


def _with_name(path: Path, name: str | int | None) -> Path:
    return path if name is None else path.with_stem(f"{path.stem}-{name}")
