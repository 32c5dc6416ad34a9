"""How records pass from their reading to delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.outcomes import Checkpoint
from target_amplitude_nami.pipeline.pipeline import Pipeline
from target_amplitude_nami.store.null import NullStore
from tests.support import nami
from tests.support.pipeline_harness import make_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import (
        Occurrence,
        Origin,
        Project,
        Refusal,
        SentEvent,
    )


class Parts:
    """A pipeline, and all that it hands on: `(what, …)` in order."""

    def __init__(self, **config: Any) -> None:
        self.noted: list[tuple[Any, ...]] = []
        self.submitted: list[tuple[Project, list[str]]] = []
        self.reader = RecordReader("events")
        self.pipeline = Pipeline(
            make_settings(**config).mapping,
            store=NullStore(["main", "sandbox"]),
            checks=Checks(min_id_length=None, max_event_bytes=900_000),
            outcomes=self,
            submit=self.submit,
            notices=self,
            is_future=lambda _ms: False,
        )

    def take(self, record: dict[str, Any], line: bytes = b"line") -> None:
        read = self.reader.read(record)
        assert read is not None
        self.pipeline.take(read, "events", line)

    def submit(self, project: Project, events: Sequence[EncodedEvent]) -> None:
        self.submitted.append((project, [e.sent_event.insert_id for e in events]))

    # Outcomes

    def open(self, report_key: str) -> Checkpoint:
        self.noted.append(("open", report_key))
        return Checkpoint()

    def filter(self, origin: Origin, reason: str) -> None:
        self.noted.append(("filter", origin.report_key, reason))

    def reject(self, origin: Origin, refusal: Refusal) -> None:
        self.noted.append(("reject", origin.line, refusal.reason))

    def hold(
        self, origin: Origin, user_id: str, record: bytes, *, is_of_now: bool
    ) -> None:
        assert record
        self.noted.append(("hold", origin.line, user_id, is_of_now))

    def repeat(
        self,
        origin: Origin,
        project: Project,
        sent_event: SentEvent,
        first: Occurrence,
    ) -> None:
        raise NotImplementedError

    def note_unheld(self, stream: str) -> None:
        raise NotImplementedError

    # Notices

    def note_new_type(self, event_type: str) -> None:
        self.noted.append(("new type", event_type))

    def note_no_id(self, stream: str) -> None:
        self.noted.append(("no id", stream))

    def note_time(self, milliseconds: int) -> None:
        assert milliseconds > 0


def test_records_wait_for_a_flush_and_leave_in_order() -> None:
    parts = Parts()
    for number in range(3):
        parts.take(nami.impression(number))
    assert parts.noted == []

    parts.pipeline.flush()

    assert parts.submitted == [("main", [nami.event_id(n) for n in range(3)])]
    assert parts.noted == [("open", "device.impression")] * 3


def test_many_records_leave_without_a_flush() -> None:
    parts = Parts()
    for number in range(450):
        parts.take(nami.impression(number))

    assert [len(ids) for _, ids in parts.submitted] == [200, 200]


@pytest.mark.parametrize(
    ("config", "record", "noted"),
    [
        (
            {"events": ["user.*"]},
            nami.impression(1),
            ("filter", "device.impression", "event_not_chosen"),
        ),
        (
            {"anonymous_users": "skip"},
            nami.impression(1),
            ("filter", "device.impression", "anonymous_user"),
        ),
        (
            {"anonymous_users": "reject"},
            nami.impression(1),
            ("reject", b"line", "anonymous_user"),
        ),
        (
            {"anonymous_users": "hold", "memory_path": "memory.db"},
            nami.impression(1),
            ("hold", b"line", nami.identifier(2, 1), False),
        ),
        (
            {},
            nami.impression(1, device_id="na"),
            ("reject", b"line", "device_id_forbidden"),
        ),
        (
            {"revenue": "transactions"},
            nami.impression(1, event_type="device.transaction", amount="9,99"),
            ("reject", b"line", "amount_unreadable"),
        ),
    ],
)
def test_a_record_that_is_not_sent_has_one_outcome(
    config: dict[str, Any], record: dict[str, Any], noted: tuple[Any, ...]
) -> None:
    parts = Parts(**config)
    parts.take(record)
    parts.pipeline.flush()

    assert parts.noted == [noted]
    assert parts.submitted == []


def test_the_sandbox_has_a_project_and_report_keys_of_its_own() -> None:
    parts = Parts(endpoint=None, api_key="a" * 32, sandbox_api_key="b" * 32)
    parts.take(nami.impression(1, purchase_env="sandbox"))
    parts.take(nami.impression(2))
    parts.pipeline.flush()

    assert parts.submitted == [
        ("main", [nami.event_id(2)]),
        ("sandbox", [nami.event_id(1)]),
    ]
    assert parts.noted == [
        ("open", "device.impression (sandbox)"),
        ("open", "device.impression"),
    ]


def test_events_without_an_id_and_of_new_types_are_noted() -> None:
    parts = Parts()
    parts.take(nami.impression(1, id=None))
    parts.take(nami.impression(2, event_type="user.made.up"))
    parts.pipeline.flush()

    assert ("no id", "events") in parts.noted
    assert ("new type", "user.made.up") in parts.noted
