"""Delivers Parquet files by Spark, and writes the seconds that took, without its start.

.spark/bin/python benchmarks/spark_job.py FOLDER URL CORES SECONDS_FILE
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

from target_amplitude_nami.spark import deliver


def main() -> None:
    """Deliver what the arguments name."""
    folder, url, cores, seconds_file = sys.argv[1:]
    os.environ["PYSPARK_PYTHON"] = sys.executable  # not any python3 on the PATH
    session = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "2g")
        .getOrCreate()
    )
    rows = session.read.parquet(folder)
    start = time.perf_counter()
    deliver(rows, endpoint=url, api_key="benchmark", compression="gzip")
    Path(seconds_file).write_text(str(time.perf_counter() - start), "utf-8")
    session.stop()


if __name__ == "__main__":
    main()
