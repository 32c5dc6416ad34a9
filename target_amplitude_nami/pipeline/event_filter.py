"""Decides which events the settings leave out, and what records are counted under."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami import catalogue, purchase
from target_amplitude_nami.nami.model import NamiUser
from target_amplitude_nami.outcomes import USERS

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.nami.model import NamiEvent
    from target_amplitude_nami.settings.options import MappingOptions

OTHER: t.Final = "(other)"
"""The report key of records without one of Nami's event types."""

NOT_CHOSEN: t.Final = "event_not_chosen"

_EVENT_TYPES = frozenset(catalogue.NAMES)
_MOST_NEW_TYPES = 20
"""So many event types that Nami's documentation does not name are reported."""


class Filtered(msgspec.Struct, frozen=True):
    """A record that the settings leave out.

    `reason` is a stable code, one of those in the report's `filtered_by_reason`.
    """

    reason: str


class EventFilter:
    """The settings' choice among the events."""

    def __init__(
        self,
        options: MappingOptions,
        note_new_type: Callable[[str], None] = lambda _event_type: None,
    ) -> None:
        """Take the settings.

        Args:
            options: The settings.
            note_new_type: Called once for each event type that is left out and that
                Nami's documentation does not name.
        """
        self._sent_names = dict(options.sent_names)
        self._report_keys = {name: name for name in (*self._sent_names, *_EVENT_TYPES)}
        self._start_ms = options.start_ms
        self._skips_sandbox = options.sandbox_purchases == "skip"
        self._note_new_type = note_new_type
        self._new_types: set[str] = set()

    def report_key_of(self, record: NamiEvent | NamiUser) -> str:
        """Return what a record is counted under."""
        if isinstance(record, NamiUser):
            return USERS
        return self._report_keys.get(record.event_type, OTHER)

    def report_key_of_type(self, event_type: object) -> str:
        """Return what records of a type are counted under: a bounded number of rows."""
        if isinstance(event_type, str):
            return self._report_keys.get(event_type, OTHER)
        return OTHER

    def is_wanted(self, event_type: str) -> bool:
        """Return whether events of a type are sent; report a new type that is not."""
        if event_type in self._sent_names:
            return True
        is_new = event_type not in _EVENT_TYPES and event_type not in self._new_types
        if is_new and len(self._new_types) < _MOST_NEW_TYPES:
            self._new_types.add(event_type)
            self._note_new_type(event_type)
        return False

    def reason_to_skip(self, event: NamiEvent) -> str | None:
        """Return the reason why the settings leave an event out, if they do."""
        if event.event_type not in self._sent_names:
            self.is_wanted(event.event_type)
            return NOT_CHOSEN
        if self._start_ms is not None and event.time < self._start_ms:
            return "before_start_date"
        if self._skips_sandbox and purchase.is_sandbox(event.properties):
            return "sandbox"
        return None
