"""Configures what Amplitude's documentation leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from target_amplitude_nami.local.ingest import limits

if TYPE_CHECKING:
    from target_amplitude_nami.local.ingest.limits import IndexMode

Region: TypeAlias = Literal["us", "eu"]
"""Where Amplitude stores a project; a key is valid in its own region only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the local Amplitude behaves where the documentation leaves it open.

    Each default is the likeliest or the strictest behaviour; without `index_mode` and
    `max_bytes`, those of the API apply.
    """

    index_mode: IndexMode | None = None
    maps_together: bool = False
    """A refusal lists missing, invalid and short values, not only the first kind."""
    name_forbidden_ids: bool = False
    """A refusal for a forbidden id lists the events at fault."""
    max_bytes: int | None = None
    silenced_devices: frozenset[str] = frozenset()
    throttling: bool = True
    count_refused: bool = False
    """Events of a refused request count towards the rate."""
    spammy_ids: frozenset[str] = frozenset()
    """Ids to which the daily quota applies."""
    starter_plan: bool = False
    dedupe_without_insert_id: bool = False
    user_updates_per_hour: int = limits.USER_UPDATES_PER_HOUR
    event_types: int = limits.MAX_EVENT_TYPES
    """How many event types the charts of a project can show."""
    join_devices: bool = True
    """Events of an anonymous device become those of the user who logs in on it."""
    join_properties: bool = True
    """That user also gets the device's user properties that they lack."""
    export_bytes: int = 4 << 30
    """How many bytes of JSON an export may have (Export API: 4 GB)."""
    keep_fields: bool = True
    """A user's later events show the last known device, location and language."""
