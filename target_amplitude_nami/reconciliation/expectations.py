"""Collects the events that Amplitude should have: out of the store, or of an input."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.outcomes import dedup_key
from target_amplitude_nami.reconciliation.workspace import (
    ELSEWHEN,
    NEVER_DELIVERED,
    TO_COMPARE,
    Expected,
)

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import DedupKey, Origin, Project, Refusal
    from target_amplitude_nami.reconciliation.window import Window
    from target_amplitude_nami.reconciliation.workspace import Workspace
    from target_amplitude_nami.store.delivered_reader import DeliveredReader

IDENTIFY: t.Final = "$identify"
_EVENTS_AT_ONCE: t.Final = 500


@dataclass(slots=True)
class LeftOut:
    """How many events and records are not compared, by reason."""

    identifies: int = 0
    """`$identify` calls, which are no events and in no export."""
    sandbox: int = 0
    """Of the sandbox's project, whose secret key is not known."""
    rejected: int = 0
    filtered: int = 0
    held: int = 0
    duplicates: int = 0
    elsewhen: int = 0
    """Delivered in other hours."""
    not_yet_exportable: int = 0
    """Delivered in hours that Amplitude does not export yet."""


def expect_delivered(
    reader: DeliveredReader, window: Window, workspace: Workspace
) -> LeftOut:
    """Expect the events that the store has for some hours."""
    left_out = LeftOut()
    waiting: list[Expected] = []
    for event in reader.events(window.since, window.until):
        if event.event_type == IDENTIFY:
            left_out.identifies += 1
            continue
        waiting.append(
            Expected(
                event.key,
                event.event_type,
                event.insert_id,
                event.device_id or None,
                event.user_id or None,
                event.time,
                event.delivered_time,
                TO_COMPARE,
            )
        )
        if len(waiting) >= _EVENTS_AT_ONCE:
            workspace.add(waiting)
            waiting.clear()
    workspace.add(waiting)
    return left_out


class InputExpectations:
    """Expects the events that a rehearsal maps from an input: its `Observer`.

    Records that the store holds are no part of the input.
    """

    def __init__(
        self,
        workspace: Workspace,
        reader: DeliveredReader | None,
        window: Window,
        *,
        keeps_lines: bool,
    ) -> None:
        """Take where events go, and what knows when they were delivered.

        Args:
            workspace: Takes the events.
            reader: The store; None without a memory file: all events are compared.
            window: The hours.
            keeps_lines: Whether to keep the records' messages, to be sent again.
        """
        self.left_out: t.Final = LeftOut()
        self._workspace = workspace
        self._reader = reader
        self._window = window
        self._keeps_lines = keeps_lines
        self._waiting: list[tuple[EncodedEvent, int]] = []
        self._schemas: dict[str, int] = {}
        self._schema_lines: dict[bytes, int] = {}

    def declare(self, stream: str, line: bytes) -> None:
        """Take the SCHEMA message of the stream's next records."""
        if not self._keeps_lines:
            return
        number = self._schema_lines.get(line)
        if number is None:
            number = self._schema_lines[line] = len(self._schema_lines) + 1
            self._workspace.add_schema(number, line)
        self._schemas[stream] = number

    def on_event(self, project: Project, event: EncodedEvent) -> None:
        """Expect an event."""
        if event.origin.held is not None:
            return
        if project == "sandbox":
            self.left_out.sandbox += 1
        elif event.sent_event.event_type == IDENTIFY:
            self.left_out.identifies += 1
        else:
            self._waiting.append((event, self._schemas.get(event.origin.stream, 0)))
            if len(self._waiting) >= _EVENTS_AT_ONCE:
                self.flush()

    def on_filtered(self, origin: Origin, _reason: str) -> None:
        """Count a record that the settings leave out."""
        self.left_out.filtered += origin.held is None

    def on_rejected(self, origin: Origin, _refusal: Refusal) -> None:
        """Count a record that cannot be delivered."""
        self.left_out.rejected += origin.held is None

    def on_held(self, _origin: Origin, _user_id: str) -> None:
        """Count a record that waits for its user's External ID."""
        self.left_out.held += 1

    def on_duplicate(self, origin: Origin) -> None:
        """Count a record whose event the input has already."""
        self.left_out.duplicates += origin.held is None

    def flush(self) -> None:
        """Hand over what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        times: dict[DedupKey, int] = {}
        if self._reader is not None:
            keys = [key for event, _ in waiting for key in _keys_of(event)]
            times = self._reader.times(keys)
        if self._keeps_lines:
            lines = [(schema, event.origin.line) for event, schema in waiting]
            self._workspace.add_lines(lines)
        self._workspace.add([self._expected(event, times) for event, _ in waiting])

    def _expected(self, event: EncodedEvent, times: dict[DedupKey, int]) -> Expected:
        sent = event.sent_event
        key = next((key for key in _keys_of(event) if key in times), sent.key)
        user_id = event.user_id if key == sent.key else event.user_key
        delivered = times.get(key)
        return Expected(
            key,
            sent.event_type,
            sent.insert_id,
            event.device_id,
            user_id,
            sent.time,
            delivered,
            self._standing(delivered),
            event.body,
        )

    def _standing(self, delivered: int | None) -> int:
        if self._reader is None:
            return TO_COMPARE
        if delivered is None:
            return NEVER_DELIVERED
        if self._window.since <= delivered < self._window.until:
            return TO_COMPARE
        if self._window.is_too_new(delivered):
            self.left_out.not_yet_exportable += 1
        else:
            self.left_out.elsewhen += 1
        return ELSEWHEN


def _keys_of(event: EncodedEvent) -> tuple[DedupKey, ...]:
    """Return the key of an event, and the one that it may have had before.

    An event without a device went under the Nami user id as long as its user had no
    External ID (`anonymous_users: nami_user_id`).
    """
    sent = event.sent_event
    if sent.device_id is not None or event.user_key == event.user_id:
        return (sent.key,)
    return sent.key, dedup_key(sent.insert_id, None, event.user_key)
