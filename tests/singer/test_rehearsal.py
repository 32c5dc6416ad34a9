"""A rehearsal reads as a run does, shows every outcome, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.errors import ConfigurationError, NothingRecognised
from target_amplitude_nami.singer.rehearsal import rehearse
from tests.support.nami import impression, subscription
from tests.support.singer import record, records, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Origin, Project, Refusal


class Watcher:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def on_event(self, project: Project, event: EncodedEvent) -> None:
        self.seen.append((project, json.loads(event.body)["insert_id"]))

    def on_filtered(self, _origin: Origin, reason: str) -> None:
        self.seen.append(("filtered", reason))

    def on_rejected(self, _origin: Origin, refusal: Refusal) -> None:
        self.seen.append(("rejected", refusal.reason))

    def on_held(self, _origin: Origin, user_id: str) -> None:
        self.seen.append(("held", user_id))

    def on_duplicate(self, _origin: Origin) -> None:
        self.seen.append(("duplicate", None))


def rehearsed(config: dict[str, Any], *events: dict[str, Any]) -> list[tuple[str, Any]]:
    watcher = Watcher()
    lines = [schema("events", {}), *records("events", list(events))]
    rehearse(config, lines, watcher)
    return watcher.seen


def test_events_are_shown_in_the_order_read() -> None:
    first, second = subscription(1), subscription(2)
    assert rehearsed({}, first, second) == [
        ("main", first["id"]),
        ("main", second["id"]),
    ]


def test_every_other_outcome_is_shown_with_its_reason(tmp_path: Path) -> None:
    config = {
        "events": ["user.*"],
        "anonymous_users": "hold",
        "memory_path": str(tmp_path / "memory.db"),
    }
    anonymous = subscription(2, external_ids=[])
    broken = subscription(3, created_date="yesterday")
    seen = rehearsed(
        config, impression(1), anonymous, broken, subscription(4), subscription(4)
    )
    assert [outcome for outcome, _ in seen] == [
        "rejected",
        "filtered",
        "held",
        "main",
        "duplicate",
    ]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    config = {
        name: str(tmp_path / name)
        for name in ("memory_path", "report_path", "metrics_path", "rejects_path")
    }
    rehearsed(config, subscription(1, created_date="yesterday"), subscription(2))
    left = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(left) <= {"memory_path"}


def test_the_report_counts_what_would_be_sent_as_delivered() -> None:
    lines = [schema("events", {}), record("events", subscription(1))]
    report = rehearse({}, lines, Watcher())
    assert (report.read, report.delivered, report.outcome) == (1, 1, "complete")


def test_wrong_settings_and_foreign_input_raise_as_in_a_run() -> None:
    with pytest.raises(ConfigurationError, match="regoin"):
        rehearsed({"regoin": "eu"}, subscription(1))
    with pytest.raises(NothingRecognised):
        rehearsed({}, {"colour": "red"})
