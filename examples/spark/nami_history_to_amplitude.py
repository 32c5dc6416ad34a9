"""Sends Nami's history in a table or in Parquet files to Amplitude, with Spark.

    spark-submit nami_history_to_amplitude.py events/ 2026-03-01 2026-06-01

docs/recipes/backfill.md explains it.
"""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from target_amplitude_nami.spark import by_user, deliver

PARTITIONS = int(os.environ.get("NAMI_PARTITIONS", "64"))
"""A few times as many as tasks run at a time, so that none has to wait for long."""


def main(events: str, first_day: str, end: str) -> None:
    """Deliver the events of some days.

    Args:
        events: The folder of the Parquet files, or the name of a table.
        first_day: The first day, such as 2026-03-01 (UTC).
        end: The day after the last one.
    """
    spark = SparkSession.builder.appName("nami-history").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    is_folder = "/" in events
    rows = spark.read.parquet(events) if is_folder else spark.read.table(events)
    time = f.col("created_date").try_cast("timestamp")
    is_wanted = (time >= f.lit(first_day)) & (time < f.lit(end))
    # What has no time that can be read goes along, and into the rejects.
    wanted = rows.where(is_wanted | time.isNull())
    report = deliver(
        by_user(wanted, PARTITIONS),
        batch=f"{first_day}-{end}",
        backfill=True,
        max_events_per_second=2_000,
        report_path="report.json",
    )
    print(report.summary())


if __name__ == "__main__":
    main(*sys.argv[1:])
