"""Runs the target in the test's own process, with its requests in a file."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.singer.target import TargetAmplitudeNami

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.accounting.report import Report


class TargetHarness:
    """A target in this process that writes its requests to a file."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        config = {
            "dry_run": True,
            "dry_run_path": str(folder / "dry-run.jsonl"),
            "rejects_path": str(folder / "rejects.singer"),
        }
        self.target = TargetAmplitudeNami(config=config | settings)

    def take(self, messages: Iterable[bytes]) -> Report:
        """Process messages to the end."""
        lines = b"".join(messages).decode()
        self.target.process_lines(io.StringIO(lines))
        self.target.process_endofpipe()
        report: Report = self.target.report
        assert report.counts.open == 0
        return report

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The events that were sent."""
        bodies = self._lines_of("dry-run.jsonl")
        return [event for body in bodies for event in body["events"]]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        """The reasons in the rejects file."""
        messages = self._lines_of("rejects.singer")
        return [m["rejected"] for m in messages if m["type"] == "RECORD"]

    def _lines_of(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
