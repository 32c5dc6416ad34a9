"""Runs the target in this process, with or without a profiler, and says what it took.

python -m benchmarks.profiled config.json input.singer [--profile] 2> took.json
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import time
from typing import Any

from target_amplitude_nami.singer.target import TargetAmplitudeNami


def calls_of(profiler: cProfile.Profile) -> list[dict[str, Any]]:
    """Return each function's own time and calls, and who calls it."""
    stats: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    return [
        {
            "file": file,
            "function": function,
            "calls": calls,
            "seconds": own,
            "callers": [
                {"file": by[0], "function": by[2], "calls": edge[1], "seconds": edge[2]}
                for by, edge in callers.items()
            ],
        }
        for (file, _, function), (_, calls, own, _, callers) in stats.items()
    ]


def main() -> None:
    """Run the target over a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("source")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    target = TargetAmplitudeNami(config=asked.config)
    profiler = cProfile.Profile()
    with open(asked.source, encoding="utf-8") as source:  # noqa: PTH123
        main_thread, everything = time.thread_time(), time.process_time()
        if asked.profile:
            profiler.enable()
        target.listen(source)
        if asked.profile:
            profiler.disable()
        main_thread = time.thread_time() - main_thread
        everything = time.process_time() - everything
    took: dict[str, Any] = {"main_thread": main_thread, "everything": everything}
    took["calls"] = calls_of(profiler) if asked.profile else []
    # Standard output is for STATE.
    sys.stderr.write("\n" + json.dumps(took))


if __name__ == "__main__":
    main()
