"""What a process loads that only builds events or prepares a delivery."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_MODULES = (
    *("amplitude.event", "amplitude.checks", "amplitude.limits", "amplitude.answers"),
    *("amplitude.client", "amplitude.responses"),
    *("delivery.delivery", "delivery.deliveries", "delivery.dry_run"),
)
_USE = """
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.destination import Destination
client = Client(Destination(url="http://127.0.0.1:9/", api_key="key"))
client.encode([b"{}"])
client.close()
"""


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """The modules that a fresh interpreter has loaded before anything is sent."""
    lines = ["import json, sys", "before = set(sys.modules)"]  # such as coverage's
    lines += [f"import target_amplitude_nami.{module}" for module in _MODULES]
    lines += [_USE, "print(json.dumps(list(set(sys.modules) - before)))"]
    process = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return frozenset(json.loads(process.stdout))


@pytest.mark.parametrize(
    "module", ["requests", "urllib3", "sqlite3", "fcntl", "signal", "singer_sdk"]
)
def test_nothing_is_loaded_that_only_a_request_or_a_run_needs(
    module: str, loaded: frozenset[str]
) -> None:
    assert module not in loaded
