"""How `by_user` arranges rows."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as f

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.spark import by_user, deliver, with_users
from target_amplitude_nami.spark.facts import columns_of
from tests.support import nami
from tests.support.shapes import SHAPES, Shape, json_columns, json_text
from tests.support.spark import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from target_amplitude_nami import Report

pytestmark = pytest.mark.spark

USERS, EACH = 12, 5


def events() -> list[dict[str, Any]]:
    """Return events of some users, in no order, each with its number in it."""
    day = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    rows = [
        nami.impression(
            number := user * EACH + n,
            user_id=nami.identifier(2, user),
            created_date=(day + dt.timedelta(seconds=n, hours=user)).isoformat(),
            place=number,
        )
        for user in range(USERS)
        for n in range(EACH)
    ]
    random.Random(1).shuffle(rows)  # noqa: S311 - any order will do
    return rows


def numbers_by_partition(df: DataFrame) -> list[list[int]]:
    """Return the numbers of the events of each partition, in their order."""
    text = f.to_json(f.struct(*columns_of(df))).alias("row")
    found = df.select(f.spark_partition_id().alias("n"), text).collect()
    parts: defaultdict[int, list[int]] = defaultdict(list)
    for part, row in found:
        place = re.search(r"place\W+(?:n\W+)?(\d+)", row.lower())
        assert place is not None
        parts[part].append(int(place[1]))
    return list(parts.values())


def expect_arranged(df: DataFrame) -> None:
    parts = numbers_by_partition(df)
    assert sorted(n for part in parts for n in part) == list(range(USERS * EACH))
    users = [{number // EACH for number in part} for part in parts]
    assert sum(map(len, users)) == USERS, "a user is in two partitions"
    for part in parts:
        for user in {number // EACH for number in part}:
            own = [number for number in part if number // EACH == user]
            assert own == sorted(own)


TRIED = (
    "nested",
    "UPPER CASE A__B columns with metadata",
    "text in payload",
    "object in data",
    "PAYLOAD__A columns",
    "envelope beside text",
    "typed row in document",
    "text within text in document",
)


@pytest.mark.parametrize("name", TRIED)
def test_a_user_is_in_one_partition_in_order_of_time_whatever_the_shape(
    name: str, spark: SparkSession
) -> None:
    shape: Shape = SHAPES[name]
    df = frame_of(spark, [shape(row) for row in events()])
    arranged = by_user(df.repartition(4), 3)

    assert arranged.columns == df.columns
    assert arranged._jdf.queryExecution().sparkPlan().outputPartitioning()
    expect_arranged(arranged)


def test_the_columns_can_be_named(spark: SparkSession) -> None:
    rows = [json_columns({"body": row}) for row in events()]
    df = frame_of(spark, rows).withColumn("who", f.get_json_object("body", "$.user_id"))
    at = f.get_json_object("body", "$.created_date")
    expect_arranged(by_user(df, 3, user="who", time=at))


@pytest.fixture
def far_zone(spark: SparkSession) -> Iterator[None]:
    """A session whose zone is none of the rows'."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/Los_Angeles")
    yield
    spark.conf.set("spark.sql.session.timeZone", before)


@pytest.mark.usefixtures("far_zone")
def test_times_are_compared_as_times(spark: SparkSession) -> None:
    times = [
        "2026-06-01T10:00:00+02:00",
        "2026-06-01T08:00:00.5",  # without a zone it is UTC
        "1780300801",
        "2026-06-01T07:00:02-01:00",
        "1780300803000",
        "2026-06-01 08:00:04+00",
        "/Date(1780300805000)/",
    ]
    rows = [
        nami.impression(n, user_id=nami.identifier(2, 0), created_date=time, place=n)
        for n, time in enumerate(times)
    ]
    df = frame_of(spark, rows[::-1])
    assert numbers_by_partition(by_user(df, 2)) == [list(range(len(times)))]
    text = frame_of(spark, [json_columns({"payload": row}) for row in rows[::-1]])
    assert numbers_by_partition(by_user(text, 2)) == [list(range(len(times)))]


@pytest.mark.usefixtures("far_zone")
@pytest.mark.parametrize("kind", ["timestamp_ntz", "timestamp"])
def test_timestamps_are_in_order_when_clocks_change(
    kind: str, spark: SparkSession
) -> None:
    # In this zone, there is no half past two on that day.
    times = [f"2026-03-08T{2 + n // 60:02}:{n % 60:02}:00" for n in range(30, 90)]
    zone = "" if kind == "timestamp_ntz" else "Z"
    rows = [
        nami.impression(
            n, user_id=nami.identifier(2, 0), created_date=time + zone, place=n
        )
        for n, time in enumerate(times)
    ]
    df = frame_of(spark, rows[::-1])
    timed = df.withColumn("created_date", f.col("created_date").cast(kind))
    assert numbers_by_partition(by_user(timed, 2)) == [list(range(len(times)))]


def test_a_user_whose_id_is_padded_is_the_same(spark: SparkSession) -> None:
    user = nami.identifier(2, 0)
    rows = [
        nami.impression(n, user_id=padded, place=n)
        for n, padded in enumerate([user, f"{user} ", f"\t{user}", f"{user}\n"])
    ]
    assert numbers_by_partition(by_user(frame_of(spark, rows), 7)) == [[0, 1, 2, 3]]


def test_a_row_of_nobody_is_in_the_same_partition_in_each_try(
    spark: SparkSession,
) -> None:
    rows = [{"payload": json_text({"x": n}), "place": n} for n in range(60)]
    found = [
        sorted(map(sorted, numbers_by_partition(by_user(frame_of(spark, some), 3))))
        for some in (rows, rows[::-1])
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_events_of_one_moment_are_in_order_of_their_ids(spark: SparkSession) -> None:
    rows = [
        nami.impression(n, user_id=nami.identifier(2, 0), place=n) for n in range(6)
    ]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    df = frame_of(spark, rows[::-1])
    assert numbers_by_partition(by_user(df, 2)) == [list(range(6))]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"partitions": 0}, "partitions is 0"),
        ({"user": "user_id"}, "given together"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    given: dict[str, Any], problem: str, spark: SparkSession
) -> None:
    df = frame_of(spark, events())
    with pytest.raises(ConfigurationError, match=problem):
        by_user(df, **given)


def dry_run(df: DataFrame) -> Report:
    return deliver(df, dry_run=True)


@pytest.mark.parametrize("function", [by_user, with_users, dry_run])
def test_a_stream_is_refused_in_one_line(
    function: Callable[[DataFrame], object], spark: SparkSession, tmp_path: Path
) -> None:
    stream = spark.readStream.schema("payload string").json(str(tmp_path))
    with pytest.raises(ConfigurationError, match="is a stream: give its batches"):
        function(stream)
