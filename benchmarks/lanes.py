"""Throughput when each answer takes its time, by the number of lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import contestants as who
from benchmarks.measuring import race
from benchmarks.results import Result, Row
from benchmarks.running import say

if TYPE_CHECKING:
    from benchmarks.measuring import Workshop

_DELAYS_MS: Final = (0, 100, 500)
_LANES: Final = (4, 16)


def measure(shop: Workshop) -> Result:
    """Race the target at several delays and numbers of lanes against itself at none."""
    count = shop.sized(100_000, 15_000)
    rows: list[Row] = []
    curves: dict[str, list[float]] = {}
    for lanes in _LANES:
        paces = race(
            shop,
            [
                who.ours(count, f"{delay} ms", delay, parallel_requests=lanes)
                for delay in _DELAYS_MS
            ],
            shop.usual,
            repeats=shop.sized(3, 1),
            against="0 ms",
        )
        curves[str(lanes)] = [pace.per_second for pace in paces.values()]
        for name, pace in paces.items():
            say(f"  {lanes} lanes {name:7} {pace.per_second:9,.0f} events/s")
            if name != "0 ms":
                rows.append(
                    Row(
                        f"{lanes} lanes, {name} an answer / no delay",
                        pace.ratio,
                        note=f"{pace.per_second:,.0f} events/s",
                    )
                )
    return Result(
        f"{count:,} usual events to a server that waits before each answer, against "
        "the same without a wait. One answer's wait counts as start-up; what the last "
        "requests wait for does not.",
        rows,
        {"delays_ms": _DELAYS_MS, "events_per_second": curves},
    )
