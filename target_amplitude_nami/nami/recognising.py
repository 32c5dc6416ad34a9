"""Recognises Nami's records in streams that the settings do not name."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.nami.columns import Columns
from target_amplitude_nami.nami.records import RecordReader

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STATE: t.Final = frozenset(
    {"active_entitlements", "customer_journey_state", "devices"}
)
_USER_IDS: t.Final = frozenset({"user_id", "id"})
_READY_MADE: t.Final = "namiml_"


def declares_nami(columns: Iterable[str], separator: str) -> bool:
    """Return whether columns are those of Nami's events, or of users with their state.

    Args:
        columns: The columns that a schema declares, in any spelling.
        separator: What stands between the parts of a flattened column's name.
    """
    known = Columns(separator)
    fields = {known.head(column) for column in columns}
    if "event_type" in fields:
        return True
    has_state = not _STATE.isdisjoint(fields) or any(
        field.startswith(_READY_MADE) for field in fields
    )
    return has_state and not _USER_IDS.isdisjoint(fields)


class NamiDetector:
    """Recognises Nami's records in a stream that the settings do not name."""

    def __init__(self) -> None:
        """Start with no column seen."""
        self._reader = RecordReader("")

    def looks_like_nami(self, record: Mapping[str, t.Any]) -> bool:
        """Return whether a record may be Nami's; event types of others are not."""
        try:
            nami = self._reader.read(record)
        except UnreadableRecord as error:
            event_type = error.event_type or self._reader.event_type_of(record)
        else:
            if nami is None:
                return False
            event_type = getattr(nami, "event_type", None)
        return event_type is None or catalogue.problem_with(event_type.strip()) is None
