"""Matches the events of an export with those that are expected."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.outcomes import DedupKey, dedup_key
from target_amplitude_nami.reconciliation.differences import differences, is_unnamed
from target_amplitude_nami.reconciliation.workspace import ELSEWHEN, Other

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from target_amplitude_nami.reconciliation.differences import Difference
    from target_amplitude_nami.reconciliation.exported import ExportedEvent
    from target_amplitude_nami.reconciliation.window import Window
    from target_amplitude_nami.reconciliation.workspace import Workspace
    from target_amplitude_nami.store.delivered_reader import DeliveredReader

_EVENTS_AT_ONCE: t.Final = 500


@dataclass(slots=True)
class Tally:
    """What an export has beside the events that are expected."""

    exported: int = 0
    """All its events."""
    foreign: int = 0
    """Of other sources."""
    known: int = 0
    """Those that the store knows, but that are not compared."""
    unnamed: int = 0
    """Those that were sent before their user had an External ID."""


class _Candidate(t.NamedTuple):
    event: ExportedEvent
    insert_id: str
    keys: tuple[DedupKey, ...]


class Matcher:
    """Takes the events of exports, one after the other."""

    def __init__(
        self,
        workspace: Workspace,
        reader: DeliveredReader | None,
        window: Window,
        *,
        sent_names: Collection[str],
    ) -> None:
        """Take both sides.

        Args:
            workspace: Has what is expected, and takes what is found.
            reader: Knows what was delivered beside that.
            window: The hours: only events of these can be in Amplitude alone.
            sent_names: The event types that the settings send, as they are sent.
        """
        self.tally: t.Final = Tally()
        self._workspace = workspace
        self._reader = reader
        self._window = window
        self._sent_names = frozenset(sent_names)
        self._waiting: list[_Candidate] = []

    def take(self, events: Iterable[ExportedEvent]) -> None:
        """Match the events of an archive."""
        for event in events:
            self.tally.exported += 1
            insert_id = event.insert_id
            if not isinstance(insert_id, str) or not insert_id:
                self.tally.foreign += 1
                continue
            self._waiting.append(_Candidate(event, insert_id, _keys_of(event)))
            if len(self._waiting) >= _EVENTS_AT_ONCE:
                self._flush()
        self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        keys = list({key for candidate in waiting for key in candidate.keys})
        matches = self._workspace.matches(keys)
        seen: list[int] = []
        differing: list[tuple[int, Difference]] = []
        unmatched: list[_Candidate] = []
        for candidate in waiting:
            match = next(
                (matches[key] for key in candidate.keys if key in matches), None
            )
            if match is None:
                unmatched.append(candidate)
                continue
            if match.standing == ELSEWHEN:  # what is said of these hours is not of it
                continue
            seen.append(match.place)
            if match.body is not None:
                found = [*differences(match.body, candidate.event, match.user_id)]
                differing += [(match.place, each) for each in found]
                if not any(each.field == "user_id" for each in found):
                    self.tally.unnamed += is_unnamed(match.body, candidate.event)
        self._workspace.note_seen(seen)
        self._workspace.note_differences(differing)
        self._settle_unmatched(unmatched)

    def _settle_unmatched(self, candidates: Iterable[_Candidate]) -> None:
        ours = []
        for candidate in candidates:
            event_type = candidate.event.event_type
            if isinstance(event_type, str) and event_type in self._sent_names:
                ours.append(candidate)
            else:
                self.tally.foreign += 1
        known: Collection[DedupKey] = ()
        if self._reader is not None and ours:
            known = self._reader.times(key for each in ours for key in each.keys)
        others = []
        for candidate in ours:
            if not known or not any(key in known for key in candidate.keys):
                event = candidate.event
                uploaded = event.uploaded
                if uploaded is None or (
                    self._window.since <= uploaded < self._window.until
                ):
                    others.append(_other_of(candidate, uploaded))
            else:
                self.tally.known += 1
        self._workspace.note_others(others)


def _keys_of(event: ExportedEvent) -> tuple[DedupKey, ...]:
    """Return the keys that an event may have been sent with.

    Amplitude gives an event without a device one of its own making.
    """
    insert_id, device_id, user_id = event.insert_id, event.device_id, event.user_id
    keys = []
    if device_id is not None:
        keys.append(dedup_key(insert_id, str(device_id), None))
    if user_id is not None:
        keys.append(dedup_key(insert_id, None, str(user_id)))
    return tuple(keys)


def _other_of(candidate: _Candidate, uploaded: int | None) -> Other:
    event = candidate.event
    return Other(
        str(event.event_type),
        candidate.insert_id,
        None if event.device_id is None else str(event.device_id),
        None if event.user_id is None else str(event.user_id),
        event.time,
        uploaded,
    )
