"""Which events are sent at all, and what records are counted under."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami import catalogue, purchase
from target_amplitude_nami.nami.records import NamiUser

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.nami.records import NamiEvent
    from target_amplitude_nami.settings import Settings

USERS: t.Final = "(user records)"
OTHER: t.Final = "(other)"
"""What records are counted under that have no event type of Nami's."""

_EVENT_TYPES = frozenset(catalogue.NAMES)
_MOST_NEW_TYPES = 20
"""So many event types that Nami's documentation does not name are told of."""


class EventFilter:
    """The settings' choice among the events."""

    def __init__(
        self, settings: Settings, note_new_type: Callable[[str], None]
    ) -> None:
        """Take the settings, and who says that events of a new type are left out."""
        self._sent_names = dict(settings.sent_names)
        self._labels = {name: name for name in (*self._sent_names, *_EVENT_TYPES)}
        self._start_ms = settings.start_ms
        self._skips_sandbox = settings.sandbox_purchases == "skip"
        self._note_new_type = note_new_type
        self._new_types: set[str] = set()

    def label_of(self, record: NamiEvent | NamiUser) -> str:
        """Return what a record is counted under."""
        if isinstance(record, NamiUser):
            return USERS
        return self._labels.get(record.event_type, OTHER)

    def label(self, event_type: object) -> str:
        """Return what records of a type are counted under: a bounded number of rows."""
        if isinstance(event_type, str):
            return self._labels.get(event_type, OTHER)
        return OTHER

    report_key_of = label_of
    report_key_of_type = label

    def is_wanted(self, event_type: str) -> bool:
        """Whether events of a type are sent; says once that an unknown one is not."""
        if event_type in self._sent_names:
            return True
        is_new = event_type not in _EVENT_TYPES and event_type not in self._new_types
        if is_new and len(self._new_types) < _MOST_NEW_TYPES:
            self._new_types.add(event_type)
            self._note_new_type(event_type)
        return False

    def why_not(self, event: NamiEvent) -> str | None:
        """Return the reason why an event is not sent, if so."""
        if not self.is_wanted(event.event_type):
            return "event_not_chosen"
        if self._start_ms is not None and event.time < self._start_ms:
            return "before_start_date"
        if self._skips_sandbox and purchase.is_sandbox(event.properties):
            return "sandbox"
        return None
