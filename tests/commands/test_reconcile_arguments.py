"""What `amplitude-nami reconcile` refuses before it asks anybody."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from target_amplitude_nami.commands.reconcile import command

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SETTINGS = {"api_key": "a" * 32, "secret_key": "b" * 32, "memory_path": "memory.db"}


def invoke(folder: Path, *arguments: str, **settings: Any) -> Result:
    """Run the command in a folder; a setting that is None is left out."""
    config = {k: v for k, v in (SETTINGS | settings).items() if v is not None}
    (folder / "config.json").write_text(json.dumps(config))
    with contextlib.chdir(folder):
        return CliRunner().invoke(command, [*arguments, "--config", "config.json"])


@pytest.mark.parametrize(
    ("arguments", "settings", "problem"),
    [
        ([], {"secret_key": None}, "`secret_key` is missing"),
        ([], {"memory_path": None}, "There is nothing to compare"),
        (["--ids", "input.singer"], {}, "is the input"),
        (["--ids", "./memory.db"], {}, "belongs to `memory_path`"),
        (["--ids", "memory.db-wal"], {}, "belongs to `memory_path`"),
        (["--resend", "output/rejects.singer"], {}, "is the file of `rejects_path`"),
        (["--resend", "config.json"], {}, "is a file of settings"),
        (["--resend", "same", "--ids", "same"], {}, "is the file of --ids"),
        (["--resend", "full"], {}, "exists"),
        (["--resend", "link"], {}, "is the input"),
        (["--ids", "output"], {}, "is a folder"),
        (["--ids", "no/folder"], {}, "is in a folder that does not exist"),
        (["--ids", "x" * 300], {}, "cannot be written"),
        (["--resend", "new"], {"memory_path": None}, "--resend needs `memory_path`"),
    ],
)
def test_settings_and_outputs_that_cannot_be_are_refused(
    tmp_path: Path, arguments: list[str], settings: dict[str, Any], problem: str
) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "full").write_bytes(b"records")
    (tmp_path / "input.singer").write_bytes(b"")
    (tmp_path / "link").hardlink_to(tmp_path / "input.singer")
    source = ["--input", "input.singer"] if arguments else []
    found = invoke(tmp_path, *source, *arguments, **settings)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.count("\n") == 1
    assert problem in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--start", "yesterday"],
        ["--start", "1999-12-31"],
        ["--end", "9999-12-31"],
        ["--start", "2026-11-23", "--end", "2026-11-22"],
        ["--start", "2026-11-23T14:30"],
        ["--resend", "again.singer"],
        ["--export-url", "http://amplitude.com"],
        ["--export-url", "https://key:secret@amplitude.com"],
        ["--export-url", "ftp://127.0.0.1"],
        ["--export-url", "https://[half"],
    ],
)
def test_wrong_arguments_end_with_2(tmp_path: Path, arguments: list[str]) -> None:
    found = invoke(tmp_path, *arguments)
    assert (found.exit_code, found.stdout) == (2, "")
