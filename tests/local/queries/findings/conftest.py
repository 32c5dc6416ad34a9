"""A run over the sample, with its report and its rejects beside the events."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.examples.expected import SAMPLE
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from tests.support.run_target import TargetRun

TAP = SAMPLE.parent / "tap_nami.py"


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> TargetRun:
    """A run that delivered the sample's 90 days to `amplitude.db` in its folder."""
    folder = tmp_path_factory.mktemp("findings")
    config = folder / "tap.json"
    config.write_text(json.dumps({"path": str(SAMPLE)}))
    sent = subprocess.run(
        [sys.executable, TAP, "--config", config], capture_output=True, check=True
    )
    settings = {"endpoint": "local", "local_path": str(folder / "amplitude.db")}
    run = run_target(folder, settings, sent.stdout)
    assert run.exit_code == 0, run.log
    return run
