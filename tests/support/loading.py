"""`amplitude-nami load` as real processes, and what it left behind."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.faults import Do, Fault, Faults
from tests.support import nami
from tests.support.environment import clean_environment
from tests.support.run_command import COMMAND, CommandRun, run_command
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.server import LocalAmplitude

PATIENCE_SECONDS = 60
KEY = {"api_key": API_KEY}
SLOW = Faults((Fault(do=Do(delay=0.1)),))


def load(
    folder: Path, url: str, *arguments: str | Path, workers: int = 2, **settings: Any
) -> CommandRun:
    """Load files with these settings; the report is printed as JSON."""
    config = KEY | {"endpoint": url} | settings
    return run_command(
        folder, "load", "--workers", str(workers), "--json", *arguments, config=config
    )


@contextmanager
def loading(
    folder: Path, url: str, *arguments: str, **settings: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run a load until the end of the block."""
    config = KEY | {"endpoint": url, "batch_size_rows": 50} | settings
    (folder / "config.json").write_text(json.dumps(config))
    with subprocess.Popen(
        [COMMAND, "load", "--config", "config.json", "--workers", "2", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def impressions(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [nami.impression(start + n) for n in range(count)]


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["id"] for record in records}


def arrived(local: LocalAmplitude) -> Counter[str]:
    return Counter(event.sent["insert_id"] for event in local.events())


def copies(local: LocalAmplitude) -> int:
    """Return how many events the local Amplitude has dropped as copies."""
    return sum(request.duplicates for request in local.requests())


def wait_for(is_so: Any) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def state_of(folder: Path) -> dict[str, Any]:
    path = folder / "output" / "load-state.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def finished_groups(folder: Path) -> int:
    path = folder / "output" / "load-state.json"
    if not path.exists():
        return 0
    files = state_of(folder)["files"].values()
    return sum(last - first + 1 for f in files for first, last in f["finished"])


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []  # it has ended
    return [int(word) for word in children.split()]
