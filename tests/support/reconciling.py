"""A folder with runs of the target, and `amplitude-nami reconcile` beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.faults import Faults
from tests.support import nami
from tests.support.run_command import CommandRun, run_command
from tests.support.run_target import API_KEY
from tests.support.story import messages_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import RunHarness

SECRET = "fedcba9876543210fedcba9876543210"
RECORDS = [
    *(nami.impression(number) for number in range(1, 6)),
    *(nami.subscription(number) for number in range(11, 14)),
]


class Reconciled:
    """A folder with runs of the target, and the command beside them."""

    def __init__(self, harness: RunHarness) -> None:
        self.harness = harness
        self.folder = harness.folder
        (self.folder / "input.singer").write_bytes(b"".join(messages_of(RECORDS)))

    def deliver(self, **do: Any) -> None:
        """Run the target, under a fault that strikes the first request."""
        faults = [{"do": do, "times": 1}] if do else []
        self.harness.local.set_faults(Faults.from_json({"faults": faults}))
        self.harness.run(RECORDS)
        self.harness.local.set_faults(Faults())

    def ask(self, *arguments: str | Path, **settings: Any) -> CommandRun:
        """Run the command; a setting that is None is left out."""
        usual = {
            "api_key": API_KEY,
            "secret_key": SECRET,
            "endpoint": self.harness.local.endpoint("http_v2"),
            "memory_path": "memory.db",
        }
        config = {k: v for k, v in (usual | settings).items() if v is not None}
        found = run_command(self.folder, "reconcile", *arguments, config=config)
        for text in (found.stdout, found.stderr):
            assert SECRET not in text
            assert API_KEY not in text
            assert "Traceback" not in text
        return found

    def result(self, *arguments: str | Path, **settings: Any) -> Any:
        return self.ask("--json", *arguments, **settings).json
