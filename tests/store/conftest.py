"""Memories with a file of their own, and without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.memory import remember

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "memory.db"


@pytest.fixture(params=["temporary", "lasting"])
def memory(request: pytest.FixtureRequest, path: Path) -> Iterator[SqliteStore]:
    memory = remember(path if request.param == "lasting" else None)
    yield memory
    memory.close()
