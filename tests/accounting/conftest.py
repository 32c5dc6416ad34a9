"""Outcome recorders, closed after the test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.outcomes import OutcomeHarness

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def outcomes() -> Iterator[OutcomeHarness]:
    """Return a recorder that emits STATE."""
    with contextlib.closing(OutcomeHarness()) as harness:
        yield harness


@pytest.fixture
def silent_outcomes() -> Iterator[OutcomeHarness]:
    """Return a recorder that emits no STATE."""
    with contextlib.closing(OutcomeHarness(emits_state=False)) as harness:
        yield harness
