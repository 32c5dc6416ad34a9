"""A Dagster asset with a partition a day: Parquet files of Nami's events to Amplitude.

It calls the library in Dagster's own process, so that history is a backfill of
Dagster's: a run for each day, as many at a time as the asset's pool has slots.
docs/recipes/backfill.md explains it.
"""

import itertools
import os
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from target_amplitude_nami import Job, JobRejectsFile, Settings, deliver
from target_amplitude_nami.arrow import records_of

EVENTS = Path(os.environ.get("NAMI_EVENTS", "/srv/nami/events"))
"""It has a folder of Parquet files for each day, such as `day=2026-06-01`."""
FIRST_DAY = os.environ.get("NAMI_FIRST_DAY", "2026-06-01")
SLOTS = int(os.environ.get("NAMI_SLOTS", "1"))
"""The slots of the pool: `max_events_per_second` is shared out among them."""


def settings() -> Settings:
    """Return the settings of a run. `backfill` keeps users' properties as they are."""
    given: dict[str, object] = {
        "api_key": os.environ["AMPLITUDE_API_KEY"],
        "endpoint": os.environ.get("AMPLITUDE_ENDPOINT"),
        "backfill": True,
        "max_events_per_second": 2_000,
        "rejects_path": str(EVENTS / "rejects.singer"),
    }
    return Settings.load(given)


@dg.asset(
    group_name="nami",
    partitions_def=dg.DailyPartitionsDefinition(start_date=FIRST_DAY),
    pool="nami_days_to_amplitude",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=300),
)
def nami_day_in_amplitude(
    context: dg.AssetExecutionContext,
) -> dg.MaterializeResult[None]:
    """The events of a day, delivered to Amplitude."""
    day = context.partition_key
    records = itertools.chain.from_iterable(
        records_of(batch)
        for path in sorted((EVENTS / f"day={day}").glob("*.parquet"))
        for batch in pq.ParquetFile(path).iter_batches(10_000)
    )
    given = settings()
    rejects = JobRejectsFile(given.rejects_path, job=day)
    with Job(given, rejects, logger=context.log) as job:
        job.add(
            deliver(
                records,
                job.settings,
                attempt=context.run_id,
                stream="events",
                slots=SLOTS,
            )
        )
    report = job.report
    return dg.MaterializeResult(
        metadata={
            "read": report.read,
            "delivered": report.delivered,
            "filtered": report.filtered,
            "rejected": report.rejected,
            "duplicate": report.duplicate,
        }
    )


DEFINITIONS = dg.Definitions(assets=[nami_day_in_amplitude])
