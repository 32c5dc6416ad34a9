"""Throughput when each answer takes its time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks import contestants as who
from benchmarks.measuring import race
from benchmarks.results import Goal, Result, Row, say

if TYPE_CHECKING:
    from benchmarks.measuring import Workshop

_DELAYS_MS = (0, 100, 500)
_LANES = (4, 16)


def measure(shop: Workshop) -> Result:
    """Race the target at several delays and numbers of lanes against itself at none."""
    count = shop.sized(300_000, 15_000)
    rows: list[Row] = []
    data = {}
    for lanes in _LANES:
        paces = race(
            shop,
            [
                who.ours(count, f"{delay} ms", delay, parallel_requests=lanes)
                for delay in _DELAYS_MS
            ],
            lambda _, records: shop.input("usual", records),
            repeats=shop.sized(3, 1),
            against="0 ms",
        )
        data[str(lanes)] = [asdict(pace) for pace in paces]
        for delay, pace in zip(_DELAYS_MS, paces, strict=True):
            say(f"  {lanes} lanes {pace.name:7} {pace.per_second:9,.0f} records/s")
            if delay:
                rows.append(
                    Row(
                        f"{delay} ms an answer, {lanes} lanes / without delay",
                        pace.ratio,
                        "",
                        Goal("≥", 0.9) if (delay, lanes) == (100, 16) else None,
                        f"{pace.per_second:,.0f} records/s",
                    )
                )
    return Result(
        "latency",
        f"{count:,} usual events to a server that waits before each answer, against "
        f"the same without a wait. One answer's wait counts as start-up; what the last "
        f"requests wait for does not.",
        rows,
        data,
    )
