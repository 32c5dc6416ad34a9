"""The commands of the loader through a real Meltano: `meltano invoke LOADER:…`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import pytest

from scripts.plugin_definition import meltano_commands
from target_amplitude_nami.commands.main import main
from tests.support import nami, singer
from tests.support.meltano import MeltanoProject

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

LOADER = "target-amplitude-nami"
CHILD = "nami"

PROBE = """\
#!{python}
import json, sys
from target_amplitude_nami.commands.configuration import read_configuration
_, _, path = sys.argv
values = [dict(read_configuration([name]).values) for name in (path, "ENV")]
print(json.dumps(values))
"""


@dataclass(frozen=True)
class Case:
    """How a command is run, and what it then prints or leaves behind."""

    arguments: tuple[str, ...]
    shown: str
    exit_code: int = 0


CASES = {
    "check": Case(("--json",), "memory_path: kept/memory.db (Meltano)"),
    "explain": Case(
        ("--input", "input.singer", "--line", "2", "--json"),
        r'"event": "{\"event_type\":\"Paywall\"',
    ),
    "plan": Case(("--json",), '"name": "Paywall"'),
    "load": Case(("a.parquet", "--json"), "memory_path cannot be used here", 1),
    "retry": Case(("--dry-run", "--json"), '"file": "kept/rejects.singer"', 1),
    "reconcile": Case(("--json",), '"compared_with": "kept/memory.db"'),
    "forget": Case(("--user", "5550123", "--dry-run", "--json"), "kept/memory.db"),
    "local": Case(("--summary", "--json"), '"file": "kept/local.db"'),
}
"""Every command, with options that people give after its name, in the order of use."""

COMMANDS = main.list_commands(click.Context(main))


class Project(MeltanoProject):
    """A project with the loader, and one that inherits from it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        loader = {
            "name": LOADER,
            "namespace": "target_amplitude_nami",
            "executable": ".venv/bin/target-amplitude-nami",
            "capabilities": ["structured-logging"],
            "settings": [
                {"name": "api_key", "sensitive": True},
                {"name": "events", "kind": "array", "value": ["*"]},
                {"name": "enabled", "kind": "boolean", "value": True},
                {"name": "dry_run", "kind": "boolean"},
            ],
            "config": {
                "endpoint": "local",
                "local_path": "kept/local.db",
                "memory_path": "kept/memory.db",
                "rejects_path": "kept/rejects.singer",
                "event_names": {"device.impression": "Paywall"},
                "exclude_properties": ["locale", "campaign*"],
                "batch_size_rows": 100,
            },
            "commands": meltano_commands(".venv/bin/"),
        }
        child = {
            "name": CHILD,
            "inherit_from": LOADER,
            "executable": "./probe",
            "config": {"region": "eu", "stream_maps": {"events": {"city": "'Graz'"}}},
        }
        overridden = {"name": CHILD, "config": {"batch_size_rows": 7}}
        environment = {
            "name": "dev",
            "config": {"plugins": {"loaders": [overridden]}},
        }
        project = {
            "requires_meltano": ">=4.0",
            "project_id": "5b0f7c1e-6a0d-4c39-9c7a-2f4f0a3d8e61",
            "send_anonymous_usage_stats": False,
            "default_environment": "dev",
            "environments": [environment],
            "plugins": {"loaders": [loader, child]},
        }
        (self.root / "meltano.yml").write_text(json.dumps(project))  # YAML as well
        probe = self.root / "probe"
        probe.write_text(PROBE.format(python=sys.executable))
        probe.chmod(0o755)
        rejected = nami.impression(2, created_date="no time")
        messages = singer.records("events", [nami.impression(1), rejected])
        (self.root / "input.singer").write_bytes(b"".join(messages))

    def invoke(
        self, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self.meltano("invoke", *arguments, **environment)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("commands"))
    delivered = project.invoke(LOADER, "--input", "input.singer")
    assert delivered.returncode == 0, delivered.stderr
    return project


def test_the_commands_are_listed_in_the_order_of_their_use() -> None:
    assert [name for name in CASES if name in COMMANDS] == COMMANDS


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_settings_of_the_loader(project: Project, name: str) -> None:
    case = CASES[name]
    done = project.invoke(f"{LOADER}:{name}", *case.arguments)
    assert done.returncode == case.exit_code, done.stdout + done.stderr
    assert case.shown in done.stdout


def test_options_may_follow_two_dashes(project: Project) -> None:
    done = project.invoke(f"{LOADER}:local", "--", "--summary", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["total"] == 1


def test_a_command_has_what_a_run_of_an_inheriting_loader_has(
    project: Project,
) -> None:
    variables = {
        "NAMI_DRY_RUN": "true",
        "TARGET_AMPLITUDE_NAMI_API_KEY": "0123456789",
        "TARGET_AMPLITUDE_NAMI_API": "batch",  # not declared, so not passed on
    }
    done = project.invoke(CHILD, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    of_run, of_command = json.loads(done.stdout)
    assert of_command == of_run == expected()


def expected() -> dict[str, Any]:
    return {
        "api_key": "0123456789",
        "events": ["*"],
        "enabled": True,
        "dry_run": True,
        "local_path": "kept/local.db",
        "memory_path": "kept/memory.db",
        "rejects_path": "kept/rejects.singer",
        "endpoint": "local",
        "event_names": {"device": {"impression": "Paywall"}},
        "exclude_properties": ["locale", "campaign*"],
        "batch_size_rows": 7,
        "region": "eu",
        "stream_maps": {"events": {"city": "'Graz'"}},
    }


def test_meltano_lists_the_commands(project: Project) -> None:
    done = project.invoke("--list-commands", LOADER)
    listed = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    described = [
        [f"{LOADER}:{name}", command["description"]]
        for name, command in meltano_commands().items()
    ]
    assert listed == described
