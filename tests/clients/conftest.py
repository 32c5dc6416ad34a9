"""Fixtures of the tests with Amplitude's own clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.clients.support import API_KEY, Clock, Destination

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def destination(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Destination]:
    """A local Amplitude for clients that would ask a proxy."""
    monkeypatch.setenv("no_proxy", "*")
    clock = Clock()
    with LocalAmplitude(tmp_path / "local.db", keys=[API_KEY], now=clock) as local:
        yield Destination(local, clock)
