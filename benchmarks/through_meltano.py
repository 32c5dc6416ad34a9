"""The target behind Meltano, and BATCH messages in the place of standard input."""

from __future__ import annotations

import gzip
import json
import statistics
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import contestants as who
from benchmarks import records
from benchmarks.measuring import race
from benchmarks.results import Goal, Result, Row, say
from benchmarks.running import PYTHON, TARGET, LoopbackServer, run, scratch, target
from benchmarks.schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring import Workshop

_RECORDS_A_FILE: Final = 100_000
_MELTANO: Final = Path(PYTHON).with_name("meltano")


def measure(shop: Workshop) -> Result:
    """Measure both against standard input."""
    through, plain = _through_meltano(shop)
    batches = _batches(shop)
    return Result(
        "meltano",
        "`meltano run` with a tap that copies a file, against the same file on the "
        "target's standard input; and BATCH messages of 100,000 records a file, plain "
        "and gzip, against the same records on standard input. Without start-up.",
        [
            Row(
                "meltano run / target alone",
                through / plain,
                note=f"{through:,.0f} and {plain:,.0f} records/s",
            ),
            *(
                Row(f"BATCH, {name} / stdin", ratio, "", Goal("≥", 1.0))
                for name, ratio in batches.items()
            ),
        ],
        {"through_meltano": through, "alone": plain, "batches": batches},
    )


def _through_meltano(shop: Workshop) -> tuple[float, float]:
    count = shop.sized(200_000, 30_000)
    speeds: dict[str, list[float]] = {"through": [], "alone": []}
    for _ in range(shop.sized(3, 1)):
        for name, seconds in (("through", _meltano_seconds), ("alone", _own_seconds)):
            empty = seconds(shop, shop.input("usual", 1))
            full = seconds(shop, shop.input("usual", count))
            speeds[name].append((count - 1) / (full - empty))
            say(f"  {name:10} {speeds[name][-1]:9,.0f} records/s")
    return statistics.median(speeds["through"]), statistics.median(speeds["alone"])


def _own_seconds(shop: Workshop, source: Path) -> float:
    with scratch(shop.folder) as folder, LoopbackServer() as server:
        return run(target(folder, server.url), source, folder).seconds


def _meltano_seconds(shop: Workshop, source: Path) -> float:
    with scratch(shop.folder) as folder, LoopbackServer() as server:
        _write_project(folder, source, server.url)
        command: list[str | Path] = [
            _MELTANO,
            "run",
            "tap-replay",
            "target-amplitude-nami",
        ]
        home = {"HOME": str(folder), "NO_COLOR": "1"}
        seconds = run(command, Path("/dev/null"), folder, more=home).seconds
        if not server.stop().requests:
            raise AssertionError("nothing arrived through Meltano")
        return seconds


def _write_project(folder: Path, source: Path, url: str) -> None:
    tap = folder / "tap-replay"
    tap.write_text(f"#!/bin/sh\nexec cat '{source}'\n")
    tap.chmod(0o700)
    settings = {"endpoint": url, "api_key": "benchmark", "compression": "gzip"}
    project = {
        "requires_meltano": ">=4.0",
        "send_anonymous_usage_stats": False,
        "default_environment": "dev",
        "environments": [{"name": "dev"}],
        "plugins": {
            "extractors": [
                {
                    "name": "tap-replay",
                    "namespace": "tap_replay",
                    "executable": str(tap),
                }
            ],
            "loaders": [
                {
                    "name": "target-amplitude-nami",
                    "namespace": "target_amplitude_nami",
                    "executable": str(TARGET),
                    "settings": [{"name": name} for name in settings],
                    "config": settings,
                }
            ],
        },
    }
    # JSON is YAML.
    (folder / "meltano.yml").write_text(json.dumps(project, indent=2))


def _batches(shop: Workshop) -> dict[str, float]:
    """Return the throughput of BATCH messages in that of standard input."""
    count = shop.sized(500_000, 20_000)
    sources = {"stdin": shop.input("usual", count)} | {
        name: _batch_input(shop, name, count) for name in ("plain", "gzip")
    }
    paces = race(
        shop,
        [who.ours(count, name) for name in sources],
        lambda name, records: (
            sources[name] if records == count else shop.input("usual", records)
        ),
        repeats=shop.sized(3, 1),
        against="stdin",
    )
    for pace in paces:
        say(f"  BATCH {pace.name:6} {pace.per_second:9,.0f} records/s")
    return {pace.name: pace.ratio for pace in paces if pace.name != "stdin"}


def _batch_input(shop: Workshop, compression: str, count: int) -> Path:
    """Write the usual records into files, and a message that names them."""
    path = shop.folder / f"batches-{compression}.singer"
    messages: list[dict[str, Any]] = [
        {"type": "SCHEMA", "stream": records.STREAM, "schema": schema()} | records.KEYS
    ]
    lines = _record_lines(shop.input("usual", count))
    for number in range(-(-count // _RECORDS_A_FILE)):
        file = shop.folder / f"batch-{compression}-{number}.jsonl"
        with (
            gzip.open(file, "wb", 1)
            if compression == "gzip"
            else file.open("wb") as out
        ):
            out.writelines(islice(lines, _RECORDS_A_FILE))
        messages.append(
            {
                "type": "BATCH",
                "stream": records.STREAM,
                "encoding": {
                    "format": "jsonl",
                    "compression": "gzip" if compression == "gzip" else "none",
                },
                "manifest": [file.as_uri()],
            }
        )
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))
    return path


def _record_lines(source: Path) -> Iterator[bytes]:
    start = b'{"type":"RECORD","stream":"%s","record":' % records.STREAM.encode()
    with source.open("rb") as lines:
        for line in lines:
            if line.startswith(start):
                yield line[len(start) : -2] + b"\n"
