"""What one task of Spark does: it delivers a partition, and returns the outcome."""

from __future__ import annotations

import pickle
import typing as t

import pyarrow as pa
from pyspark import TaskContext

from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.partitions.deliver import deliver

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_amplitude_nami.partitions.outcome import Outcome
    from target_amplitude_nami.settings import Settings

COLUMN: t.Final = "outcome"
_MOST_REJECT_BYTES: t.Final = 1 << 18
"""Of one partition: the driver takes 1 GB of all results, if nobody changes that."""


def deliver_batches(
    batches: Iterable[pa.RecordBatch],
    settings: Settings,
    job: str,
    stream: str,
    slots: int,
) -> Outcome:
    """Deliver the batches of a partition, within its task.

    Args:
        batches: The rows.
        settings: Those of the job, for its partitions.
        job: Its name.
        stream: The name of the rows' stream.
        slots: How many tasks run at a time.
    """
    # Attempts are counted anew once an executor is lost; this number is unlike any.
    attempt = TaskContext.get().taskAttemptId()
    records = (record for batch in batches for record in records_of(batch))
    return deliver(
        records,
        settings,
        attempt=f"{job}-{attempt}",
        stream=stream,
        slots=slots,
        most_reject_bytes=_MOST_REJECT_BYTES,
    )


def task_of(
    settings: Settings, job: str, stream: str, slots: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: one row for each partition, its outcome."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        outcome = deliver_batches(batches, settings, job, stream, slots)
        column = pa.array([pickle.dumps(outcome)], pa.binary())
        yield pa.RecordBatch.from_arrays([column], [COLUMN])

    return run
