"""What was sent is not certain any more once Amplitude refused it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.store.profiles import NEVER_SENT, SentState
from tests.support.memory import EVENT, OTHER

if TYPE_CHECKING:
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
    # Until the reading thread looks:
    assert memory.sent_states["main"].get("user") == SENT
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
