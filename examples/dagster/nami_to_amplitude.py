"""A Dagster job that runs a Meltano pipeline into Amplitude every hour.

Dagster needs to know no more than the command: the tap and the target keep their own
environments, STATE and memory file. docs/recipes/dagster.md explains it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import dagster as dg

PROJECT = Path(os.environ.get("NAMI_PROJECT", "/srv/nami"))
COMMAND = os.environ.get(
    "NAMI_COMMAND", "meltano --environment=prod run tap-postgres target-amplitude-nami"
)
REPORT = PROJECT / os.environ.get("NAMI_REPORT", "output/report.json")
"""The loader's `report_path`."""

FIGURES = ("read", "delivered", "filtered", "rejected", "held", "duplicate")


# One run at a time has STATE and the memory file: a pool with one slot, see the page.
@dg.asset(
    group_name="nami",
    kinds={"singer"},
    pool="nami_to_amplitude",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=300),
)
def nami_events_in_amplitude() -> dg.MaterializeResult[None]:
    """Nami's subscription events, delivered to Amplitude."""
    REPORT.unlink(missing_ok=True)
    command = shlex.split(COMMAND)
    process = subprocess.Popen(command, cwd=PROJECT)  # noqa: S603
    try:
        exit_code = process.wait()
    finally:
        # Dagster raises an exception here when somebody ends the run.
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    report = json.loads(REPORT.read_text("utf-8")) if REPORT.exists() else {}
    figures = {name: report[name] for name in FIGURES if name in report}
    if exit_code:
        raise dg.Failure(
            f"{command[0]} ended with {exit_code}: see the end of its log",
            metadata=figures,
            # Then all the rest is delivered, and a retry changes nothing.
            allow_retries=report.get("outcome") != "too_many_rejects",
        )
    return dg.MaterializeResult(metadata=figures)


JOB = dg.define_asset_job("nami_to_amplitude", selection=[nami_events_in_amplitude])

DEFINITIONS = dg.Definitions(
    assets=[nami_events_in_amplitude],
    jobs=[JOB],
    schedules=[dg.ScheduleDefinition(job=JOB, cron_schedule="17 * * * *")],
)
