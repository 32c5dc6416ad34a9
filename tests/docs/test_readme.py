"""The commands of the README and of short pages run, and print what is shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import clean_environment
from tests.support.meltano import ROOT


def section(page: str, title: str) -> str:
    text = (ROOT / page).read_text("utf-8")
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"{page} has no section {title}"
    return rest.partition("\n## ")[0]


def blocks(text: str, language: str) -> str:
    pattern = rf"^```{language}\n(.*?)^```$"
    return "\n".join(re.findall(pattern, text, re.DOTALL | re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration, the sample's input and its rejects."""
    (tmp_path / "config.json").write_text(json.dumps({"endpoint": "local"}))
    examples = ROOT / "examples"
    (tmp_path / "tap.json").write_text(json.dumps({"path": str(examples / "data")}))
    run(
        f"python {examples}/tap_nami.py --config tap.json > input.singer\n"
        "target-amplitude-nami --config config.json < input.singer > state.json",
        tmp_path,
    )
    return tmp_path


def run(script: str, folder: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=script,
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean_environment({"PATH": path}),
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_bad_records_are_explained_and_delivered_as_the_readme_says(
    folder: Path,
) -> None:
    text = section("README.md", "What happens to bad records")
    printed = run(blocks(text, "sh"), folder)
    shown = [line for line in blocks(text, "text").splitlines() if "…" not in line]
    assert [line for line in shown if line not in printed.splitlines()] == []
    assert "4 tried again" in printed
    assert "0 rejected again" in printed


def test_a_run_needs_no_meltano(folder: Path) -> None:
    text = section("README.md", "Install").partition("### Without Meltano")[2]
    _, commands = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (folder / "config.json").unlink()
    run(commands, folder)
    assert (folder / "output" / "local-amplitude.db").exists()


def test_a_file_of_webhooks_needs_no_tap(folder: Path) -> None:
    lines = (folder / "input.singer").read_text("utf-8").splitlines()
    messages = map(json.loads, lines)
    webhooks = [each["record"] for each in messages if each["type"] == "RECORD"][:8]
    text = "".join(json.dumps(webhook) + "\n" for webhook in webhooks)
    (folder / "webhooks.jsonl").write_text(text, "utf-8")
    run(blocks(section("docs/taps.md", "A plain JSONL file"), "sh"), folder)


def test_the_commands_of_the_local_amplitude_run(folder: Path) -> None:
    page = (ROOT / "docs" / "local-amplitude.md").read_text("utf-8")
    assert "events in all" in run(blocks(page, "sh"), folder)
