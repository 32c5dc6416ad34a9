"""The bytes of the events do not depend on Spark's partitions, whatever the shape."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as f

from target_amplitude_nami import Settings
from target_amplitude_nami.spark import by_user, with_users
from tests.partitions.test_partitioning import RECORDS
from tests.support.shapes import SHAPES, SOURCES, Shape, json_columns, json_text
from tests.support.spark import (
    built,
    delivered_by_dry_run,
    dry_run_into,
    frame_of,
    sample,
    sample_users,
    singer_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

# No column of Arrow data holds such rows as they are, so they come as text.
NO_COLUMN = "maps"


def times(count: int, events: Counter[bytes]) -> Counter[bytes]:
    return Counter({event: count * n for event, n in events.items()})


def partitioned(df: DataFrame) -> DataFrame:
    """Return the rows three times: at random in one, three and seven partitions."""
    parts = [df.repartition(count, f.rand(count)) for count in (1, 3, 7)]
    return functools.reduce(lambda one, other: one.union(other), parts)


@pytest.mark.parametrize("name", SHAPES | SOURCES)
def test_the_bytes_are_those_of_each_row_by_itself(
    name: str, spark: SparkSession, tmp_path: Path
) -> None:
    shape: Shape = (SHAPES | SOURCES)[name]
    rows = [shape(record) for record in RECORDS]
    df = frame_of(spark, [*map(json_columns, rows)] if name == NO_COLUMN else rows)

    events = delivered_by_dry_run(partitioned(df), tmp_path)

    assert events == times(3, built(rows, Settings.load(dry_run_into(tmp_path))))


@pytest.mark.parametrize("name", SHAPES | SOURCES)
def test_the_bytes_are_those_of_a_singer_run_over_rows_that_tell_all(
    name: str, tmp_path: Path
) -> None:
    shape: Shape = (SHAPES | SOURCES)[name]
    rows = [shape(record) for record in RECORDS if record.get("external_ids")]
    assert len(rows) > 20
    expected = built(rows, Settings.load(dry_run_into(tmp_path)))
    assert singer_run(tmp_path / "singer", rows) == expected


def payload(rows: list[dict[str, Any]], spark: SparkSession) -> DataFrame:
    """Return rows as the webhook in a column of text."""
    return frame_of(spark, [json_columns({"payload": row}) for row in rows])


def nested(rows: list[dict[str, Any]], spark: SparkSession) -> DataFrame:
    """Return rows with columns of structs and arrays."""
    lines = spark.sparkContext.parallelize(map(json_text, rows), 2)
    return spark.read.json(lines)


@pytest.mark.parametrize("arranged", [nested, payload])
def test_the_sample_gives_the_events_of_the_singer_run(
    arranged: Callable[[list[dict[str, Any]], SparkSession], DataFrame],
    spark: SparkSession,
    tmp_path: Path,
) -> None:
    # Every row tells its External ID and state, or its user has none.
    completed = with_users(nested(sample(), spark), nested(sample_users(), spark))
    rows = [row.asDict(recursive=True) for row in completed.collect()]
    df = arranged(rows, spark)
    config = dry_run_into(tmp_path)

    expected = singer_run(tmp_path / "singer", rows)

    assert sum(expected.values()) > 2_000
    assert expected == built(rows, Settings.load(config))
    assert delivered_by_dry_run(df.repartition(7), tmp_path / "shuffled") == expected
    assert delivered_by_dry_run(by_user(df, 3), tmp_path / "by_user") == expected
