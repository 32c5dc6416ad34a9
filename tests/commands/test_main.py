"""The command itself, before a subcommand has its say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from target_amplitude_nami.commands.main import main
from tests.support.environment import clean_environment
from tests.support.run_command import COMMAND


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"]])
def test_a_full_disk_ends_a_help_text_in_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=clean_environment(),
        )
    assert done.returncode == 1
    assert done.stderr == b"amplitude-nami: [Errno 28] No space left on device\n"


def test_each_subcommand_has_one_whole_sentence() -> None:
    shown = CliRunner().invoke(main, ["--help"], terminal_width=80).stdout
    _, _, commands = shown.partition("Commands:\n")
    lines = commands.splitlines()
    assert [line.split()[0] for line in lines] == main.list_commands(
        click.Context(main)
    )
    assert [line for line in lines if line.endswith("...")] == []
