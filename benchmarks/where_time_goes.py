"""What each microsecond of a record is spent on, by package.

A deterministic profile of the main thread. The profiler costs every call the same, so
this is known from the same run without a profiler, and is taken out again, half of it
from the function that is called and half from the one that calls.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks.results import Result, Row
from benchmarks.running import PYTHON, LoopbackServer, run, say, scratch, target

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Workshop

_PACKAGE: Final = "/target_amplitude_nami/"
_OTHERS: Final = "other modules of the package"
_REST: Final = "the SDK and other libraries"
_WAITS: Final = ("acquire", "select", "sleep", "poll")
_PLACES: Final = (
    ("lines, JSON, messages", ("singer/lines.py", "singer/message", "jsontext.py")),
    ("check against the schema, recognise", ("singer/",)),
    ("read the record", ("nami/",)),
    ("store", ("store/",)),
    ("filter, identity, freshness, mapping", ("pipeline/", "settings/")),
    ("encode and check the event", ("amplitude/checks.py", "amplitude/event.py")),
    ("ledger, outcomes", ("accounting/",)),
    ("hand over to the lanes", ("delivery/", "amplitude/", "run.py")),
)
"""In the order of a record's way; the first that fits counts."""
_LANES: Final = "other threads: compress, send, write the store"
_FUNCTIONS_SHOWN: Final = 15


def measure(shop: Workshop) -> Result:
    """Profile a run over the usual events."""
    count = shop.sized(50_000, 10_000)
    source = shop.usual("", count)
    repeats = shop.sized(2, 1)
    bare = min(
        (_took(shop, source) for _ in range(repeats)), key=lambda t: t["main_thread"]
    )
    profiled = min(
        (_took(shop, source, "--profile") for _ in range(repeats)),
        key=lambda t: t["main_thread"],
    )
    functions = _without_profiler(profiled, bare["main_thread"])
    places: Counter[str] = Counter()
    for (file, _), seconds in functions.items():
        places[_place(file)] += seconds
    main = 1e6 * bare["main_thread"] / count
    # What is left of the profiler's own time is spread evenly.
    scale = main / max(places.total(), 1e-9)
    lanes = 1e6 * (bare["everything"] - bare["main_thread"]) / count
    stages = {name: places[name] * scale for name, _ in _PLACES} | {
        _OTHERS: places[_OTHERS] * scale,
        _REST: places[_REST] * scale,
        _LANES: lanes,
    }
    for name, spent in stages.items():
        say(f"  {name:45} {spent:6.2f} µs")
    return Result(
        f"CPU for one usual record, by package; {count:,} records. The main thread's "
        "is measured with a profiler whose own cost is taken out, the lanes' as the "
        "rest of the process's.",
        [
            *(
                Row(name, spent, " µs", note=f"{100 * spent / main:.0f} % of main")
                for name, spent in stages.items()
                if name != _LANES
            ),
            Row("main thread, all in all", main, " µs"),
            Row(_LANES, lanes, " µs"),
        ],
        {
            "functions": [
                {"function": f"{_short(file)}: {name}", "us": seconds * scale}
                for (file, name), seconds in functions.most_common(_FUNCTIONS_SHOWN)
            ],
        },
    )


def _took(shop: Workshop, source: Path, *options: str) -> dict[str, Any]:
    with scratch(shop.folder) as folder, LoopbackServer() as server:
        config = target(folder, server.url)[-1]
        command = [PYTHON, "-m", "benchmarks.profiled", config, source, *options]
        run(command, source, folder)
        said = (folder / "stderr").read_text("utf-8").splitlines()[-1]
        took: dict[str, Any] = json.loads(said)
        return took


def _without_profiler(
    profiled: dict[str, Any], bare_seconds: float
) -> Counter[tuple[str, str]]:
    """Return each function's own seconds; what is built in belongs to its callers."""
    calls = sum(entry["calls"] for entry in profiled["calls"])
    half = max(0.0, profiled["main_thread"] - bare_seconds) / calls / 2
    own: Counter[tuple[str, str]] = Counter()
    for entry in profiled["calls"]:
        is_built_in = entry["file"] == "~"
        if not is_built_in:
            name = (entry["file"], entry["function"])
            own[name] += entry["seconds"] - half * entry["calls"]
        for caller in entry["callers"]:
            by = (caller["file"], caller["function"])
            own[by] -= half * caller["calls"]
            if is_built_in and not any(word in entry["function"] for word in _WAITS):
                own[by] += caller["seconds"] - half * caller["calls"]
    return Counter({name: max(0.0, seconds) for name, seconds in own.items()})


def _place(file: str) -> str:
    _, is_ours, module = file.rpartition(_PACKAGE)
    if is_ours:
        for name, modules in _PLACES:
            if module.startswith(modules):
                return name
        return _OTHERS
    return _REST


def _short(file: str) -> str:
    _, is_ours, module = file.rpartition(_PACKAGE)
    return (
        module
        if is_ours
        else file.rpartition("/site-packages/")[2].rpartition("/lib/")[2]
    )
