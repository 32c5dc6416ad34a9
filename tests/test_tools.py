"""The commands that messages name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from target_amplitude_nami.tools import local_tool, note_config, tool
from tests.support.nami import subscription
from tests.support.singer import records

PROGRAM = "amplitude-nami"


@pytest.fixture(autouse=True)
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the program as in an activated environment, and no Meltano around it."""
    script = tmp_path / PROGRAM
    script.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MELTANO_LOADER_NAME", raising=False)


def test_a_tool_gets_the_settings_of_the_run() -> None:
    with click.Context(click.Command("target")) as context:
        note_config(context, ["my config.json", "ENV"])
        assert tool("explain", "--reason", "no_ids") == (
            "amplitude-nami explain --config 'my config.json' --config ENV "
            "--reason no_ids"
        )


def test_where_the_settings_come_from_elsewhere_none_are_named() -> None:
    assert tool("retry") == "amplitude-nami retry"


def test_below_meltano_the_tool_is_called_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MELTANO_LOADER_NAME", "target-amplitude-nami--sandbox")
    assert tool("explain", "--input", "r.singer") == (
        "meltano invoke target-amplitude-nami--sandbox:explain --input r.singer"
    )
    assert local_tool(Path("output/local.db")) == (
        "meltano invoke target-amplitude-nami--sandbox:local"
    )


def test_the_command_of_the_local_amplitude_names_its_file() -> None:
    shown = local_tool(Path("my output/local.db"))

    assert shown == "amplitude-nami local 'my output/local.db'"


@pytest.mark.parametrize("has_script", [True, False])
def test_a_program_that_is_not_on_the_path_is_named_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_script: bool
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    if has_script:
        (folder / PROGRAM).touch(0o755)

    shown = tool("retry")

    script = f"{folder / PROGRAM} retry"
    module = f"{folder / 'python'} -m target_amplitude_nami.commands retry"
    assert shown == (script if has_script else module)


def test_a_run_names_a_command_that_works_when_it_is_pasted(tmp_path: Path) -> None:
    """Without `PATH`, as where Meltano or a service runs a program by its full path."""
    lines = b"".join(records("events", [subscription(1)]))
    script = Path(sys.executable).with_name("target-amplitude-nami")
    (tmp_path / "config.json").write_text('{"endpoint": "local"}')
    run = subprocess.run(
        [script, "--config", "config.json"],
        input=lines,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    command = re.findall(rb"of 1 user: `(.*)` shows", run.stderr)[0].decode()
    shown = subprocess.run(
        ["bash", "-c", f"{command} --summary"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert "1  event in all" in shown.stdout
