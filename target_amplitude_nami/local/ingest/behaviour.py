"""What Amplitude's documentation leaves open, each point as a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from target_amplitude_nami.local.ingest import limits

if TYPE_CHECKING:
    from target_amplitude_nami.local.ingest.limits import IndexMode

Region: TypeAlias = Literal["us", "eu"]
"""Where Amplitude keeps a project; each region knows its own keys alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the local Amplitude decides where the documentation does not.

    Each default is the likeliest or the strictest way; those of `index_mode` and
    `max_bytes` are those of the API that is used.
    """

    index_mode: IndexMode | None = None
    maps_together: bool = False
    """One refusal lists the missing, the invalid and the short, not the first kind."""
    name_forbidden_ids: bool = False
    """A refusal for a forbidden id says which events it minds."""
    max_bytes: int | None = None
    silenced_devices: frozenset[str] = frozenset()
    throttling: bool = True
    count_refused: bool = False
    """Events of a throttled request fill the window all the same."""
    spammy_ids: frozenset[str] = frozenset()
    """Ids to which the daily quota applies."""
    starter_plan: bool = False
    dedupe_without_insert_id: bool = False
    user_updates_per_hour: int = limits.USER_UPDATES_PER_HOUR
    event_types: int = limits.MAX_EVENT_TYPES
    """How many event types a project's charts can show."""
    join_devices: bool = True
    """What an anonymous device did counts for the user who logs in on it."""
    join_properties: bool = True
    """That user also takes over those of its properties that they have not."""
    name_languages: bool = True
    """A language tag is kept as the name of its language."""
    keep_fields: bool = True
    """What is known of device, place and language goes on to a user's next events."""
