"""What `with_users` adds to events, and that it is what the rows could have said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as f

from target_amplitude_nami import Settings
from target_amplitude_nami.spark import with_users
from tests.support import nami
from tests.support.shapes import SHAPES, Shape
from tests.support.spark import (
    built,
    delivered_by_dry_run,
    dry_run_into,
    frame_of,
    singer_run,
)

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

USER = 7
NAMED = nami.external_id(USER)


def by_id(events: Counter[bytes]) -> dict[str, dict[str, Any]]:
    decoded = [json.loads(event) for event in events]
    return {event["insert_id"]: event for event in decoded}


def at(hour: int) -> str:
    return f"2026-06-01T{hour:02}:00:00Z"


def event(number: int, hour: int, **fields: Any) -> dict[str, Any]:
    """Return a `user.*` event of the user, at an hour."""
    record = nami.subscription(USER, id=nami.event_id(number), created_date=at(hour))
    return {n: v for n, v in (record | fields).items() if v is not None}


WITHOUT_STATE = dict.fromkeys(
    ("active_entitlements", "customer_journey_state", "devices")
)


def flags(*, in_trial: bool) -> dict[str, Any]:
    state = nami.subscription(USER)["customer_journey_state"]
    return {"customer_journey_state": state | {"in_trial_period": in_trial}}


@pytest.mark.parametrize(
    "name",
    [
        "nested",
        "UPPER CASE A__B columns with metadata",
        "ready-made columns",
        "text in payload",
        "PAYLOAD__A columns",
        "typed row",
        "envelope beside text",
    ],
)
def test_events_become_what_they_would_be_if_they_told_it_themselves(
    name: str, spark: SparkSession, tmp_path: Path
) -> None:
    shape: Shape = SHAPES[name]
    # The row that tells comes last, in an order that is none of time.
    whole = [event(1, 12), event(2, 9), event(3, 15)]
    silent = [event(1, 12, **WITHOUT_STATE, external_ids=None), *whole[1:]]
    impression = nami.impression(
        4,
        user_id=whole[0]["user_id"],
        created_date=at(8),
        device_id=nami.device_id(7),
    )
    external_ids = whole[0]["external_ids"]
    whole.append(impression | {"external_ids": external_ids})
    rows = [shape(row) for row in [*silent, impression]]

    df = with_users(frame_of(spark, rows).repartition(3))

    expected = built(whole, Settings.load(dry_run_into(tmp_path)))
    assert delivered_by_dry_run(df.repartition(3), tmp_path / "spark") == expected
    assert singer_run(tmp_path / "singer", whole) == expected


def test_a_user_whose_external_id_is_in_another_table_is_named(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [
        nami.impression(n, user_id=nami.user(USER)["user_id"], created_date=at(n))
        for n in range(1, 6)
    ]
    users = frame_of(spark, [nami.user(USER), nami.user(8)])
    found = []
    for count in (1, 3, 7):
        df = frame_of(spark, rows).repartition(count, f.rand(count))
        named = with_users(df, users.repartition(count))
        found.append(delivered_by_dry_run(named, tmp_path / str(count)))

    assert found[0] == found[1] == found[2]
    assert {e["user_id"] for e in by_id(found[0]).values()} == {NAMED}
    assert len(by_id(found[0])) == 5


def test_an_event_gets_the_state_as_of_its_time(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [
        event(1, 9, **flags(in_trial=False)),
        event(2, 10, **WITHOUT_STATE),
        event(3, 11, **flags(in_trial=True)),
        event(4, 12, **WITHOUT_STATE),
        event(5, 8, **WITHOUT_STATE),
    ]
    df = with_users(frame_of(spark, rows[::-1]).repartition(3))
    sent = by_id(delivered_by_dry_run(df, tmp_path))

    in_trial = {
        number: sent[nami.event_id(number)]
        .get("user_properties", {})
        .get("namiml_in_trial_period")
        for number in range(1, 6)
    }
    assert in_trial == {1: False, 2: False, 3: True, 4: True, 5: None}


def test_facts_that_a_newer_row_leaves_open_stay_as_they_were(
    spark: SparkSession, tmp_path: Path
) -> None:
    only_flags = WITHOUT_STATE | flags(in_trial=True)
    rows = [event(1, 9), event(2, 10, **only_flags), event(3, 11, **WITHOUT_STATE)]
    df = with_users(frame_of(spark, rows))
    properties = by_id(delivered_by_dry_run(df, tmp_path))[nami.event_id(3)][
        "user_properties"
    ]

    assert properties["namiml_in_trial_period"] is True
    assert properties["namiml_active_skus"] == ["radio_monthly"]


def test_a_row_without_a_time_counts_where_no_other_says_anything(
    spark: SparkSession, tmp_path: Path
) -> None:
    always = nami.user(USER, updated_at=None, **flags(in_trial=True))
    other = [{"key": "external_id", "type": "uuid", "value": nami.external_id(99)}]
    rows = [event(1, 9, **WITHOUT_STATE), event(2, 10, external_ids=other)]
    rows += [event(3, 11, **WITHOUT_STATE, external_ids=None)]
    df = with_users(frame_of(spark, rows), frame_of(spark, [always]))
    sent = by_id(delivered_by_dry_run(df, tmp_path))

    first, _, last = (sent[nami.event_id(n)] for n in (1, 2, 3))
    assert first["user_properties"]["namiml_in_trial_period"] is True
    assert last["user_properties"]["namiml_in_trial_period"] is False
    assert (first["user_id"], last["user_id"]) == (NAMED, nami.external_id(99))


def test_an_event_before_the_first_login_gets_the_external_id_told_then(
    spark: SparkSession, tmp_path: Path
) -> None:
    second = [{"key": "external_id", "type": "uuid", "value": nami.external_id(99)}]
    rows = [
        event(1, 8, external_ids=None),
        event(2, 9),
        event(3, 10, external_ids=None),
        event(4, 11, external_ids=second),
        event(5, 12, external_ids=None),
    ]
    df = with_users(frame_of(spark, rows[::-1]))
    sent = by_id(delivered_by_dry_run(df, tmp_path))

    users = [sent[nami.event_id(number)]["user_id"] for number in range(1, 6)]
    assert users == [NAMED, NAMED, NAMED, nami.external_id(99), nami.external_id(99)]


@pytest.mark.timeout(60)
def test_a_user_of_very_many_events_takes_no_longer_for_each(
    spark: SparkSession,
) -> None:
    events = spark.range(100_000).select(
        f.concat(f.lit("e"), "id").alias("id"),
        f.lit("device.impression").alias("event_type"),
        f.lit("u").alias("user_id"),
        f.timestamp_seconds(f.lit(1_780_000_000) + f.col("id")).alias("created_date"),
        f.when(f.col("id") == 99_999, NAMED).alias("external_id"),
    )
    named = with_users(events).where(f.col("external_id_") == NAMED)
    assert named.count() == 99_999


def test_an_external_id_that_amplitude_refuses_names_no_other_row(
    spark: SparkSession, tmp_path: Path
) -> None:
    bad = [{"key": "external_id", "type": "text", "value": "undefined"}]
    rows = [event(1, 8), event(2, 9, external_ids=bad), event(3, 10, external_ids=None)]
    sent = by_id(delivered_by_dry_run(with_users(frame_of(spark, rows)), tmp_path))
    assert sent[nami.event_id(3)]["user_id"] == NAMED


def test_rows_of_nobody_and_of_others_are_left_as_they_are(
    spark: SparkSession,
) -> None:
    rows = [{"x": 1, "external_id": None}, event(1, 8), {"x": 2, "user_id": "u"}]
    df = frame_of(spark, rows)
    completed = with_users(df, frame_of(spark, [nami.user(USER)]))

    assert completed.select(df.columns).exceptAll(df).isEmpty()
    assert completed.count() == 3
    added = completed.columns[len(df.columns) :]
    assert "external_id" not in added  # the column has that name
    assert "namiml_in_trial_period" in added
