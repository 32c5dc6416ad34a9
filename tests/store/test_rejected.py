"""Where rejects stand in their file, remembered from run to run."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.store.model import RejectPlace
from tests.support.memory import remember

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = b"k" * 16
PLACE = RejectPlace(7, 90, b"d" * 16)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RejectPlace | None]:
    """Run with a memory: return what it knew of a reject, and note its place."""

    def run(place: RejectPlace | None = None, **options: bool) -> RejectPlace | None:
        memory = remember(tmp_path / "memory.db", **options)
        try:
            known = memory.find_reject(KEY)
            if place is not None:
                memory.note_reject(KEY, place)
            memory.commit()
        finally:
            memory.close()
        return known

    return run


def test_the_place_of_a_reject_outlives_the_run(
    run: Callable[..., RejectPlace | None],
) -> None:
    assert run(PLACE) is None
    later = RejectPlace(700, 91, b"e" * 16)
    assert run(later) == PLACE
    assert run() == later


def test_a_run_that_forgets_notes_no_place(
    run: Callable[..., RejectPlace | None],
) -> None:
    run(PLACE)
    assert run(RejectPlace(1, 2, b""), forgets=True) == PLACE
    assert run() == PLACE


def test_without_a_file_nothing_is_remembered() -> None:
    memory = remember(None)
    memory.note_reject(KEY, PLACE)
    assert memory.find_reject(KEY) is None
    memory.close()


@pytest.mark.parametrize(("days", "expected"), [(90, PLACE), (91, None)])
def test_what_was_not_seen_for_long_is_forgotten(
    run: Callable[..., RejectPlace | None],
    tmp_path: Path,
    days: int,
    expected: RejectPlace | None,
) -> None:
    run(PLACE)
    with closing(sqlite3.connect(tmp_path / "memory.db")) as connection:
        sql = "UPDATE reject_places SET last_seen_day = last_seen_day - ?"
        connection.execute(sql, [days])
        connection.execute("DELETE FROM meta WHERE name = 'purged_day'")
        connection.commit()
    before = time.time() // 86_400
    known = run()
    assert known == expected or time.time() // 86_400 > before
