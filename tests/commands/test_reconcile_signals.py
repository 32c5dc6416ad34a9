"""What `amplitude-nami reconcile` leaves behind when it is ended."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from target_amplitude_nami.commands.reconcile import command
from target_amplitude_nami.reconciliation import result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.reconciliation.result import Finding
    from target_amplitude_nami.reconciliation.workspace import Workspace


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    """Ignore SIGTERM outside the command."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    assert signal.signal(signal.SIGTERM, before) is signal.SIG_IGN


def test_sigterm_leaves_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(_: Workspace) -> Iterator[Finding]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield from ()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(result, "findings", end)
    config = {"api_key": "a" * 32, "secret_key": "b" * 32}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "input.singer").write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    arguments = ["--start", "2999-01-01", "--input", "input.singer", "--ids", "ids"]
    found = CliRunner().invoke(command, [*arguments, "--config", "config.json"])
    assert found.exit_code == 128 + signal.SIGTERM
    assert sorted(tmp_path.iterdir()) == before
