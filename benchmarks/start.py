"""What starting takes: until the first request of a small input, and the imports."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import contestants as who
from benchmarks.results import Result, Row
from benchmarks.running import PYTHON, LoopbackServer, run, say, scratch

if TYPE_CHECKING:
    from benchmarks.measuring import Contestant, Workshop

_RECORDS: Final = 10
_SDK: Final = (
    "import singer_sdk, singer_sdk.sinks, singer_sdk.target_base, singer_sdk.typing"
)
_IMPORTS: Final = {
    "python": "pass",
    "SDK": _SDK,
    "target": "import target_amplitude_nami.singer.target",
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """How long something took to begin."""

    seconds: float
    cpu_seconds: float


def measure(shop: Workshop) -> Result:
    """Start programs many times in turn, and take the medians."""
    field = (who.ours(_RECORDS), who.plain_target(_RECORDS))
    times: dict[str, list[Beginning]] = {}
    for _ in range(shop.sized(15, 3)):
        for one in field:
            times.setdefault(one.name, []).append(until_first_request(shop, one))
        for name, code in _IMPORTS.items():
            times.setdefault(f"import {name}", []).append(_import(shop, code))
    middle = {
        name: Beginning(
            statistics.median(one.seconds for one in all_of_it),
            statistics.median(one.cpu_seconds for one in all_of_it),
        )
        for name, all_of_it in times.items()
    }
    for name, begun in middle.items():
        say(f"  {name:20} {begun.seconds:6.3f} s, {begun.cpu_seconds:6.3f} s of CPU")
    ours = middle[who.OURS]
    return Result(
        f"From the start of the process to its first request, over {_RECORDS} records; "
        "and imports alone, with the interpreter's own start.",
        [
            Row(
                "start to first request, CPU",
                ours.cpu_seconds,
                " s",
                f"plain SDK target {middle[who.PLAIN].cpu_seconds:.2f} s",
            ),
            Row("start to first request, wall", ours.seconds, " s"),
            *(
                Row(
                    f"import of {name}, CPU", middle[f"import {name}"].cpu_seconds, " s"
                )
                for name in ("SDK", "target")
            ),
        ],
    )


def until_first_request(shop: Workshop, one: Contestant) -> Beginning:
    """Start a program over a small input, and see how long its first request takes."""
    source = shop.usual(one.name, _RECORDS)
    begun: list[Beginning] = []
    with scratch(shop.folder) as folder, LoopbackServer(delay_ms=50) as server:
        start = time.perf_counter()

        def wait(pid: int) -> None:
            server.wait_for_first_request()
            begun.append(Beginning(time.perf_counter() - start, _cpu_seconds(pid)))

        command = one.command(folder, server.url, source)
        run(command, source, folder, while_running=wait)
    return begun[0]


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process until now."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(
        int((thread / "schedstat").read_text("ascii").split()[0]) / 1e9
        for thread in threads
    )


def _import(shop: Workshop, code: str) -> Beginning:
    # What tidying up takes at the end is no part of starting.
    whole = f"import os\n{code}\nos._exit(0)"
    with scratch(shop.folder) as folder:
        outcome = run([PYTHON, "-c", whole], Path("/dev/null"), folder)
    return Beginning(outcome.seconds, outcome.cpu_seconds)
