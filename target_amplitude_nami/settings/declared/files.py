"""Declares the files that a run leaves behind, and the dry run."""

# `setting` declares a field, and the fields' types are read at run time.
# ruff: noqa: RUF009

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from target_amplitude_nami.settings.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class FileSettings:
    """What it leaves behind."""

    rejects_path: Path = setting(
        "File for records that could not be delivered, as Singer messages that this "
        "target can read again.",
        details="Made at the first reject, then appended to.",
        default=Path("output/rejects.singer"),
    )
    max_rejected: int | None = setting(
        "More rejects than this make the run end with exit code 3.",
        title="Most rejects",
        default=None,
        least=0,
    )
    report_path: Path | None = setting(
        "File for the run's report as JSON. The log has it as a table in any case.",
        default=None,
    )
    metrics_path: Path | None = setting(
        "File for the run's figures as OpenMetrics text.", default=None
    )
    memory_path: Path | None = setting(
        "SQLite file for what is remembered from run to run. Without it, the target "
        "remembers within the run only.",
        details="It holds the External IDs and the newest state of users, the ids of "
        "delivered events, and records on hold.",
        default=None,
        examples=("output/nami-memory.db",),
    )
    memory_days: int = setting(
        "How long, in days, the ids of delivered events are remembered after they were "
        "last read.",
        title="Days to remember",
        default=90,
        least=1,
    )
    dry_run: bool = setting(
        "Send nothing: write the exact request bodies to `dry_run_path`, do "
        "everything else as in a real run, and emit no STATE.",
        default=False,
    )
    dry_run_path: Path = setting(
        "File for the request bodies of a dry run, one a line, with `***` for the API "
        "key.",
        default=Path("output/dry-run.jsonl"),
    )
