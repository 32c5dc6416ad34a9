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
    import subprocess
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
        mapper: A mapper with one mapping, which runs between tap and target.
        state: What `state_backend` says, so where Meltano keeps its bookmarks.
    """

    def __init__(
        self,
        folder: Path,
        extractor: dict[str, Any],
        settings: dict[str, Any] | None = None,
        *,
        mapper: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(folder)
        self._plugins = [extractor["name"], "target-amplitude-nami"]
        project = YAML(typ="safe").load(ROOT / "meltano.yml")
        [environment] = [e for e in project["environments"] if e["name"] == "dev"]
        [target] = environment["config"]["plugins"]["loaders"]
        target["config"] |= (settings or {}) | {"report_path": "report.json"}
        project["plugins"]["extractors"] = [extractor]
        if mapper:
            project["plugins"]["mappers"] = [mapper]
            [mapping] = mapper["mappings"]
            self._plugins.insert(1, mapping["name"])
        if state:
            project["state_backend"] = state
        # JSON is YAML.
        (self.root / "meltano.yml").write_text(json.dumps(project), "utf-8")

    def set(self, **variables: str) -> None:
        """Write the project's `.env`."""
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        (self.root / ".env").write_text("".join(lines), "utf-8")

    def run(self, *options: str, **environment: str) -> Run:
        """Run the pipeline, which must succeed.

        Args:
            options: Options of `meltano run`.
            environment: Further environment variables.
        """
        done = self.start(*options, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.result()

    def start(
        self, *options: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the pipeline, whatever comes of it."""
        return self.meltano("run", *options, *self._plugins, **environment)

    def result(self) -> Run:
        """Return what the last run has left behind."""
        return Run.of(self.root / "report.json", self.amplitude)

    def run_elsewhere(self, *options: str, **environment: str) -> Run:
        """Run it with a memory and an Amplitude of its own."""
        target = "TARGET_AMPLITUDE_NAMI_"
        places = {f"{target}LOCAL_PATH": "other.db", f"{target}MEMORY_PATH": "other"}
        done = self.start(*options, **places, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return Run.of(self.root / "report.json", Reader(self.root / "other.db"))


def plain_run(folder: Path, records: Iterable[Record]) -> Run:
    """Give records to the target as Nami sends them, without Meltano."""
    config = {"endpoint": "local", "local_path": "amplitude.db"}
    done = run_target(folder, config, messages_of(records))
    assert done.exit_code == 0, done.log
    return Run.of(folder / "report.json", Reader(folder / "amplitude.db"))
