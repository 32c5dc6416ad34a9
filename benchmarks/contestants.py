"""Who takes part: the target, and what it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import Contestant
from benchmarks.running import PYTHON, target, write_json

if TYPE_CHECKING:
    from pathlib import Path

OURS: Final = "target"
CEILING: Final = "bare loop"
PLAIN: Final = "plain SDK target"
OFFICIAL: Final = "amplitude-analytics"


def ours(
    records: int, name: str = OURS, delay_ms: int = 0, **settings: Any
) -> Contestant:
    """Return the target, with default settings but for these."""
    return Contestant(
        name,
        lambda folder, url, _: target(folder, url, **settings),
        records,
        delay_ms,
    )


def ceiling(records: int) -> Contestant:
    """Return the bare loop."""
    return Contestant(
        CEILING,
        lambda _, url, __: [PYTHON, "-m", "benchmarks.peers.bare_loop", url],
        records,
    )


def plain_target(records: int) -> Contestant:
    """Return the SDK's own way."""
    return Contestant(PLAIN, _plain_command, records)


def official(records: int) -> Contestant:
    """Return Amplitude's own client."""
    return Contestant(
        OFFICIAL,
        lambda _, url, __: [PYTHON, "-m", "benchmarks.peers.official_client", url],
        records,
    )


def _plain_command(folder: Path, url: str, _: Path) -> list[str | Path]:
    config = write_json(folder / "config.json", {"endpoint": url})
    return [PYTHON, "-m", "benchmarks.peers.plain_target", "--config", config]
