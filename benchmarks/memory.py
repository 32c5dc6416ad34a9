"""The most memory that a run takes, by the length of its input and the users in it."""

from __future__ import annotations

import math
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

from benchmarks.results import Goal, Result, Row, say
from benchmarks.running import (
    PYTHON,
    LoopbackServer,
    Outcome,
    environment,
    records_as_made,
    run,
    scratch,
    target,
)

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Workshop

_MOST_MB: Final = 150
_BYTES_A_USER: Final = 1_300
"""Room on the disk for a user in the memory file, with all that belongs to it."""


def measure(shop: Workshop) -> Result:
    """Measure runs of all kinds, then runs over a memory that knows millions."""
    few, many = 1_000, shop.sized(1_000_000, 20_000)
    runs: list[dict[str, Any]] = []
    for users, has_file in ((few, False), (many, False), (many, True)):
        for length in (shop.sized(100_000, 5_000), shop.sized(5_000_000, 50_000)):
            with scratch(shop.folder) as folder:
                path = folder / "memory.db" if has_file else None
                outcome = _run(folder, length, users, path)
            runs.append(_as_run(outcome, length, users, "new" if has_file else "none"))
    rows = [
        Row(
            f"{one['records']:,} records, {one['users']:,} users"
            + (", memory file" if one["memory_file"] == "new" else ""),
            one["peak_mb"],
            " MB",
            Goal("≤", _MOST_MB),
        )
        for one in runs
    ]
    _measure_large_file(shop, rows, runs)
    return Result(
        "memory",
        "Peak of the target's resident memory (`VmHWM`); the input comes through a "
        "pipe as it is made.",
        rows,
        {"runs": runs},
    )


def _measure_large_file(
    shop: Workshop, rows: list[Row], runs: list[dict[str, Any]]
) -> None:
    known, length = shop.sized(10_000_000, 100_000), shop.sized(300_000, 10_000)
    if shutil.disk_usage(shop.folder).free < known * _BYTES_A_USER:
        say(f"  no room on the disk for a memory file of {known:,} users: left out")
        return
    users = length // 2
    met = users * (1 - math.exp(-length / users))
    with scratch(shop.folder) as folder:
        path = folder / "memory.db"
        _run(folder, length, users, path)
        say(f"  making a memory file of {known:,} users")
        grow = [PYTHON, "-m", "benchmarks.memory_file", str(path), str(known / met)]
        subprocess.run(grow, env=environment(), check=True)
        again = _run(folder, length, users, path, seed=1)
        size = path.stat().st_size
        (folder / "empty").mkdir()
        empty = _run(folder, length, users, folder / "empty" / "memory.db", seed=1)
    name = f"memory file of {known:,} users ({size / 1e9:.1f} GB)"
    rows += [
        Row(
            f"{length:,} records, {name}",
            again.peak_bytes / 1e6,
            " MB",
            Goal("≤", _MOST_MB),
            f"{length / again.seconds:,.0f} records/s",
        ),
        Row(
            f"throughput with a {name} / with an empty one",
            empty.seconds / again.seconds,
        ),
    ]
    runs.append(_as_run(again, length, users, "large") | {"known": known})


def _as_run(
    outcome: Outcome, length: int, users: int, memory_file: str
) -> dict[str, Any]:
    peak_mb = outcome.peak_bytes / 1e6
    say(f"  {length:9,} records, {users:9,} users, {memory_file:5} {peak_mb:6.0f} MB")
    return {
        "records": length,
        "users": users,
        "memory_file": memory_file,
        "peak_mb": peak_mb,
        "seconds": outcome.seconds,
        "cpu_seconds": outcome.cpu_seconds,
    }


def _run(
    folder: Path, length: int, users: int, path: Path | None, *, seed: int = 0
) -> Outcome:
    settings = {} if path is None else {"memory_path": str(path)}
    with (
        LoopbackServer() as server,
        records_as_made(length, users=users, seed=seed) as source,
    ):
        outcome = run(target(folder, server.url, **settings), source, folder)
    if not outcome.peak_bytes:
        raise AssertionError("the benchmark has used more memory than the target")
    return outcome
