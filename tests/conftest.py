"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.support.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# Who starts the tests in the background lets them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """Undo what a target that is built in this process does to Ctrl-C."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def local_amplitude(tmp_path: Path) -> Iterator[LocalAmplitude]:
    """A local Amplitude that keeps the bodies of all requests."""
    with LocalAmplitude(tmp_path / "amplitude.db", keep_bodies=True) as local:
        yield local
