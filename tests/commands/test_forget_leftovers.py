"""An unfinished file that cannot be removed is a failure like any other file's."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from target_amplitude_nami.commands.forget import command as forget
from target_amplitude_nami.errors import OutputUnwritable

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_other_files_are_named_as_not_erased_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(leftover: Path) -> None:
        raise OutputUnwritable(f"{leftover.name} cannot be removed (Not permitted)")

    monkeypatch.setattr(forget, "remove", remove)
    (tmp_path / "config.json").write_text(json.dumps({"dry_run_path": "dry-run.jsonl"}))
    (tmp_path / "dry-run.jsonl").write_text('{"user": "user-1"}\n')
    (tmp_path / ".dry-run.jsonl.rewriting").write_text('{"user": "user-1"}\n')
    arguments = ["--config", "config.json", "--user", "user-1", "--json"]
    with contextlib.chdir(tmp_path):
        run = CliRunner().invoke(forget.command, arguments)
    assert run.exit_code == 1
    found = {each["setting"]: each for each in json.loads(run.stdout)["files"]}
    assert found[""]["outcome"] == "failed"
    assert found[""]["error"].endswith("cannot be removed (Not permitted)")
    assert found["dry_run_path"]["outcome"] == "not tried"
    assert (tmp_path / "dry-run.jsonl").exists()
