"""When what a run learnt is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.store.profiles import SentState, UserProfile
from tests.support.memory import EVENT, leave, remember

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore


@pytest.mark.parametrize(
    "learn",
    [
        lambda memory: memory.users.put("nami-1", UserProfile(external_id="a")),
        lambda memory: memory.sent_states["main"].put("user", SentState(5)),
        lambda memory: memory.settle("main", [EVENT], []),
        lambda memory: memory.hold("nami-1", "events", b"line", b"record"),
        lambda memory: memory.note_owner("device_of_several_users", "phone", "nami-1"),
    ],
    ids=[
        "a user",
        "a sent state",
        "a delivered event",
        "a held record",
        "an owner of an id",
    ],
)
def test_each_thing_that_is_remembered_is_committed(
    path: Path, learn: Callable[[SqliteStore], object]
) -> None:
    leave(path, lambda _: None)
    before = path.read_bytes()
    leave(path, learn)
    assert path.read_bytes() != before


def test_a_commit_without_news_writes_nothing(path: Path) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    memory = remember(path)
    before = {p.name: p.stat().st_size for p in path.parent.iterdir()}
    memory.users.get("nami-1")
    memory.commit()
    assert {p.name: p.stat().st_size for p in path.parent.iterdir()} == before
    memory.close()


def test_a_memory_that_is_closed_has_no_figures_and_takes_nothing() -> None:
    memory = remember(None)
    memory.hold("nami-1", "events", b"line", b"record")
    memory.close()
    memory.close()
    memory.commit()
    assert memory.waiting == 0
    assert memory.figures().waiting == 0
