"""Runs the benchmarks: all of them, or those that are named.

    python -m benchmarks                    all, about half an hour on 2 processors
    python -m benchmarks throughput start   these two
    python -m benchmarks --quick            small inputs, about 3 minutes
    python -m benchmarks --draw             only the texts and plots again

The figures go to `benchmarks/results.json`, the plots to `benchmarks/plots`, the texts
into `benchmarks/README.md`; those of a quick run to `output/benchmarks` and standard
output. Where one fails, the others are measured all the same.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import readme, results
from benchmarks.measuring import measure_in
from benchmarks.results import Results, ResultsError
from benchmarks.running import ROOT, say

if TYPE_CHECKING:
    from collections.abc import Iterable

_MODULES: Final = {
    "throughput": "throughput",
    "start": "start",
    "memory": "memory",
    "store": "store",
    "lanes": "lanes",
    "meltano": "through_meltano",
    "floors": "floors",
    "partitions": "partitions",
    "sizes": "sizes",
    "profile": "where_time_goes",
}
"""What matters most comes first."""
_PLOTTING: Final = Path(sys.prefix) / "plotting"
"""Packages apart: joblib, of the SDK, imports NumPy wherever it finds it."""
_README: Final = ROOT / "benchmarks" / "README.md"
_QUICK: Final = ROOT / "output" / "benchmarks"


def measure(
    names: Iterable[str], found: Results, path: Path, at: Path | None
) -> list[str]:
    """Run benchmarks one after the other; return the names of those that failed.

    What each finds is saved at once. Each has a process of its own: a program that it
    starts would have its memory for a peak.
    """
    failed = []
    for name in names:
        began = time.monotonic()
        say(f"{name}:")
        try:
            found.parts[name] = _measure_apart(name, at, is_quick=found.origin.is_quick)
        except Exception:  # noqa: BLE001 - whatever it is, the others are measured
            traceback.print_exc()
            failed.append(name)
        else:
            found.parts = {
                key: found.parts[key] for key in _MODULES if key in found.parts
            }
            found.save(path)
        say(f"  in {time.monotonic() - began:,.0f} s")
    return failed


def _measure_apart(name: str, at: Path | None, *, is_quick: bool) -> results.Result:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        return apart.submit(measure_in, _MODULES[name], at, is_quick).result()


def show(found: Results, plots: Path, path: Path | None) -> None:
    """Write the texts into the README or to standard output, and draw the plots."""
    if path is None:
        print(*readme.parts(found).values(), sep="\n")
    else:
        readme.write(path, found)
    sys.path.append(str(_PLOTTING))
    from benchmarks import drawing  # noqa: PLC0415 - needs them

    drawing.draw_all(found, plots)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(_MODULES))
    parser.add_argument("--quick", action="store_true", help="small inputs")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument(
        "--at", type=Path, help="folder for the inputs; some GB, and a quick disk"
    )
    asked = parser.parse_args()
    unknown = set(asked.names) - _MODULES.keys()
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    """Do what the arguments ask for."""
    asked = _asked()
    home = _QUICK if asked.quick else ROOT / "benchmarks"
    path, failed = home / "results.json", []
    try:
        if asked.draw:
            found = results.load(path)
        else:
            origin = results.origin_here(is_quick=asked.quick)
            is_addition = asked.names and not asked.quick
            found = (
                results.to_be_continued(path, origin)
                if is_addition
                else Results(origin)
            )
            failed = measure(asked.names or list(_MODULES), found, path, asked.at)
    except ResultsError as error:
        sys.exit(str(error))
    show(found, home / "plots", None if asked.quick else _README)
    if failed:
        sys.exit(f"These failed, and the others are written: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
