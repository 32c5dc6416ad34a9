"""Throughput over the size of records, and over the number of lanes."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks import contestants as who
from benchmarks.measuring import race
from benchmarks.results import Result, Row, say

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Workshop

_SIZES = (300, 600, 1_100, 1_700, 5_000, 20_000)
_LANES = (1, 2, 4, 8, 16, 32)
_SOME_LANES = (1, 4, 16)
_DELAYS_MS = (0, 100)


def measure(shop: Workshop) -> Result:
    """Measure both curves."""
    sizes, lanes = _over_sizes(shop), _over_lanes(shop)
    rows = [
        Row(
            f"{size / 1000:g} KB a record: target / bare loop",
            paces[0]["ratio"],
            note=f"{paces[0]['per_second']:,.0f} and "
            f"{paces[1]['per_second']:,.0f} records/s",
        )
        for size, paces in sizes.items()
    ]
    rows += [
        Row(
            f"{pace['name']}, {delay} ms an answer / 4 lanes",
            pace["ratio"],
            note=f"{pace['per_second']:,.0f} records/s",
        )
        for delay, paces in lanes.items()
        for pace in paces
    ]
    return Result(
        "growth",
        "Impressions with more and more properties, about 110 MB of each size; usual "
        "events with more and more lanes (`parallel_requests`).",
        rows,
        {"sizes": sizes, "lanes": lanes},
    )


def _over_sizes(shop: Workshop) -> dict[int, list[dict[str, Any]]]:
    curve = {}
    for size in _SIZES:
        count = shop.sized(110_000_000, 20_000_000) // max(size, 600)
        paces = race(
            shop,
            [who.ours(count), who.ceiling(count)],
            functools.partial(_input, shop, size),
            repeats=shop.sized(3, 1),
            against=who.CEILING,
        )
        say(f"  {size:6} bytes {paces[0].per_second:9,.0f} records/s")
        curve[size] = [asdict(pace) for pace in paces]
    return curve


def _input(shop: Workshop, size: int, _: str, records: int) -> Path:
    return shop.input(str(size), records)


def _over_lanes(shop: Workshop) -> dict[int, list[dict[str, Any]]]:
    count = shop.sized(150_000, 10_000)
    curve = {}
    for delay in _DELAYS_MS:
        paces = race(
            shop,
            [
                who.ours(count, f"{lanes} lanes", delay, parallel_requests=lanes)
                for lanes in (_SOME_LANES if shop.is_quick else _LANES)
            ],
            lambda _, records: shop.input("usual", records),
            repeats=shop.sized(2, 1),
            against="4 lanes",
        )
        for pace in paces:
            say(f"  {delay:3} ms {pace.name:9} {pace.per_second:9,.0f} records/s")
        curve[delay] = [asdict(pace) for pace in paces]
    return curve
