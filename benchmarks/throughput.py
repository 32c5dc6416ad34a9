"""Events a second from standard input to a server that answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import contestants as who
from benchmarks.measuring import Pace, count_events, race
from benchmarks.results import Result, Row
from benchmarks.running import Input, say
from benchmarks.templates import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Workshop

_REPEATS: Final = 3


def measure(shop: Workshop) -> Result:
    """Race the target, its peers and the ceiling over both shapes of records."""
    count = shop.sized(200_000, 20_000)
    field = [
        who.ours(count),
        who.ceiling(count),
        who.plain_target(shop.sized(15_000, 3_000)),
        who.official(shop.sized(30_000, 6_000)),
    ]
    rows: list[Row] = []
    for shape in SHAPES:

        def source(_: str, records: int, shape: str = shape) -> Path:
            return shop.input(Input(records, shape))

        for one in field:  # which also loads everything for the first time
            made = count_events(shop, one, source("", 1_000))
            if made != 1_000:
                raise AssertionError(f"{one.name} made {made} events of 1,000 records")
        paces = race(
            shop,
            field,
            source,
            repeats=shop.sized(_REPEATS, 1),
            against=who.CEILING,
        )
        rows += _rows(shape, paces, count)
    return Result(
        f"{count:,} events of 50,000 users, usual (1.1 KB) and deep (1.7 KB, over 60 "
        "nested values), from a file on standard input to a server on loopback; slow "
        "peers get fewer. Without start-up.",
        rows,
    )


def _rows(shape: str, paces: dict[str, Pace], count: int) -> list[Row]:
    for pace in paces.values():
        say(f"  {shape:6} {pace.name:20} {pace.per_second:9,.0f} events/s")
    ours = paces[who.OURS]
    return [
        *(
            Row(
                f"{pace.name}, {shape}",
                pace.per_second,
                " events/s",
                f"{pace.cpu_microseconds:.1f} µs of CPU an event",
            )
            for pace in paces.values()
        ),
        Row(
            f"target / bare loop, {shape}",
            ours.ratio,
            note="{:.2f} to {:.2f} in single turns".format(*ours.spread),
        ),
        *(
            Row(f"target / {name}, {shape}", ours.ratio / paces[name].ratio, " times")
            for name in (who.OFFICIAL, who.PLAIN)
        ),
        Row(
            f"CPU for a million events, {shape}",
            ours.cpu_microseconds,
            " s",
            f"bare loop {paces[who.CEILING].cpu_microseconds:.1f} s",
        ),
        Row(
            f"bytes sent for an event, {shape}",
            ours.body_bytes / count,
            " bytes",
            f"{count / ours.requests:,.0f} events a request",
        ),
        Row(
            f"the server's own work, {shape}",
            100 * max(pace.server_load for pace in paces.values()),
            " % of one core",
        ),
    ]
