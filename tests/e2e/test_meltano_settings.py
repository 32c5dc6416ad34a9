"""Variables of settings through a real Meltano, whatever the loader declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import nami

PREFIX = "TARGET_AMPLITUDE_NAMI_"
DELIVERED = "1 record read: 1 delivered"

TAP = """\
#!/bin/sh
test "$1" = --config && cat input.singer
"""


class Project:
    """A project with one tap, which has one event, and the loaders of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        messages = [
            {"type": "SCHEMA", "stream": "events", "schema": {}, "key_properties": []},
            {"type": "RECORD", "stream": "events", "record": nami.impression(1)},
        ]
        lines = [json.dumps(message) + "\n" for message in messages]
        (folder / "input.singer").write_text("".join(lines))
        (folder / "tap").write_text(TAP)
        (folder / "tap").chmod(0o755)
        (folder / "home").mkdir()

    def run(
        self, loaders: list[dict[str, Any]], loader: str, **variables: str
    ) -> tuple[int, list[str]]:
        """Run the pipeline; return its exit code and the lines of the loader's log."""
        tap = {"name": "tap-nami", "namespace": "tap_nami", "executable": "./tap"}
        project = {
            "requires_meltano": ">=4.0",
            "project_id": "5b0f7c1e-6a0d-4c39-9c7a-2f4f0a3d8e61",
            "send_anonymous_usage_stats": False,
            "default_environment": "dev",
            "environments": [{"name": "dev"}],
            "plugins": {"extractors": [tap], "loaders": loaders},
        }
        (self.folder / "meltano.yml").write_text(json.dumps(project))  # YAML as well
        path = os.pathsep.join([f"{sys.prefix}/bin", os.defpath])
        home = str(self.folder / "home")
        done = subprocess.run(
            [Path(sys.prefix) / "bin" / "meltano", "run", "tap-nami", loader],
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={"HOME": home, "PATH": path, "NO_COLOR": "1", **variables},
            text=True,
            timeout=110,
        )
        lines = (done.stdout + done.stderr).splitlines()
        return done.returncode, [line for line in lines if f"] {loader} " in line]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def loader(*settings: dict[str, Any], **config: Any) -> dict[str, Any]:
    """Return a loader that declares these settings, and those of its configuration."""
    return {
        "name": "target-amplitude-nami",
        "namespace": "target_amplitude_nami",
        "executable": str(Path(sys.prefix) / "bin" / "target-amplitude-nami"),
        "settings": list(settings),
        "config": {"endpoint": "local"} | config,
    }


DECLARED: list[dict[str, Any]] = [
    {"name": "dry_run", "kind": "boolean"},
    {"name": "enabled", "kind": "boolean", "value": True},
    {"name": "endpoint"},
    {"name": "region", "value": "us"},
    {"name": "events"},
    {"name": "batch_size_rows", "kind": "integer"},
]


def problems_in(lines: list[str]) -> list[str]:
    return [line for line in lines if PREFIX in line]


def test_a_dry_run_that_the_loader_does_not_declare_does_not_deliver(
    project: Project,
) -> None:
    variables = {f"{PREFIX}DRY_RUN": "true", f"{PREFIX}REGION": "eu"}
    exit_code, lines = project.run([loader()], "target-amplitude-nami", **variables)
    assert exit_code == 1
    [warning, problem] = sorted(problems_in(lines), key=lambda line: "DRY_RUN" in line)
    assert "declare `region` under `settings`" in warning
    assert "declare `dry_run` with `kind: boolean`" in problem
    assert not (project.folder / "output").exists()


def test_nothing_is_said_of_settings_that_the_loader_declares(
    project: Project,
) -> None:
    variables = {
        f"{PREFIX}DRY_RUN": "0",
        f"{PREFIX}ENABLED": "yes",
        f"{PREFIX}BATCH_SIZE_ROWS": "7",
        f"{PREFIX}ENDPOINT": "local",
    }
    event_names = {"device.impression": "Paywall"}
    config = {
        "events": ["device.*", "user.*"],
        "event_names": event_names,
        "stream_maps": {"events": {"city": "'Graz'"}},
        "start_date": "2001-01-31",
    }
    loaders = [loader(*DECLARED, **config)]
    exit_code, lines = project.run(loaders, "target-amplitude-nami", **variables)
    assert exit_code == 0, lines
    assert problems_in(lines) == []
    assert any(DELIVERED in line for line in lines)


def test_a_dry_run_that_the_loader_declares_is_one(project: Project) -> None:
    parent = loader(*DECLARED, endpoint=None)
    exit_code, lines = project.run(
        [parent], "target-amplitude-nami", **{f"{PREFIX}DRY_RUN": "true"}
    )
    assert exit_code == 0, lines
    assert problems_in(lines) == []
    assert (project.folder / "output" / "dry-run.jsonl").exists()


CHILDREN = ["target-amplitude-nami-sandbox", "target-amplitude-nami--sandbox", "nami"]


@pytest.mark.parametrize("name", CHILDREN)
def test_what_a_loader_sets_otherwise_than_its_parent_is_no_alarm(
    project: Project, name: str
) -> None:
    child = {
        "name": name,
        "inherit_from": "target-amplitude-nami",
        "config": {"region": "eu", "dry_run": False, "api_key": "5550123"},
    }
    variables = {
        f"{PREFIX}DRY_RUN": "true",
        f"{PREFIX}REGION": "us",
        f"{PREFIX}API_KEY": "0123456789",
    }
    parent = loader(*DECLARED, {"name": "api_key"})
    exit_code, lines = project.run([parent, child], name, **variables)
    assert exit_code == 0, lines
    assert problems_in(lines) == []
    assert any(DELIVERED in line for line in lines)


def test_a_loader_that_inherits_does_not_deliver_when_it_should_not(
    project: Project,
) -> None:
    name = "target-amplitude-nami--sandbox"
    child = {"name": name, "inherit_from": "target-amplitude-nami"}
    variables = {f"{PREFIX}_SANDBOX_DRY_RUN": "true", f"{PREFIX}ENABLED": "false"}
    parent = loader({"name": "endpoint"})
    exit_code, lines = project.run([parent, child], name, **variables)
    assert exit_code == 1
    assert len(problems_in(lines)) == 2
    assert any(f"{PREFIX}_SANDBOX_DRY_RUN asks for a dry run" in line for line in lines)
    assert not (project.folder / "output").exists()


def test_the_last_line_of_a_loader_that_fails_is_the_useful_one(
    project: Project,
) -> None:
    exit_code, lines = project.run([loader(endpoint=None)], "target-amplitude-nami")
    assert exit_code == 1
    assert "target-amplitude-nami api_key is missing: give" in lines[-1]
