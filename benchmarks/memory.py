"""The most memory that a run takes, by the length of its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.results import Result, Row
from benchmarks.running import (
    Input,
    LoopbackServer,
    records_as_made,
    run,
    say,
    scratch,
    target,
)

if TYPE_CHECKING:
    from benchmarks.measuring import Workshop

_STORES: Final = ("without memory_path", "with memory_path")


def measure(shop: Workshop) -> Result:
    """Measure a short and a long run over a million users, without and with a store."""
    lengths = (shop.sized(100_000, 5_000), shop.sized(1_000_000, 50_000))
    users = lengths[-1]
    peaks = {
        store: [_peak_mb(shop, Input(length, users=users), store) for length in lengths]
        for store in _STORES
    }
    return Result(
        f"Peak of the target's resident memory (the kernel's `VmHWM`) over records of "
        f"{users:,} users; the input comes through a pipe as it is made.",
        [
            *(
                Row(f"{length:,} records, {store}", peak, " MB")
                for store in _STORES
                for length, peak in zip(lengths, peaks[store], strict=True)
            ),
            Row("highest peak", max(max(each) for each in peaks.values()), " MB"),
            Row(
                "long input / short input, with memory_path",
                peaks[_STORES[1]][1] / peaks[_STORES[1]][0],
                " times",
            ),
        ],
    )


def _peak_mb(shop: Workshop, wanted: Input, store: str) -> float:
    with (
        scratch(shop.folder) as folder,
        LoopbackServer() as server,
        records_as_made(wanted) as source,
    ):
        settings: dict[str, Any] = (
            {"memory_path": str(folder / "memory.db")} if store == _STORES[1] else {}
        )
        outcome = run(target(folder, server.url, **settings), source, folder)
    if not outcome.peak_bytes:
        raise AssertionError("the benchmark has used more memory than the target")
    say(f"  {wanted.count:9,} records, {store:19} {outcome.peak_bytes / 1e6:6.0f} MB")
    return outcome.peak_bytes / 1e6
