"""Floors for speed: a later commit must reach 0.8 of what was measured.

    make floors

Short runs of the contestants of the other benchmarks, three times in turn; the median
counts. Most ratios are of CPU time, which other work on a machine hardly changes.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks import contestants as who
from benchmarks import through_meltano
from benchmarks.measuring import Pace, measure_in, race
from benchmarks.results import Result, ResultsError, Row, load, machine_here
from benchmarks.running import ROOT, say
from benchmarks.start import until_first_request

if TYPE_CHECKING:
    from benchmarks.measuring import Workshop
    from benchmarks.results import Results

PART: Final = "floors"
SHARE: Final = 0.8
"""A floor is this share of the figure that was reached."""
SHARE_ELSEWHERE: Final = 0.6
"""Where the processor is another one: it has other ratios."""

_REPEATS: Final = 3
_WITH_STORE, _SHORT_WITH_STORE = "memory_path", "memory_path, short input"
_FILES: Final = "BATCH, plain"
_WAITING, _AT_ONCE = "100 ms", "0 ms"
_CLOSER: Final = {
    f"{who.OURS} / {who.CEILING}, CPU": "throughput profile",
    f"{who.OURS} / {who.OFFICIAL}, CPU": "throughput profile",
    f"{who.OURS} / {who.PLAIN}, CPU": "throughput profile",
    "BATCH / stdin, CPU": "meltano",
    "with memory_path / without, CPU": "store",
    "short input / long input, peak of memory": "memory",
    "16 lanes, 100 ms an answer / no delay": "lanes",
    "start of a plain SDK target / of the target, CPU": "start",
}
"""The figures, of which larger is better, and the benchmarks that show more."""


def measure(shop: Workshop) -> Result:
    """Measure each figure in short runs."""
    repeats = shop.sized(_REPEATS, 1)
    figures = [*_ratios(shop, repeats), _lanes(shop, repeats), _start(shop, repeats)]
    for name, figure in zip(_CLOSER, figures, strict=True):
        say(f"  {name:50} {figure:6.3f}")
    return Result(
        f"What `make floors` measures: short runs, the median of {repeats}. A later "
        f"commit must reach {SHARE} of it.",
        [Row(name, figure) for name, figure in zip(_CLOSER, figures, strict=True)],
    )


def _ratios(shop: Workshop, repeats: int) -> list[float]:
    count = shop.sized(30_000, 3_000)
    paces = race(
        shop,
        [
            who.ours(count),
            who.ceiling(count),
            who.official(count // 4),
            who.plain_target(count // 8),
            who.ours(count, _FILES),
            who.ours(count, _WITH_STORE, memory_path="memory.db"),
            who.ours(count // 5, _SHORT_WITH_STORE, memory_path="memory.db"),
        ],
        lambda name, records: through_meltano.source_of(shop, name, records),
        repeats=repeats,
        against=who.OURS,
    )
    return [
        1 / paces[who.CEILING].cpu_ratio,
        1 / paces[who.OFFICIAL].cpu_ratio,
        1 / paces[who.PLAIN].cpu_ratio,
        paces[_FILES].cpu_ratio,
        paces[_WITH_STORE].cpu_ratio,
        paces[_SHORT_WITH_STORE].peak_mb / paces[_WITH_STORE].peak_mb,
    ]


def _lanes(shop: Workshop, repeats: int) -> float:
    count = shop.sized(60_000, 6_000)
    paces: dict[str, Pace] = race(
        shop,
        [
            who.ours(count, name, delay_ms, parallel_requests=16)
            for name, delay_ms in ((_AT_ONCE, 0), (_WAITING, 100))
        ],
        shop.usual,
        repeats=repeats,
        against=_AT_ONCE,
    )
    return paces[_WAITING].ratio


def _start(shop: Workshop, repeats: int) -> float:
    ours, plain = who.ours(1), who.plain_target(1)
    return median(
        until_first_request(shop, plain).cpu_seconds
        / until_first_request(shop, ours).cpu_seconds
        for _ in range(repeats)
    )


def verdicts(
    reached: Results, found: Result, share: float = SHARE
) -> tuple[list[str], bool]:
    """Return a line for each figure, and whether none is below its floor.

    Args:
        reached: What was measured before.
        found: What was measured now.
        share: How much of the former the latter must reach.

    Raises:
        ResultsError: When there is no figure to compare one with.
    """
    lines, is_all_well = [], True
    for row in found.rows:
        figure = reached.figure(PART, row.what)
        if figure is None:
            raise ResultsError(f"no figure of '{row.what}' was kept: make benchmarks")
        floor = share * figure
        line = f"{row.what}: {row.figure:.3g}, the floor is {floor:.3g}"
        if row.figure < floor:
            is_all_well = False
            line = (
                f"TOO SLOW  {line}, as {figure:.3g} was reached at "
                f"{reached.origin.commit}. Look closer: make benchmarks "
                f"BENCHMARKS='{_CLOSER[row.what]} --quick'"
            )
        else:
            line = f"ok        {line}"
        lines.append(line)
    return lines, is_all_well


def main() -> int:
    """Measure, compare, and say what came of it; measure once more before it fails."""
    try:
        reached = load(ROOT / "benchmarks" / "results.json")
        is_same = machine_here()["cpu"] == reached.origin.machine["cpu"]
        share = SHARE if is_same else SHARE_ELSEWHERE
        for _ in range(2):
            found = measure_in("floors", None, False)  # noqa: FBT003
            lines, is_all_well = verdicts(reached, found, share)
            print("\n".join(lines))
            if is_all_well:
                break
    except ResultsError as error:
        sys.exit(str(error))
    return 0 if is_all_well else 1


if __name__ == "__main__":
    sys.exit(main())
