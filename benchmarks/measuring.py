"""Contestants side by side: interleaved repeats, medians, ratios within a repeat."""

from __future__ import annotations

import gzip
import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias

from benchmarks.running import (
    Input,
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

    MakeCommand = Callable[[Path, str, Path], Sequence[str | Path]]

_EVENT_MARK: Final = b'"insert_id"'


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that sends the input's events to the server."""

    name: str
    command: MakeCommand
    """Makes its command from a folder for its files, the server's address, and the
    input, which is also its standard input."""
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

    def input(self, wanted: Input) -> Path:
        """Return a file of messages; see `benchmarks.records.messages`."""
        path = self.folder / wanted.name
        if not path.exists():
            with path.open("wb") as file:
                make_records(wanted, file)
        return path

    def usual(self, _: str, records: int) -> Path:
        """Return a file of usual messages, the same for each contestant."""
        return self.input(Input(records))


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
        outcome = run(contestant.command(folder, server.url, source), source, folder)
        return Lap(outcome, server.stop())


def count_events(shop: Workshop, contestant: Contestant, source: Path) -> int:
    """Return how many events a contestant makes of an input, by their bodies."""
    with scratch(shop.folder) as folder:
        keep = folder / "bodies"
        with LoopbackServer(keep=keep) as server:
            run(contestant.command(folder, server.url, source), source, folder)
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
    per_second: float
    cpu_microseconds: float
    """Of CPU for one record."""
    ratio: float
    """Of its throughput to that of the one it is compared with."""
    cpu_ratio: float
    """The same by CPU for a record: 2 where it takes half as much."""
    spread: tuple[float, float]
    """The lowest and the highest ratio of a repeat."""
    server_load: float
    """What share of one core the server had to work meanwhile."""
    peak_mb: float
    requests: int
    body_bytes: int


def race(
    shop: Workshop,
    contestants: Sequence[Contestant],
    source_of: Callable[[str, int], Path],
    *,
    repeats: int,
    against: str,
) -> dict[str, Pace]:
    """Run the contestants in turn, several times over; return their paces by name.

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
    return {one.name: _pace(one, laps, other) for one in contestants}


def _pace(one: Contestant, laps: dict[str, list[_Pair]], other: Contestant) -> Pace:
    speeds, costs = _speeds(one, laps), _cpu_costs(one, laps)
    ratios = _quotients(speeds, _speeds(other, laps))
    full = [pair[1] for pair in laps[one.name]]
    return Pace(
        name=one.name,
        per_second=median(speeds),
        cpu_microseconds=1e6 * median(costs),
        ratio=median(ratios),
        cpu_ratio=median(_quotients(_cpu_costs(other, laps), costs)),
        spread=(min(ratios), max(ratios)),
        server_load=median(
            each.traffic.cpu_seconds / each.outcome.seconds for each in full
        ),
        peak_mb=max(each.outcome.peak_bytes for each in full) / 1e6,
        requests=full[0].traffic.requests,
        body_bytes=full[0].traffic.body_bytes,
    )


def _speeds(one: Contestant, laps: dict[str, list[_Pair]]) -> list[float]:
    return [
        (one.records - 1) / (full.outcome.seconds - empty.outcome.seconds)
        for empty, full in laps[one.name]
    ]


def _cpu_costs(one: Contestant, laps: dict[str, list[_Pair]]) -> list[float]:
    return [
        (full.outcome.cpu_seconds - empty.outcome.cpu_seconds) / (one.records - 1)
        for empty, full in laps[one.name]
    ]


def _quotients(dividends: list[float], divisors: list[float]) -> list[float]:
    return [a / b for a, b in zip(dividends, divisors, strict=True)]
