"""Contestants side by side: interleaved repeats, medians, ratios within a repeat."""

from __future__ import annotations

import gzip
import importlib
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from benchmarks.running import (
    LoopbackServer,
    Outcome,
    Traffic,
    make_records,
    run,
    scratch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.results import Result

    MakeCommand = Callable[[Path, str], Sequence[str | Path]]

_EVENT_MARK: Final = b'"insert_id"'


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that sends the input's events to the server."""

    name: str
    command: MakeCommand
    """Makes its command from a folder for its files and the server's address."""
    records: int
    """How many it is given: slow ones get fewer."""
    delay_ms: int = 0
    """How long each answer takes."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One run of one contestant."""

    outcome: Outcome
    traffic: Traffic


_Pair: TypeAlias = tuple[Lap, Lap]
"""A run over a single record, and the run that counts."""


class Workshop:
    """The folder of a benchmark run: inputs are made there, once each."""

    def __init__(self, folder: Path, *, is_quick: bool) -> None:
        """Take a folder that is thrown away at the end."""
        self.folder = folder
        self.is_quick = is_quick

    def sized(self, full: int, quick: int) -> int:
        """Return how much of something to do."""
        return quick if self.is_quick else full

    def input(self, shape: str, count: int, *, users: int = 50_000) -> Path:
        """Return a file of messages; see `benchmarks.records.messages`."""
        path = self.folder / f"{shape}-{count}-{users}.singer"
        if not path.exists():
            with path.open("wb") as file:
                make_records(count, file, shape=shape, users=users)
        return path


def measure_in(module: str, at: Path | None, is_quick: bool) -> Result:  # noqa: FBT001
    """Return what a module of this package measures, its inputs in a folder of `at`."""
    if at is not None:
        at.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=at) as shop:
        found: Result = importlib.import_module(f"benchmarks.{module}").measure(
            Workshop(Path(shop), is_quick=is_quick)
        )
    return found


def lap(shop: Workshop, contestant: Contestant, source: Path) -> Lap:
    """Run a contestant over an input."""
    with (
        scratch(shop.folder) as folder,
        LoopbackServer(delay_ms=contestant.delay_ms) as server,
    ):
        outcome = run(contestant.command(folder, server.url), source, folder)
        return Lap(outcome, server.stop())


def count_events(shop: Workshop, contestant: Contestant, source: Path) -> int:
    """Return how many events a contestant makes of an input, by their bodies."""
    with scratch(shop.folder) as folder:
        keep = folder / "bodies"
        with LoopbackServer(keep=keep) as server:
            run(contestant.command(folder, server.url), source, folder)
        return sum(body.count(_EVENT_MARK) for body in bodies(keep))


def bodies(folder: Path) -> Iterator[bytes]:
    """Yield the bodies that a server has kept, decompressed."""
    for path in sorted(folder.glob("*.body")):
        body = path.read_bytes()
        yield gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


@dataclass(frozen=True, slots=True)
class Pace:
    """What a contestant did, in medians over the repeats; without its start-up."""

    name: str
    records: int
    per_second: float
    per_second_with_start: float
    cpu_microseconds: float
    """Of CPU for one record."""
    cores: float
    """How many cores it kept busy."""
    ratio: float
    """Of its throughput to that of the one it is compared with."""
    spread: tuple[float, float]
    """The lowest and the highest ratio of a repeat."""
    server_load: float
    """What share of one core the server had to work meanwhile."""
    requests: int
    body_bytes: int


def race(
    shop: Workshop,
    contestants: Sequence[Contestant],
    source_of: Callable[[str, int], Path],
    *,
    repeats: int,
    against: str,
) -> list[Pace]:
    """Run the contestants in turn, several times over.

    The time of a run over a single record, taken in the same repeat, is what a program
    takes to start; it is subtracted, and has a benchmark of its own.

    Args:
        shop: Where inputs are.
        contestants: Who runs.
        source_of: Makes a contestant's input of so many records.
        repeats: How often each runs.
        against: The name of the one that the others are compared with.
    """
    laps: dict[str, list[_Pair]] = {one.name: [] for one in contestants}
    [other] = [one for one in contestants if one.name == against]
    for _ in range(repeats):
        for one in contestants:
            empty = lap(shop, one, source_of(one.name, 1))
            full = lap(shop, one, source_of(one.name, one.records))
            laps[one.name].append((empty, full))
    return [
        _pace(one, laps[one.name], _speeds(other, laps[against])) for one in contestants
    ]


def _pace(one: Contestant, laps: list[_Pair], others: list[float]) -> Pace:
    speeds = _speeds(one, laps)
    ratios = [speed / other for speed, other in zip(speeds, others, strict=True)]
    full = [pair[1] for pair in laps]
    return Pace(
        name=one.name,
        records=one.records,
        per_second=statistics.median(speeds),
        per_second_with_start=statistics.median(
            one.records / each.outcome.seconds for each in full
        ),
        cpu_microseconds=1e6
        * statistics.median(
            (long.outcome.cpu_seconds - short.outcome.cpu_seconds) / (one.records - 1)
            for short, long in laps
        ),
        cores=statistics.median(
            each.outcome.cpu_seconds / each.outcome.seconds for each in full
        ),
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        server_load=statistics.median(
            each.traffic.cpu_seconds / each.outcome.seconds for each in full
        ),
        requests=full[0].traffic.requests,
        body_bytes=full[0].traffic.body_bytes,
    )


def _speeds(one: Contestant, laps: list[_Pair]) -> list[float]:
    return [
        (one.records - 1) / (full.outcome.seconds - empty.outcome.seconds)
        for empty, full in laps
    ]


def per_record(value: float, records: int) -> float:
    """Return millionths of a total for one record."""
    return 1e6 * value / records


def plain(value: Any) -> Any:
    """Return numbers of a result with as many digits as they are worth."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if abs(value) < 10_000 else round(value)
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return value
