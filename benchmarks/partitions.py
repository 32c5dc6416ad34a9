"""One processor against two: Parquet files, by `amplitude-nami load` and by Spark.

The server, and whatever else the machine does, is pinned to nothing; the program under
test to one processor or to two.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import contestants as who
from benchmarks.measuring import Contestant, Lap, lap
from benchmarks.results import Result, Row
from benchmarks.running import PYTHON, ROOT, environment, say, target, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Workshop

_LOAD: Final = Path(PYTHON).with_name("amplitude-nami")
_SPARK: Final = ROOT / ".spark" / "bin" / "python"
_ONE, _TWO = "0", "0,1"
"""Processors, as `taskset` takes them."""
_FILES: Final = 8


def measure(shop: Workshop) -> Result:
    """Measure loads, and Spark where there is an environment for it."""
    rows = shop.sized(2_000_000, 40_000)
    few = shop.sized(100_000, 10_000)
    found = _by_load(shop, rows, few)
    if _SPARK.exists():
        found += _by_spark(shop, rows)
    else:
        say("  there is no environment for Spark (make .spark/.installed): left out")
    return Result(
        f"{rows:,} usual events in {_FILES} Parquet files, each a row whose one column "
        "is the JSON text of the record; pinned to one and to two processors with "
        "`taskset`. Start-up is included for `load`; for Spark, its session is not.",
        found,
    )


def _by_load(shop: Workshop, rows: int, few: int) -> list[Row]:
    many, small = _parquet(shop, rows, "text"), _parquet(shop, few, "text")
    nested = _parquet(shop, few, "struct")
    one = _lap(shop, _load(many, 1, _ONE), rows)
    two = _lap(shop, _load(many, 2, _TWO), rows)
    short = _lap(shop, _load(small, 1, _ONE), few)
    structs = _lap(shop, _load(nested, 1, _ONE), few)
    singer = _lap(shop, _pinned_target(few), few)
    start = _lap(shop, _pinned_target(1), 1).outcome.cpu_seconds
    of_singer = (singer.outcome.cpu_seconds - start) / few
    of_load = (one.outcome.cpu_seconds - short.outcome.cpu_seconds) / (rows - few)
    return [
        _rate_row("load, 1 worker on 1 processor", one, rows),
        _rate_row("load, 2 workers on 2 processors", two, rows),
        Row(
            "load: 2 processors / 1",
            one.outcome.seconds / two.outcome.seconds,
            " times",
        ),
        Row(
            "load: CPU a row / Singer run's, text column",
            of_load / of_singer,
            " times",
            f"{1e6 * of_load:.1f} and {1e6 * of_singer:.1f} µs",
        ),
        Row(
            "load: CPU a row, columns of structs",
            1e6 * structs.outcome.cpu_seconds / few,
            " µs",
            f"text {1e6 * short.outcome.cpu_seconds / few:.1f} µs; start included",
        ),
        Row(
            "load: peak of memory of a worker, many rows / few",
            one.outcome.peak_bytes / short.outcome.peak_bytes,
            " times",
            f"{one.outcome.peak_bytes / 1e6:.0f} MB; {rows:,} and {few:,} rows",
        ),
    ]


def _by_spark(shop: Workshop, rows: int) -> list[Row]:
    files = _parquet(shop, rows, "text")
    seconds = {}
    for name, cpus in (("1", _ONE), ("2", _TWO)):
        took = shop.folder / f"spark-{name}.json"
        _lap(shop, _spark(files, took, cpus), rows)
        seconds[name] = float(took.read_text("utf-8"))
    return [
        *(
            Row(
                f"Spark, {name} of the machine's processors",
                rows / spent,
                " events/s",
                f"{spent:,.0f} s",
            )
            for name, spent in seconds.items()
        ),
        Row("Spark: 2 processors / 1", seconds["1"] / seconds["2"], " times"),
    ]


def _rate_row(what: str, one: Lap, rows: int) -> Row:
    seconds = one.outcome.seconds
    return Row(what, rows / seconds, " events/s", f"{seconds:,.0f} s")


def _lap(shop: Workshop, one: Contestant, records: int) -> Lap:
    """Run once, and see that about as much arrived as there is."""
    took = lap(shop, one, shop.usual(one.name, min(one.records, records)))
    say(f"  {one.name:40} {took.outcome.seconds:7.1f} s")
    if took.traffic.requests * 2_000 < records:
        raise AssertionError(f"{one.name} sent only {took.traffic.requests} requests")
    return took


def _load(files: Sequence[Path], workers: int, cpus: str) -> Contestant:
    def command(folder: Path, url: str, _: Path) -> list[str | Path]:
        settings = {"endpoint": url, "api_key": "benchmark", "compression": "gzip"}
        config = write_json(folder / "config.json", settings)
        load = [_LOAD, "load", *files, "--workers", str(workers), "--config", config]
        return _pinned(load, cpus)

    # Its standard input is of no use to it.
    return Contestant(f"load {files[0].parent.name}, {workers} workers", command, 1)


def _spark(files: Sequence[Path], took: Path, cpus: str) -> Contestant:
    def command(_: Path, url: str, __: Path) -> list[str | Path]:
        program = ROOT / "benchmarks" / "spark_job.py"
        folder, count = files[0].parent, len(cpus.split(","))
        return _pinned([_SPARK, program, folder, url, str(count), took], cpus)

    return Contestant(f"Spark, processors {cpus}", command, 1)


def _pinned_target(records: int) -> Contestant:
    def command(folder: Path, url: str, _: Path) -> list[str | Path]:
        return _pinned(target(folder, url), _ONE)

    return Contestant(f"{who.OURS}, pinned", command, records)


def _pinned(command: Sequence[Any], cpus: str) -> list[Any]:
    return ["taskset", "--cpu-list", cpus, *command]


def _parquet(shop: Workshop, rows: int, columns: str) -> list[Path]:
    """Return files that are made once, of `text` or of `struct` columns."""
    folder = shop.folder / f"{columns}-{rows}"
    if not folder.exists():
        say(f"  making {rows:,} rows, {columns}")
        # In a process of its own: the memory of this one would be a peak of others.
        make = [PYTHON, "-m", "benchmarks.parquet", str(folder), str(rows)]
        make += ["--files", str(_FILES), "--columns", columns]
        subprocess.run(make, env=environment(), check=True)
    return sorted(folder.glob("*.parquet"))
