"""A Dagster asset with a partition a day: Parquet files of Nami's events to Amplitude.

It calls the library in Dagster's own process, so that history is a backfill of Dagster's:
a run for each day, as many at a time as its pool has slots. docs/recipes/backfill.md
explains it.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from target_amplitude_nami import Settings, deliver
from target_amplitude_nami.arrow import records_of

EVENTS = Path(os.environ.get("NAMI_EVENTS", "/srv/nami/events"))
"""It has a folder for each day, `day=2026-06-01`, with Parquet files."""
FIRST_DAY = os.environ.get("NAMI_FIRST_DAY", "2026-06-01")
SLOTS = int(os.environ.get("NAMI_SLOTS", "1"))
"""How many runs go on at a time: `max_events_per_second` is shared out among them."""

SETTINGS = {
    "api_key": os.environ["AMPLITUDE_API_KEY"],
    # History neither changes what users are now, nor comes through the fast lane.
    "backfill": True,
    "max_events_per_second": 1_000,
}
if "AMPLITUDE_ENDPOINT" in os.environ:
    SETTINGS["endpoint"] = os.environ["AMPLITUDE_ENDPOINT"]


@dg.asset(
    group_name="nami",
    partitions_def=dg.DailyPartitionsDefinition(start_date=FIRST_DAY),
    pool="nami_days_to_amplitude",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=300),
)
def nami_events_of_a_day(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The events of a day, delivered to Amplitude."""
    folder = EVENTS / f"day={context.partition_key}"
    records = itertools.chain.from_iterable(
        records_of(batch)
        for path in sorted(folder.glob("*.parquet"))
        for batch in pq.ParquetFile(path).iter_batches(10_000)
    )
    outcome = deliver(
        records,
        Settings.load(SETTINGS),
        attempt=context.run_id,
        stream="events",
        slots=SLOTS,
    )
    for warning in outcome.warnings:
        context.log.warning(warning)
    for line in outcome.report.lines():
        context.log.info(line)
    report = outcome.report
    if outcome.is_all_foreign:
        raise dg.Failure(f"no record in {folder} is Nami's", allow_retries=False)
    if outcome.rejects:
        path = folder / "rejects.jsonl"
        path.write_bytes(b"".join(each.message + b"\n" for each in outcome.rejects))
        context.log.warning(f"{report.rejected} rejects, the first of them in {path}")
    return dg.MaterializeResult(
        metadata={
            "read": report.read,
            "delivered": report.delivered,
            "filtered": report.filtered,
            "rejected": report.rejected,
            "duplicate": report.duplicate,
        }
    )


DEFINITIONS = dg.Definitions(assets=[nami_events_of_a_day])
