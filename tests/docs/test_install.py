"""The README's installation in a fresh Meltano project, with an empty home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts.plugin_definition import REPOSITORY
from tests.support.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SECTION = "### In a Meltano project\n"
OUR_VARIABLES = ("TARGET_AMPLITUDE_NAMI_", "MELTANO_", "TAP_", "VIRTUAL_ENV")
IN_ONE_WEEK = "events in all"


def blocks(kind: str) -> list[str]:
    """Return the code blocks of the section, without the one with placeholders."""
    section = (ROOT / "README.md").read_text("utf-8").partition(SECTION)[2]
    section = section.partition("\n### ")[0]
    rests = section.split(f"```{kind}\n")[1:]
    found = [rest.partition("```")[0] for rest in rests]
    return [block for block in found if "…" not in block]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An empty home, in which the address of the repository leads to a copy of it."""
    published = tmp_path / "published"
    git = ["git", "-C", str(ROOT)]
    listed = subprocess.check_output([*git, "ls-files", "-z"], text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (published / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, published / name)
    home = tmp_path / "home"
    home.mkdir()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OUR_VARIABLES)
    }
    somebody = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*somebody, "commit", "-qm", "A"]):
        subprocess.run(["git", "-C", published, *command], check=True)
    return {
        **inherited,
        "HOME": str(home),
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]]),
        "NO_COLOR": "1",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{published}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
    }


def run(script: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_new_user_installs_and_delivers_by_pasting(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    install, first_try = blocks("sh")
    run(install, tmp_path, environment)
    project = tmp_path / "my-project"
    summary = run(first_try, project, environment)
    [events] = [line for line in summary.splitlines() if IN_ONE_WEEK in line]
    assert int(events.split()[0]) > 100

    [pip_url] = blocks("yaml")
    definition = project / "meltano.yml"
    text = definition.read_text("utf-8")
    before = "pip_url: ../target-amplitude-nami[local]"
    assert text.count(before) == 1
    definition.write_text(text.replace(before, pip_url.strip()), "utf-8")
    shutil.rmtree(tmp_path / "target-amplitude-nami")
    run("meltano install", project, environment)
    again = run(
        "meltano invoke target-amplitude-nami:local --summary", project, environment
    )
    assert summary.endswith(again)
    [origin] = project.glob(
        ".meltano/loaders/*/venv/**/target_amplitude*/direct_url.json"
    )
    assert f'"url":"{REPOSITORY}"' in origin.read_text()
