"""Cases to explain, made of records in any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_amplitude_nami.explanation.case import Case, Seen
from target_amplitude_nami.explanation.explainer import Place, explain
from target_amplitude_nami.nami.records import RecordReader, UnreadableRecord
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.store.profiles import UNKNOWN_USER
from tests.support.shapes import json_text

if TYPE_CHECKING:
    from target_amplitude_nami.explanation.model import Explanation
    from target_amplitude_nami.store.profiles import UserProfile

EVERYTHING: dict[str, Any] = {
    "dry_run": True,
    "events": ["*", "device.session.start", "device.session.end", "purchase.updated"],
    "extra_user_properties": ["*"],
    "revenue": "transactions",
    "anonymous_users": "nami_user_id",
}
"""Settings with which an event has all the fields that it can have."""


def case_of(
    record: dict[str, Any],
    config: dict[str, Any] | None = None,
    *,
    known: UserProfile = UNKNOWN_USER,
    newest_sent: int | None = None,
) -> Case:
    """Return a case of a record that stands alone in its stream."""
    has_type = any(name.lower() == "event_type" for name in record)
    reader = RecordReader("events", ["event_type"] if has_type else [])
    nami, unreadable = None, None
    try:
        nami = reader.read(record)
    except UnreadableRecord as error:
        unreadable = error
    return Case(
        settings=Settings.load(EVERYTHING | (config or {})),
        record=record,
        size=len(json_text(record)),
        read=reader.read,
        nami=nami,
        unreadable=unreadable,
        known=known,
        newest_sent=newest_sent,
    )


def explained(
    record: dict[str, Any], config: dict[str, Any] | None = None, **known: Any
) -> Explanation:
    """Return the explanation of a record that is sent."""
    case = case_of(record, config, **known)
    return explain(case, Seen(outcome="sent"), place=Place("input", 2, "events"))
