"""A process that runs of the target start from, and a place for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.story import RunHarness
from tests.support.zygote import Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def harness(
    tmp_path: Path, local_amplitude: LocalAmplitude, zygote: Zygote
) -> RunHarness:
    return RunHarness(tmp_path, local_amplitude, zygote, {"memory_path": "memory.db"})
