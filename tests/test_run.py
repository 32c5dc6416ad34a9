"""A run: what it hands to delivery at once, and how it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.delivery.delivery import Delivery
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.run import Run
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.shutdown import Shutdown
from tests.support import nami, singer
from tests.support.outcomes import NotedRejects, NotedStore
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import EncodedEvent


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[list[EncodedEvent]]:
    """Return where the events are noted that delivery is given, as they are given."""
    noted: list[list[EncodedEvent]] = []
    submit = Delivery.submit

    def note(delivery: Delivery, events: Iterable[EncodedEvent]) -> None:
        noted.append(list(events))
        submit(delivery, noted[-1])

    monkeypatch.setattr(Delivery, "submit", note)
    return noted


def test_large_events_are_handed_over_a_few_at_a_time(
    tmp_path: Path, handed_over: list[list[EncodedEvent]]
) -> None:
    text = {f"text_{number}": "x" * 1_000 for number in range(40)}
    events = [
        nami.impression(number, **(text if number % 10 == 0 else {}))
        for number in range(150)
    ]
    harness = TargetHarness(tmp_path)
    harness.take(singer.records("events", events))
    assert [event["insert_id"] for event in harness.sent] == [e["id"] for e in events]
    assert max(map(len, handed_over)) == 10
    assert max(sum(e.memory_bytes for e in some) for some in handed_over) < 200_000


def test_many_that_waited_leave_a_few_at_a_time(
    tmp_path: Path, handed_over: list[list[EncodedEvent]]
) -> None:
    harness = TargetHarness(
        tmp_path, anonymous_users="hold", memory_path=str(tmp_path / "memory.db")
    )
    user = nami.identifier(2, 1)
    waiting = [nami.impression(number, user_id=user) for number in range(2, 1_000)]
    harness.take(singer.records("events", [*waiting, nami.subscription(1)]))
    assert len(harness.sent) == len(waiting) + 1
    assert max(map(len, handed_over)) <= 400


def test_nothing_is_committed_at_the_end_when_the_rejects_are_not_safe(
    tmp_path: Path,
) -> None:
    """The commit would forget held records whose rejects are lost."""
    notes: list[str] = []
    store, rejects = NotedStore(notes), NotedRejects(notes)
    rejects.close = rejects.sync  # type: ignore[method-assign]
    rejects.is_full = True
    settings = Settings.load({"dry_run": True, "dry_run_path": f"{tmp_path}/requests"})
    run = Run(
        settings,
        store=store,
        rejects=rejects,
        write_state=None,
        shutdown=Shutdown(),
        logger=logging.getLogger("test"),
        user_agent="test",
    )
    with pytest.raises(OutputUnwritable):
        run.close("failed")
    assert "commit" not in notes
