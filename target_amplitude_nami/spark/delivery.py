"""Delivers a data frame: what the driver does."""

from __future__ import annotations

import contextlib
import pickle
import re
import typing as t

from pyspark.errors import PySparkException

from target_amplitude_nami import errors
from target_amplitude_nami.partitions.job import Job
from target_amplitude_nami.partitions.job_rejects import JobRejectsFile
from target_amplitude_nami.spark.configuration import (
    WOULD_BE_LOST,
    expect_readable,
    name_of_job,
    settings_of,
    slots_of,
)
from target_amplitude_nami.spark.finished import FinishedTasks
from target_amplitude_nami.spark.task import COLUMN, task_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

    from target_amplitude_nami.accounting.report import Report

_OURS: t.Final = re.compile(
    rf"^{re.escape(errors.__name__)}\.(\w+): (.+)$", re.MULTILINE
)
"""The last line of the traceback that a worker's exception brings along."""


def deliver(
    df: DataFrame,
    *,
    batch: str | int | None = None,
    slots: int | None = None,
    stream: str = "records",
    **settings: object,
) -> Report:
    """Deliver the rows of a data frame to Amplitude, and return what became of them.

    Each partition is delivered by a task of its own. A task that fails and is run again
    sends what it had sent before once more, which Amplitude drops.

    In a stream, call it from `foreachBatch`:

        events.writeStream.foreachBatch(lambda df, n: deliver(by_user(df), batch=n))

    Args:
        df: Rows in any shape of Nami's. Those of one user should be in one partition,
            in order: see `by_user`.
        batch: The number of the batch within its stream, or another name that this job
            has whenever it is run again: it becomes part of the name of its rejects
            file, which a job of that name replaces.
        slots: How many tasks run at a time: `max_events_per_second` is shared out among
            them. Without it, the smaller of the frame's partitions and the session's
            cores.
        stream: The name of the rows' stream, for `event_streams`, `user_streams`.
        settings: Those of the target. What is not given comes from its environment
            variables; `retry_for` is 300 without either.

    Raises:
        ConfigurationError: Before any task starts, with a line for every mistake.
        DeliveryError: When nothing more can be delivered.
        NothingRecognised: When there are rows, and none of them is Nami's.
        OutputUnwritable: When a file that the settings name cannot be written.
    """
    checked = settings_of(settings)
    expect_readable(df)
    name = name_of_job(df.sparkSession, batch)
    if batch is not None and not checked.enabled:
        raise errors.ConfigurationError([f"enabled is false, {WOULD_BE_LOST}."])
    shared = slots_of(df, checked, slots)
    job = Job(checked, JobRejectsFile(checked.rejects_path, name))
    with job:
        if checked.enabled:
            finished = FinishedTasks(df.sparkSession)
            task = task_of(job.settings, name, stream, shared, finished.note)
            try:
                with reraised():
                    rows = df.mapInArrow(task, f"{COLUMN} binary").collect()
            except BaseException:
                for outcome in finished.outcomes:
                    job.add(outcome)
                raise
            for (pickled,) in rows:
                job.add(pickle.loads(pickled))  # noqa: S301 - a task's of this job
    return job.report


@contextlib.contextmanager
def reraised() -> Iterator[None]:
    """Raise what a task has raised of the package's own errors, as one line.

    Raises:
        AmplitudeNamiError: The task's.
    """
    try:
        yield
    except PySparkException as error:
        found = _OURS.findall(str(error))
        kind = getattr(errors, found[-1][0], None) if found else None
        if kind is None:
            raise
        message = found[-1][1].strip()
        problems = [message] if kind is errors.ConfigurationError else message
        raise kind(problems) from error
