"""What a run takes back, and when what it learnt is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.store.profiles import NEVER_SENT, SentState, UserProfile
from tests.support.memory import EVENT, OTHER, leave, remember

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.outcomes import SentEvent
    from target_amplitude_nami.store.sqlite_store import SqliteStore

SENT = SentState(5, 77, "event", 1, key=EVENT.key)


@pytest.mark.parametrize(
    ("event", "then"),
    [(EVENT, SentState(5, None, "event", 1, key=EVENT.key)), (OTHER, SENT)],
)
def test_what_amplitude_refused_was_not_sent(
    memory: SqliteStore, event: SentEvent, then: SentState
) -> None:
    memory.sent_states["main"].put("user", SENT)
    memory.invalidate("main", "user", event.key)
    assert (
        memory.sent_states["main"].get("user") == SENT
    )  # until the reading thread looks
    memory.apply_invalidations()
    assert memory.sent_states["main"].get("user") == then


def test_what_one_project_refused_may_have_been_sent_to_the_other(
    memory: SqliteStore,
) -> None:
    memory.sent_states["main"].put("user", SENT)
    memory.invalidate("sandbox", "user", EVENT.key)
    memory.apply_invalidations()
    assert memory.sent_states["main"].get("user") == SENT
    assert memory.sent_states["sandbox"].get("user") == NEVER_SENT


@pytest.mark.parametrize(
    "learn",
    [
        lambda memory: memory.users.put("nami-1", UserProfile(external_id="a")),
        lambda memory: memory.sent_states["main"].put("user", SENT),
        lambda memory: memory.settle("main", [EVENT], []),
        lambda memory: memory.hold("nami-1", "events", b"line", b"record"),
        lambda memory: memory.claim("device_of_several_users", "phone", "nami-1"),
    ],
    ids=["a user", "a sent state", "a delivered event", "a held record", "a claim"],
)
def test_each_thing_that_is_learnt_is_committed(
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
