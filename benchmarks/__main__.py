"""Runs the benchmarks: all of them, or those that are named.

    python -m benchmarks                    all, about an hour on 2 cores
    python -m benchmarks throughput start   these two
    python -m benchmarks --quick            small inputs, about 2 minutes
    python -m benchmarks --draw             only the tables and plots again

The results go to `benchmarks/results`, the plots to `benchmarks/plots`, the tables into
`benchmarks/README.md`; those of a quick run to `output/benchmarks`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import results
from benchmarks.measuring import measure_in
from benchmarks.results import say
from benchmarks.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

_MODULES: Final = {
    "throughput": "throughput",
    "latency": "latency",
    "memory": "memory",
    "remembering": "remembering",
    "cost": "cost",
    "start": "start",
    "growth": "growth",
    "meltano": "through_meltano",
    "profile": "where_time_goes",
}
_PLOTTING: Final = Path(sys.prefix) / "plotting"
"""Packages apart: joblib, of the SDK, imports NumPy wherever it finds it."""
_README: Final = ROOT / "benchmarks" / "README.md"
_QUICK: Final = ROOT / "output" / "benchmarks"


def measure(
    names: Iterable[str], folder: Path, *, is_quick: bool, at: Path | None
) -> None:
    """Run benchmarks one after the other, and save what each finds.

    Each has a process of its own: a program that it starts would have its memory for a
    peak, and some need more than the target does.
    """
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as apart:
        for name in names:
            began = time.monotonic()
            say(f"{name}:")
            found = apart.submit(measure_in, _MODULES[name], at, is_quick).result()
            results.save(found, folder, is_quick=is_quick)
            say(f"  in {time.monotonic() - began:,.0f} s")


def show(folder: Path, plots: Path, readme: Path | None) -> None:
    """Draw the plots, and write the tables into the README or to standard output."""
    sys.path.append(str(_PLOTTING))
    from benchmarks import drawing  # noqa: PLC0415 - needs them

    found = results.load(folder)
    drawing.draw_all(found, plots)
    ordered = [found[name] for name in _MODULES if name in found]
    tables = results.document([one for one in ordered if one["benchmark"] != "profile"])
    profile = results.profile_document(found.get("profile"))
    if readme is None:
        print(tables, profile, sep="\n")
    else:
        results.write_between(readme, "results", tables)
        results.write_between(readme, "profile", profile)


def main() -> None:
    """Do what the arguments ask for."""
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
    home = _QUICK if asked.quick else ROOT / "benchmarks"
    if not asked.draw:
        names = asked.names or list(_MODULES)
        measure(names, home / "results", is_quick=asked.quick, at=asked.at)
    show(home / "results", home / "plots", None if asked.quick else _README)


if __name__ == "__main__":
    main()
