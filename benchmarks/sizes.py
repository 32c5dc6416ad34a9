"""Throughput over the size of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import contestants as who
from benchmarks.measuring import race
from benchmarks.results import Result, Row
from benchmarks.running import Input, say

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Workshop

_SIZES: Final = (300, 1_100, 5_000, 20_000)


def measure(shop: Workshop) -> Result:
    """Race the target and the bare loop over impressions of each size."""
    megabytes = shop.sized(60, 10)
    rows = []
    curves: dict[str, list[float]] = {who.OURS: [], who.CEILING: []}
    for size in _SIZES:
        count = min(1_000_000 * megabytes // size, 1_000 * megabytes)

        def source(_: str, records: int, size: int = size) -> Path:
            return shop.input(Input(records, str(size)))

        paces = race(
            shop,
            [who.ours(count), who.ceiling(count)],
            source,
            repeats=shop.sized(3, 1),
            against=who.CEILING,
        )
        for name, pace in paces.items():
            say(f"  {size:6} bytes {name:10} {pace.per_second:9,.0f} events/s")
            curves[name].append(pace.per_second)
        rows.append(
            Row(
                f"{size / 1000:g} KB a record",
                paces[who.OURS].per_second,
                " events/s",
                f"{paces[who.OURS].ratio:.2f} of the bare loop",
            )
        )
    return Result(
        "Impressions with more and more properties. Without start-up.",
        rows,
        {"bytes": _SIZES, "events_per_second": curves},
    )
