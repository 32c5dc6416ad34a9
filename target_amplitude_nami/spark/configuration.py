"""Reads the settings of a job of Spark, and checks its data frame."""

from __future__ import annotations

import os
import time
import typing as t
import uuid
from collections import Counter

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.settings.environment import read_environment

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame, SparkSession

_RETRY_FOR: t.Final = 300
"""Seconds, in the place of the target's half an hour: Spark runs a task that failed
three times more, each from its beginning."""
_SHARED_OUT: t.Final = (
    "is shared out among the tasks that run at a time, and this session does not say "
    "how many"
)
WOULD_BE_LOST: t.Final = (
    "but a stream would count its batches as done: stop the stream instead"
)
_QUERY: t.Final = "sql.streaming.queryId"
_SHORT: t.Final = 8


def settings_of(given: Mapping[str, object]) -> Settings:
    """Return the settings of a job.

    Args:
        given: Those that are given, as Python or JSON values; the environment has the
            others.

    Raises:
        ConfigurationError: With a line for every mistake.
    """
    config = {"retry_for": _RETRY_FOR, **read_environment(os.environ)}
    config |= {name: value for name, value in given.items() if value is not None}
    return Settings.load(config)


def expect_readable(df: DataFrame) -> None:
    """Make sure that the rows of a frame can be read.

    Raises:
        ConfigurationError: When it is a stream, columns have one name, or a column
            cannot be read.
    """
    if df.isStreaming:
        raise ConfigurationError(
            ["the data frame is a stream: give its batches, by foreachBatch."]
        )
    problems = [
        f"the data frame has {count} columns {name}: give each a name of its own."
        for name, count in Counter(df.columns).items()
        if count > 1
    ]
    problems += [
        f"the column {field.name} is of type VARIANT, which has no form of its own "
        f"outside Spark: make it text with to_json."
        for field in df.schema.fields
        if "variant" in field.dataType.simpleString()
    ]
    if problems:
        raise ConfigurationError(problems)


def name_of_job(session: SparkSession, batch: str | int | None) -> str:
    """Return a name for a job, for its files; a batch that comes again has the same.

    Args:
        session: Its session.
        batch: The number of the batch within its stream, or a name; None: no other job
            has the name.

    Raises:
        ConfigurationError: When a name has no place in a file's.
    """
    if batch is None:
        return new_name()
    name = str(batch)
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ConfigurationError(
            [f"batch is {name!r}, but must have letters, digits, - _ and . alone."]
        )
    query = _local_property(session, _QUERY)
    return f"{query[:_SHORT]}-{name}" if query else name


def new_name() -> str:
    """Return a name that no other job has."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{moment}-{uuid.uuid4().hex[:_SHORT]}"


def slots_of(df: DataFrame, settings: Settings, slots: object) -> int:
    """Return how many tasks deliver at a time, among which the rate is shared out.

    Args:
        df: The frame.
        settings: The settings of the job.
        slots: What the caller says.

    Raises:
        ConfigurationError: When it cannot be found out, and matters; or makes no sense.
    """
    if slots is not None:
        if isinstance(slots, bool) or not isinstance(slots, int) or slots < 1:
            raise ConfigurationError(
                [f"slots is {slots!r}, but must be a whole number of at least 1."]
            )
        return slots
    if settings.max_events_per_second is None:
        return 1
    try:
        cores: int = df.sparkSession.sparkContext.defaultParallelism
        # The plan is looked at and not carried out, as `df.rdd` would. It does not
        # know how many there are of every frame.
        plan = df._jdf.queryExecution().sparkPlan()  # noqa: SLF001 - no other way
        partitions: int = plan.outputPartitioning().numPartitions()
    except Exception as error:  # Spark Connect has neither
        raise ConfigurationError(
            [f"max_events_per_second {_SHARED_OUT}: give `slots`."]
        ) from error
    return min(partitions, cores) if partitions else cores


def _local_property(session: SparkSession, name: str) -> str | None:
    try:
        value: str | None = session.sparkContext.getLocalProperty(name)
    except Exception:  # noqa: BLE001 - Spark Connect has no context
        return None
    return value
