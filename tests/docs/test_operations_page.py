"""docs/operations.md: its tables are complete, and what it shows runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.singer import command
from tests.support.environment import clean_environment
from tests.support.meltano import MeltanoProject

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")


def first_column(heading: str) -> list[str]:
    """Return the first column of the table whose heading begins so."""
    _, table = PAGE.split(f"| {heading} | ", 1)
    rows = table.split("\n\n", 1)[0].splitlines()[2:]
    return [row.split("|")[1].strip(" `") for row in rows]


def test_every_alert_of_the_example_is_explained() -> None:
    rules = (ROOT / "examples" / "alerts.yml").read_text("utf-8")
    assert first_column("alert") == re.findall(r"- alert: (\w+)", rules)


def test_every_exit_code_is_explained() -> None:
    stopped = f"{128 + signal.SIGINT}, {128 + signal.SIGTERM}"
    codes = ["0", str(command._FAILED), str(command._TOO_MANY_REJECTS), stopped]
    assert first_column("exit code") == codes


def test_every_file_that_it_names_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).exists(), link


def test_whoever_stops_a_run_waits_for_longer_than_it_takes() -> None:
    grace = Settings.__dataclass_fields__["shutdown_grace"].default
    assert isinstance(grace, int)
    assert f"within `shutdown_grace` ({grace} seconds)" in PAGE
    rows = re.findall(r"(?m)^\| .*\| (\d+) seconds \| (.*) \|$", PAGE)
    assert len(rows) == 4
    for seconds, advice in rows:
        longer = [int(figure) for figure in re.findall(r"\d+", advice)]
        assert max([int(seconds), *longer]) > grace + 2


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.skipif(not Path("/usr/bin/time").exists(), reason="time is not here")
def test_the_commands_that_measured_run(tmp_path: Path) -> None:
    [script] = re.findall(r"```sh\n(.*?)```", section("Sizing"), re.DOTALL)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=clean_environment({"PATH": path, "PYTHONPATH": str(ROOT)}),
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    [kilobytes] = re.findall(r"(?m)^(\d+) KB at the peak$", done.stderr)
    assert 30_000 < int(kilobytes) < 200_000
    assert "2,000 delivered" in done.stderr


@pytest.mark.slow
def test_one_command_runs_the_apps_each_into_its_own_project(tmp_path: Path) -> None:
    [fragment] = re.findall(r"```yaml\n(.*?)```", section("Several apps"), re.DOTALL)
    [command] = re.findall(r"```sh\nmeltano (.*)\n```", section("Several apps"))
    yaml = YAML(typ="safe")
    whole, more = yaml.load(ROOT / "meltano.yml"), yaml.load(fragment)
    for kind, plugins in more["plugins"].items():
        whole["plugins"][kind] += plugins
    project = MeltanoProject(tmp_path)
    (project.root / "meltano.yml").write_text(
        json.dumps(whole | {"jobs": more["jobs"]})
    )
    shutil.copytree(ROOT / "examples", project.root / "examples")
    variables = {}
    for app, week in (("radio", "06-01"), ("news", "06-08")):
        folder = project.root / "data" / app
        folder.mkdir(parents=True)
        shutil.copy(ROOT / f"examples/data/webhooks-2026-{week}.jsonl.gz", folder)
        own = f"AMPLITUDE_{app.upper()}"
        variables[f"{own}_API_KEY"] = f"{len(app):032}"
        variables[f"{own}_ENDPOINT"] = "local"
        variables[f"{own}_LOCAL_PATH"] = f"output/{app}/amplitude.db"
    done = project.meltano(*command.split(), **variables)
    assert done.returncode == 0, done.stderr
    assert not any(key in done.stderr for key in variables.values() if len(key) == 32)
    for app in ("radio", "news"):
        output = project.root / "output" / app
        report = json.loads((output / "report.json").read_text("utf-8"))
        assert report["integration"] == app
        held = Reader(output / "amplitude.db").summary()
        assert sum(held.events.values()) > 100
        assert (output / "memory.db").exists()
