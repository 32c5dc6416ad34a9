"""Knows the figures of the tasks that are done, should the job fail."""

from __future__ import annotations

import dataclasses
import pickle
import typing as t

from pyspark.accumulators import AccumulatorParam

from target_amplitude_nami.partitions.outcome import no_users

if t.TYPE_CHECKING:
    from pyspark import Accumulator
    from pyspark.sql import SparkSession

    from target_amplitude_nami.partitions.outcome import Outcome


class FinishedTasks:
    """Goes to the tasks, which note their outcomes; Spark passes on each task's once.

    Of a job that fails, Spark returns no rows. Spark Connect has no such way: there
    nothing is known then.
    """

    def __init__(self, session: SparkSession) -> None:
        """Make room for the outcomes of a job."""
        self._noted: Accumulator[list[bytes]] | None = None
        try:
            context = session.sparkContext
        except Exception:  # noqa: BLE001 - Spark Connect has no context
            return
        self._noted = context.accumulator([], _Joined())

    def note(self, outcome: Outcome) -> None:
        """Note the figures of a task, in it."""
        if self._noted is not None:
            figures = dataclasses.replace(
                outcome, rejects=(), warnings=(), users=no_users()
            )
            self._noted.add([pickle.dumps(figures)])

    @property
    def outcomes(self) -> list[Outcome]:
        """The figures of the tasks that are done, without rejects; on the driver."""
        noted = [] if self._noted is None else self._noted.value
        return [pickle.loads(each) for each in noted]  # noqa: S301 - this job's tasks'


class _Joined(AccumulatorParam[list[bytes]]):
    def zero(self, value: list[bytes]) -> list[bytes]:
        return value

    def addInPlace(self, value1: list[bytes], value2: list[bytes]) -> list[bytes]:  # noqa: N802
        return value1 + value2
