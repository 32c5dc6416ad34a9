"""The command itself, before a subcommand has its say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.run_command import COMMAND


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"]])
def test_a_full_disk_ends_a_help_text_in_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"amplitude-nami: [Errno 28] No space left on device\n"
