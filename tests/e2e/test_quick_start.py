"""The quick start through a real Meltano, in a fresh folder with an empty home."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.examples.expected import SAMPLE, expect, read_records
from tests.support import nami
from tests.support.meltano import ROOT, MeltanoProject

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text("utf-8")
SPEED = re.compile(r"in [\d.,]+ s \([\d,]+ events/s\)")
STATE_ID = "dev:tap-nami-to-target-amplitude-nami"


class Project(MeltanoProject):
    """A copy of what the quick start needs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        shutil.copy(ROOT / "meltano.yml", self.root)
        shutil.copytree(SAMPLE.parent, self.root / "examples")

    def run(self, *options: str, **environment: str) -> str:
        """Run the pipeline, which must succeed; return what it says."""
        done = self.meltano(
            *options, "run", "tap-nami", "target-amplitude-nami", **environment
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        return output

    def configure(self, **settings: object) -> None:
        """Put settings beside `endpoint: local` in the environment `dev`."""
        path = self.root / "meltano.yml"
        text = path.read_text("utf-8")
        before = "              endpoint: local\n"
        assert text.count(before) == 1
        lines = [
            f"{' ' * 14}{name}: {json.dumps(value)}\n"
            for name, value in settings.items()
        ]
        path.write_text(text.replace(before, before + "".join(lines)), "utf-8")

    def archive(self, *records: object) -> None:
        """Have the tap read these records and nothing else."""
        folder = self.root / "examples" / "data"
        shutil.rmtree(folder)
        folder.mkdir()
        text = "".join(json.dumps(record) + "\n" for record in records)
        (folder / "webhooks.jsonl").write_text(text, "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def words_of_target(output: str) -> list[str]:
    """Return the target's messages as a person reads them in Meltano's log."""
    lines = (line.partition("] target-amplitude-nami ") for line in output.splitlines())
    return [message.strip() for _, found, message in lines if found]


def figures_of_readme() -> list[str]:
    """Return the lines of the run that the README shows, each as far as it does."""
    _, _, section = README.partition("## Quick start\n")
    _, _, block = section.partition("```text\n")
    lines = block.partition("```")[0].splitlines()
    return [shown for line in lines if (shown := line.partition("…")[0].strip())]


def test_the_quick_start_delivers_the_sample_and_the_second_run_nothing(
    project: Project,
) -> None:
    expected = expect(read_records())
    words = words_of_target(project.run())
    assert project.arrived.events == expected.delivered
    assert project.arrived.identifies == expected.identified.total()

    table = [line.replace(",", "").split() for line in words]
    assert ["read", "delivered", "filtered", "rejected", "held", "duplicate"] in table
    rows = {row[0]: row[1:] for row in table if len(row) == 7}
    delivered = {name: int(rows[name][1]) for name in expected.delivered}
    assert delivered == expected.delivered
    assert any("`meltano invoke target-amplitude-nami:local`" in line for line in words)

    said = "\n".join(SPEED.sub("soon", line) for line in words)
    shown = [SPEED.sub("soon", line) for line in figures_of_readme()]
    assert [line for line in shown if line not in said] == []

    kept = json.loads(project.meltano("state", "get", STATE_ID).stdout)
    assert set(kept["singer_state"]["bookmarks"]) == {"events", "users"}

    before = project.arrived
    words = words_of_target(project.run())
    assert project.arrived == before
    assert any(line.startswith("0 records read") for line in words)


@pytest.mark.slow
def test_new_names_for_events_survive_meltano_as_a_list(project: Project) -> None:
    project.archive(nami.subscription(1), nami.impression(2))
    names = [{"event": "user.subscription.renewed", "name": "Renewed"}]
    project.run(TARGET_AMPLITUDE_NAMI_EVENT_NAMES=json.dumps(names))
    assert project.arrived.events == {"Renewed": 1, "device.impression": 1}


def test_new_names_for_events_survive_meltano_as_an_object(project: Project) -> None:
    project.archive(nami.subscription(1), nami.impression(2))
    project.configure(event_names={"user.subscription.renewed": "Renewed"})
    project.run()
    assert project.arrived.events == {"Renewed": 1, "device.impression": 1}


@pytest.mark.slow
def test_production_without_a_key_says_how_to_give_it(project: Project) -> None:
    project.archive(nami.subscription(1))
    done = project.meltano(
        "--environment", "prod", "run", "tap-nami", "target-amplitude-nami"
    )
    assert done.returncode == 1
    words = words_of_target(done.stdout + done.stderr)
    [message] = [line for line in words if line.startswith("api_key is missing")]
    assert "TARGET_AMPLITUDE_NAMI_API_KEY" in message
    assert not (project.root / "output").exists()
