"""An Airflow DAG that runs a Meltano pipeline into Amplitude every hour.

Airflow needs to know no more than the command: the tap and the target keep their own
environments, STATE and memory file. docs/recipes/airflow.md explains it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

PROJECT = Path(os.environ.get("NAMI_PROJECT", "/srv/nami"))
COMMAND = os.environ.get(
    "NAMI_COMMAND", "meltano --environment=prod run tap-postgres target-amplitude-nami"
)
REPORT = PROJECT / os.environ.get("NAMI_REPORT", "output/report.json")
"""The loader's `report_path`."""

FIGURES = ("read", "delivered", "filtered", "rejected", "held", "duplicate")


@dag(
    schedule="17 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # STATE and the memory file belong to one run at a time.
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
)
def nami_to_amplitude() -> None:
    """Nami's subscription events, delivered to Amplitude."""

    # Longer than the longest run, a first load of the history included.
    @task(execution_timeout=timedelta(days=1))
    def deliver() -> dict[str, int]:
        """Run the pipeline; return the figures of its report."""
        REPORT.unlink(missing_ok=True)
        command = shlex.split(COMMAND)
        # Its output becomes the task's log, line by line.
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for line in process.stdout or ():
                print(line, end="")
            exit_code = process.wait()
        finally:
            # Airflow raises an exception here when somebody ends the task.
            if process.poll() is None:
                process.terminate()
                process.wait(60)
        report = json.loads(REPORT.read_text("utf-8")) if REPORT.exists() else {}
        if report.get("outcome") == "too_many_rejects":
            # All the rest is delivered, and a retry changes nothing.
            raise AirflowFailException("More rejects than `max_rejected`")
        if exit_code:
            raise AirflowException(f"{command[0]} ended with {exit_code}: see its log")
        return {name: report[name] for name in FIGURES if name in report}

    deliver()


nami_to_amplitude()
