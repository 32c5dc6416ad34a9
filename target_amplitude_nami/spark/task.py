"""What one task of Spark does: it delivers a partition, and returns the outcome."""

from __future__ import annotations

import dataclasses
import pickle
import typing as t

import pyarrow as pa
from pyspark import TaskContext

from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.partitions.deliver import deliver
from target_amplitude_nami.partitions.outcome import MOST_USERS_KEPT, no_users

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_amplitude_nami.partitions.outcome import Outcome
    from target_amplitude_nami.settings import Settings

COLUMN: t.Final = "outcome"
_MOST_REJECT_BYTES: t.Final = 1 << 18
_FEWEST_USERS_KEPT: t.Final = 1 << 8
# The driver takes 1 GB of all results, if nobody changes that. No task knows how many
# others there are, but those of a high number have as many before them.
_SHARED_REJECT_BYTES: t.Final = 1 << 26
_SHARED_USERS: t.Final = 1 << 23


class Room(t.NamedTuple):
    """How much of what the driver takes is for the outcome of one partition."""

    reject_bytes: int
    users: int
    """How many hashes of users."""

    @classmethod
    def of(cls, partition: int) -> Room:
        """Return the room of a partition, by its number from 0."""
        users = _SHARED_USERS // (partition + 1)
        return cls(
            min(_MOST_REJECT_BYTES, _SHARED_REJECT_BYTES // (partition + 1)),
            min(MOST_USERS_KEPT, max(_FEWEST_USERS_KEPT, users)),
        )


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
    context = TaskContext.get()
    room = Room.of(context.partitionId())
    records = (record for batch in batches for record in records_of(batch))
    outcome = deliver(
        records,
        settings,
        attempt=f"{job}-{context.taskAttemptId()}",
        stream=stream,
        slots=slots,
        most_reject_bytes=room.reject_bytes,
    )
    return dataclasses.replace(outcome, users=outcome.users + no_users(room.users))


def task_of(
    settings: Settings,
    job: str,
    stream: str,
    slots: int,
    note: Callable[[Outcome], None],
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: one row for each partition, its outcome.

    Args:
        settings: Those of the job, for its partitions.
        job: Its name.
        stream: The name of the rows' stream.
        slots: How many tasks run at a time.
        note: Called in the task with the outcome, which Spark passes on if the task
            succeeds.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        outcome = deliver_batches(batches, settings, job, stream, slots)
        note(outcome)
        column = pa.array([pickle.dumps(outcome)], pa.binary())
        yield pa.RecordBatch.from_arrays([column], [COLUMN])

    return run
