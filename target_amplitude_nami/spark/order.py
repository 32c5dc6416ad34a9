"""Arranges the rows of a frame so that each user's are in one task, in order."""

from __future__ import annotations

import typing as t

from pyspark.sql import functions as f
from pyspark.sql import types

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.spark.configuration import expect_readable
from target_amplitude_nami.spark.facts import column, facts_of, moment_of

if t.TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_FACTS: t.Final = "_nami_facts"
_BLANK: t.Final = " \t\r\n\v\f"


class _Keys(t.NamedTuple):
    """By what rows are distributed, and then sorted."""

    user: Column
    order: list[Column]


def by_user(  # noqa: PLR0913 - all but the first have a default
    df: DataFrame,
    partitions: int | None = None,
    *,
    user: str | Column | None = None,
    time: str | Column | None = None,
    event_id: str | Column | None = None,
    stream: str = "records",
) -> DataFrame:
    """Return the rows with those of each user in one partition, sorted by time and id.

    Then `deliver` sends a user's events in the order in which they happened, and one
    task alone keeps to Amplitude's limit for that user.

    Without `user` and `time`, these are the columns `user_id` and `created_date`, where
    the rows have them and `event_type` beside them, and `user_id` is text. Otherwise
    each row is read as `deliver` reads it, whatever its shape, which takes longer.

    Args:
        df: Rows in any shape of Nami's; no stream, which cannot be sorted.
        partitions: How many; without it, as many as `spark.sql.shuffle.partitions`.
        user: The column of Nami's user id.
        time: That of the event's time, of a type that sorts by time.
        event_id: That of the event's id, for those of one moment.
        stream: The name of the rows' stream.

    Raises:
        ConfigurationError: When one of `user` and `time` is given alone, `partitions`
            makes no sense, or the frame is a stream or cannot be read.
    """
    expect_readable(df)
    if partitions is not None and (isinstance(partitions, bool) or partitions < 1):
        raise ConfigurationError(
            [f"partitions is {partitions!r}, but must be a whole number, at least 1."]
        )
    if (user is None) != (time is None):
        raise ConfigurationError(["user and time are given together, or not at all."])
    if user is not None and time is not None:
        ids = [] if event_id is None else [_column(event_id)]
        keys = _Keys(_column(user), [_column(time), *ids])
        return _arranged(df, partitions, keys)
    # Before the rows are distributed: Spark says how many partitions it is then.
    with_facts, keys = _with_time(df) or _with_facts(df, stream)
    return _arranged(with_facts, partitions, keys).drop(_FACTS)


def _arranged(df: DataFrame, partitions: int | None, keys: _Keys) -> DataFrame:
    distributed = (
        df.repartition(keys.user)
        if partitions is None
        else df.repartition(partitions, keys.user)
    )
    return distributed.sortWithinPartitions(*keys.order)


def _with_facts(df: DataFrame, stream: str) -> tuple[DataFrame, _Keys]:
    """Return the rows with all that they say, and the keys."""
    facts = f.col(_FACTS)
    user = f.coalesce(facts["user"], facts["spread"])
    keys = _Keys(user, [facts["time"], facts["id"]])
    return df.withColumn(_FACTS, facts_of(df, stream)), keys


def _with_time(df: DataFrame) -> tuple[DataFrame, _Keys] | None:
    """Return the rows with their time, and the keys, if columns have them all."""
    names = {name.lower(): name for name in df.columns}
    if not names.keys() >= {"event_type", "user_id", "created_date"}:
        return None
    if not isinstance(df.schema[names["user_id"]].dataType, types.StringType):
        return None
    times = [column(names[n]) for n in ("created_date", "updated_at") if n in names]
    ids = [column(names[n]) for n in ("id", "event_id") if n in names]
    trimmed = f.btrim(column(names["user_id"]), f.lit(_BLANK))
    named = f.when(trimmed != "", trimmed)
    user = f.coalesce(named, *(each.cast("string") for each in ids))
    return df.withColumn(_FACTS, moment_of(times)), _Keys(user, [f.col(_FACTS), *ids])


def _column(given: str | Column) -> Column:
    return f.col(given) if isinstance(given, str) else given
