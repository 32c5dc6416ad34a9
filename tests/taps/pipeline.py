"""A tap and the target, run by Meltano into a local Amplitude."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from target_amplitude_nami.local.queries.reader import Reader
from tests.support.meltano import ROOT, MeltanoProject
from tests.support.run_target import run_target
from tests.support.story import messages_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.story import Record

Sent = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run reported, and what Amplitude then held of all runs."""

    report: dict[str, Any]
    events: Sent
    """As they were sent, in the order of arrival."""
    identifies: Sent
    """What `$identify` brought, in the order of arrival."""
    repetitions: int
    """Events that Amplitude was sent again."""

    @property
    def by_id(self) -> dict[str, dict[str, Any]]:
        """The events by their insert ids."""
        return {event["insert_id"]: event for event in self.events}

    @classmethod
    def of(cls, report: Path, amplitude: Reader) -> Run:
        """Read what a run has left behind."""
        return cls(
            json.loads(report.read_text("utf-8")),
            [event.sent for event in amplitude.events()],
            [event.sent for event in amplitude.events(listed=False)],
            amplitude.summary().duplicates,
        )


class Pipeline(MeltanoProject):
    """The repository's Meltano project with another tap.

    Args:
        folder: Where the project is made.
        extractor: The tap, as `meltano.yml` has it.
        settings: Settings of the target beside `endpoint: local`.
    """

    def __init__(
        self, folder: Path, extractor: dict[str, Any], **settings: object
    ) -> None:
        super().__init__(folder)
        self._tap = extractor["name"]
        project = YAML(typ="safe").load(ROOT / "meltano.yml")
        [environment] = [e for e in project["environments"] if e["name"] == "dev"]
        [target] = environment["config"]["plugins"]["loaders"]
        target["config"] |= settings | {"report_path": "report.json"}
        project["plugins"]["extractors"] = [extractor]
        # JSON is YAML.
        (self.root / "meltano.yml").write_text(json.dumps(project), "utf-8")

    def run(self) -> Run:
        """Run the pipeline, which must succeed."""
        done = self.meltano("run", self._tap, "target-amplitude-nami")
        assert done.returncode == 0, done.stdout + done.stderr
        return Run.of(self.root / "report.json", self.amplitude)


def plain_run(folder: Path, records: Iterable[Record]) -> Run:
    """Give records to the target as Nami sends them, without Meltano."""
    config = {"endpoint": "local", "local_path": "amplitude.db"}
    done = run_target(folder, config, messages_of(records))
    assert done.exit_code == 0, done.log
    return Run.of(folder / "report.json", Reader(folder / "amplitude.db"))
