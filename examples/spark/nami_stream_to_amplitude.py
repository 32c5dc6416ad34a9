"""Sends Nami's webhooks to Amplitude as they arrive in a folder, with Spark.

    spark-submit nami_stream_to_amplitude.py webhooks/ checkpoint/

docs/recipes/spark-stream.md explains it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from target_amplitude_nami.spark import by_user, deliver

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PARTITIONS = int(os.environ.get("NAMI_PARTITIONS", "8"))


def deliver_batch(rows: DataFrame, number: int) -> None:
    """Deliver the new rows of the stream, those of each user in order."""
    report = deliver(by_user(rows, PARTITIONS), batch=number)
    print(f"batch {number}: {report.summary()}")


def main(webhooks: str, checkpoint: str) -> None:
    """Deliver what is new, and end; `availableNow` is for a job that a clock starts.

    Args:
        webhooks: A folder of files with a webhook in each line.
        checkpoint: A folder in which Spark notes what it has read.
    """
    spark = SparkSession.builder.appName("nami-stream").getOrCreate()
    # A table of Delta instead: spark.readStream.table("nami.events")
    lines = spark.readStream.text(webhooks)
    (
        lines.writeStream.foreachBatch(deliver_batch)
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)  # or processingTime="1 minute", to go on for ever
        .start()
        .awaitTermination()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
