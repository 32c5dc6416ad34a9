"""The target's throughput, as a ratio to a loop that does only what it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import contestants as who
from benchmarks.measuring import Workshop, lap

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Contestant

LEAST_RATIO = 0.1
"""A fall below shows a mistake. On a busy machine the same code was measured at 0.14 to
0.24; the aim is 0.35, which is yet to be reached."""
_RECORDS = 30_000
_REPEATS = 3


@pytest.mark.slow
def test_the_target_keeps_up_with_the_ceiling(tmp_path: Path) -> None:
    """CPU time is compared, which other work on the machine hardly changes.

    What a program takes to start is taken off, and the best of some turns counts.
    """
    shop = Workshop(tmp_path, is_quick=True)
    ours, ceiling = who.ours(_RECORDS), who.ceiling(_RECORDS)
    best = {ours.name: float("inf"), ceiling.name: float("inf")}
    start = dict(best)
    for _ in range(_REPEATS):
        for one in (ours, ceiling):
            start[one.name] = min(start[one.name], _cpu_seconds(shop, one, 1))
            best[one.name] = min(best[one.name], _cpu_seconds(shop, one, _RECORDS))
    spent = {name: best[name] - start[name] for name in best}
    ratio = spent[ceiling.name] / spent[ours.name]
    micros = {name: f"{1e6 * spent[name] / _RECORDS:.1f} µs" for name in spent}
    assert ratio >= LEAST_RATIO, f"{ratio:.2f} of the ceiling; a record takes {micros}"


def _cpu_seconds(shop: Workshop, one: Contestant, records: int) -> float:
    return lap(shop, one, shop.input("usual", records)).outcome.cpu_seconds
