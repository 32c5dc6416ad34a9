"""The target behind Meltano, and BATCH messages in the place of standard input."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import contestants as who
from benchmarks import records
from benchmarks.measuring import Contestant, race
from benchmarks.results import Result, Row
from benchmarks.running import PYTHON, TARGET, say
from benchmarks.schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring import Workshop

STDIN: Final = "stdin"
MELTANO: Final = "meltano run"
BATCHES: Final = {"BATCH, plain": "none", "BATCH, gzip": "gzip"}
"""Their compression, as a BATCH message names it."""
_RECORDS_A_FILE: Final = 50_000


def measure(shop: Workshop) -> Result:
    """Race Meltano and BATCH messages against standard input."""
    count = shop.sized(150_000, 15_000)
    paces = race(
        shop,
        [
            who.ours(count, STDIN),
            Contestant(MELTANO, _meltano, count),
            *(who.ours(count, name) for name in BATCHES),
        ],
        lambda name, records: source_of(shop, name, records),
        repeats=shop.sized(3, 1),
        against=STDIN,
    )
    for name, pace in paces.items():
        say(f"  {name:12} {pace.per_second:9,.0f} events/s")
    # Meltano takes a file as its input, too, and would be as fast without sending.
    if not paces[MELTANO].requests:
        raise AssertionError("nothing arrived through Meltano")
    return Result(
        f"`meltano run` with a tap that copies a file of {count:,} usual events, and "
        f"BATCH messages of {_RECORDS_A_FILE:,} records a file, each against the same "
        "records on the target's standard input. Without start-up.",
        [
            Row(
                "meltano run / target alone" if name == MELTANO else f"{name} / stdin",
                pace.ratio,
                note=f"{pace.per_second:,.0f} events/s",
            )
            for name, pace in paces.items()
            if name != STDIN
        ],
    )


def source_of(shop: Workshop, name: str, count: int) -> Path:
    """Return a file of usual messages; for those of `BATCHES`, of BATCH messages."""
    lines = shop.usual(name, count)
    if name not in BATCHES:
        return lines
    path = shop.folder / f"batches-{BATCHES[name]}-{count}.singer"
    if not path.exists():
        _write_batches(path, lines, count, BATCHES[name])
    return path


def _meltano(folder: Path, url: str, source: Path) -> list[str | Path]:
    """Make a project whose tap copies the source; return the command that runs it."""
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
    meltano = Path(PYTHON).with_name("meltano")
    run: list[str | Path] = [meltano, "run", "tap-replay", "target-amplitude-nami"]
    return ["env", f"HOME={folder}", "NO_COLOR=1", *run]


def _write_batches(path: Path, source: Path, count: int, compression: str) -> None:
    """Write records into files, and the messages that name them."""
    messages: list[dict[str, Any]] = [
        {"type": "SCHEMA", "stream": records.STREAM, "schema": schema()} | records.KEYS
    ]
    with source.open("rb") as lines:
        texts = record_texts(lines)
        for number in range(-(-count // _RECORDS_A_FILE)):
            file = path.with_suffix(f".{number}.jsonl")
            some = islice(texts, _RECORDS_A_FILE)
            with (
                gzip.open(file, "wb", 1)
                if compression == "gzip"
                else file.open("wb") as out
            ):
                out.writelines(text + b"\n" for text in some)
            messages.append(
                {
                    "type": "BATCH",
                    "stream": records.STREAM,
                    "encoding": {"format": "jsonl", "compression": compression},
                    "manifest": [file.as_uri()],
                }
            )
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))


def record_texts(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the records of messages as JSON texts."""
    start = b'{"type":"RECORD","stream":"%s","record":' % records.STREAM.encode()
    for line in lines:
        if line.startswith(start):
            yield line[len(start) : -2]
