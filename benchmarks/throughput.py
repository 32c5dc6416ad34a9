"""Records a second from standard input to a server that answers at once."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from benchmarks import contestants as who
from benchmarks.measuring import Pace, count_events, race
from benchmarks.results import Goal, Result, Row, say
from benchmarks.templates import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Workshop

_REPEATS: Final = 3


def measure(shop: Workshop) -> Result:
    """Race the target, its peers and the ceiling over both shapes of records."""
    count = shop.sized(500_000, 25_000)
    field = [
        who.ours(count),
        who.ceiling(count),
        who.ceiling(count, threads=4),
        who.plain_target(shop.sized(20_000, 3_000)),
        who.official(shop.sized(60_000, 10_000)),
    ]
    rows: list[Row] = []
    data = {}
    for shape in SHAPES:
        for one in field:  # which also loads everything for the first time
            made = count_events(shop, one, shop.input(shape, 1_000))
            if made != 1_000:
                raise AssertionError(f"{one.name} made {made} events of 1,000 records")
        paces = race(
            shop,
            field,
            functools.partial(_input, shop, shape),
            repeats=shop.sized(_REPEATS, 1),
            against=who.CEILING,
        )
        for pace in paces:
            say(f"  {shape:6} {pace.name:22} {pace.per_second:9,.0f} records/s")
        rows += _rows(shape, {pace.name: pace for pace in paces})
        data[shape] = [asdict(pace) for pace in paces]
    return Result(
        "throughput",
        f"{count:,} events of 50,000 users, usual (1.1 KB) and deep (1.7 KB, over 60 "
        f"nested values), from a file on standard input to a server on loopback. The "
        f"target has its default settings and compresses; slow peers get fewer "
        f"records. Without start-up.",
        rows,
        data,
    )


def _input(shop: Workshop, shape: str, _: str, records: int) -> Path:
    return shop.input(shape, records)


def _rows(shape: str, paces: dict[str, Pace]) -> list[Row]:
    ours = paces[who.OURS]
    return [
        Row(
            f"target, {shape}",
            ours.per_second,
            " records/s",
            note=f"{ours.cpu_microseconds:.1f} µs of CPU a record",
        ),
        *(
            Row(
                f"{name}, {shape}",
                paces[name].per_second,
                " records/s",
                note=f"{paces[name].cpu_microseconds:.1f} µs of CPU a record",
            )
            for name in (
                who.CEILING,
                who.CEILING_WITH_THREADS,
                who.PLAIN,
                who.OFFICIAL,
            )
        ),
        Row(f"target / bare loop, {shape}", ours.ratio, "", Goal("≥", 0.5)),
        Row(
            f"target / amplitude-analytics, {shape}",
            ours.ratio / paces[who.OFFICIAL].ratio,
            " times",
            Goal("≥", 6),
        ),
        Row(
            f"target / plain SDK target, {shape}",
            ours.ratio / paces[who.PLAIN].ratio,
            " times",
            Goal("≥", 12),
        ),
        Row(
            f"the server's own work, {shape}",
            100 * max(pace.server_load for pace in paces.values()),
            " % of one core",
            Goal("≤", 25),
        ),
    ]
