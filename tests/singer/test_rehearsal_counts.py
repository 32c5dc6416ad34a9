"""A rehearsal counts exactly as a run does, also where a memory knows the records."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.singer.rehearsal import rehearse
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from tests.examples.expected import SAMPLE
from tests.support.nami import subscription, user
from tests.support.run_target import API_KEY
from tests.support.singer import record, schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.local.server import LocalAmplitude

_WORDS = (
    "read",
    "delivered",
    "filtered_by_reason",
    "rejected_by_reason",
    "held",
    "duplicate",
    "by_event_type",
)


@dataclass
class Tally:
    """Counts what an observer is shown."""

    seen: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("delivered", "filtered", "rejected", "held", "duplicate"), 0
        )
    )

    def on_event(self, *_: object) -> None:
        self.seen["delivered"] += 1

    def on_filtered(self, *_: object) -> None:
        self.seen["filtered"] += 1

    def on_rejected(self, *_: object) -> None:
        self.seen["rejected"] += 1

    def on_held(self, *_: object) -> None:
        self.seen["held"] += 1

    def on_duplicate(self, *_: object) -> None:
        self.seen["duplicate"] += 1


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    config = tmp_path_factory.mktemp("tap") / "tap.json"
    config.write_text(json.dumps({"path": str(SAMPLE)}))
    command = [
        sys.executable,
        str(SAMPLE.parent / "tap_nami.py"),
        "--config",
        str(config),
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.splitlines(keepends=True)


def counts_of(report: Report) -> dict[str, Any]:
    figures = json.loads(report.to_json())
    return {word: figures[word] for word in _WORDS}


def rehearsed(config: dict[str, Any], lines: Sequence[bytes]) -> dict[str, Any]:
    tally = Tally()
    report = rehearse(config, lines, tally)
    assert tally.seen == {outcome: getattr(report, outcome) for outcome in tally.seen}
    return counts_of(report)


def delivered(config: dict[str, Any], lines: Sequence[bytes]) -> dict[str, Any]:
    target = TargetAmplitudeNami(config=config)
    target.listen(io.StringIO(b"".join(lines).decode()))
    target.signals.disarm()
    return counts_of(target.report)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"anonymous_users": "hold"},
        {"anonymous_users": "nami_user_id"},
        {"stale_user_properties": "send"},
        {"sandbox_api_key": "fedcba9876543210fedcba9876543210"},
        {"user_source": "nami_user_id"},
    ],
    ids=json.dumps,
)
def test_the_sample_counts_as_in_a_run_and_again_with_the_memory(
    settings: dict[str, Any],
    sample: list[bytes],
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
) -> None:
    config = settings | {
        "api_key": API_KEY,
        "endpoint": local_amplitude.endpoint("http_v2"),
        "memory_path": str(tmp_path / "memory.db"),
        "dry_run_path": str(tmp_path / "dry-run.jsonl"),
        "rejects_path": str(tmp_path / "rejects.singer"),
    }
    for _ in range(2):
        rehearsal = rehearsed(config, sample)
        assert delivered(config | {"dry_run": True}, sample) == rehearsal
        assert delivered(config, sample) == rehearsal


def test_the_local_amplitude_is_rehearsed_for_what_is_in_its_file(
    tmp_path: Path,
) -> None:
    config = {
        "endpoint": "local",
        "local_path": str(tmp_path / "local.db"),
        "memory_path": str(tmp_path / "memory.db"),
    }
    lines = [schema("events"), record("events", subscription(1))]
    assert delivered(config, lines)["delivered"] == 1
    assert rehearsed(config, lines)["duplicate"] == 1


def test_a_duplicate_leaves_the_state_known_whenever_its_first_was_delivered() -> None:
    # In a run the first may be in flight or delivered when the second comes.
    event = subscription(1)
    same_state = user(1, updated_at=event["created_date"])
    lines = [
        schema("events"),
        schema("users"),
        record("events", event),
        record("users", same_state),
        record("events", event),
        record("users", same_state),
    ]
    config = {"api_key": API_KEY}
    assert rehearsed(config, lines)["filtered_by_reason"] == {"unchanged": 2}
