"""Holds what is known when a record is explained: the record, and what came before."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from target_amplitude_nami.nami import purchase
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.store.profiles import UNKNOWN_USER

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_amplitude_nami.errors import UnreadableRecord
    from target_amplitude_nami.nami.model import NamiUser
    from target_amplitude_nami.outcomes import Project, Refusal
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.store.profiles import UserProfile

Record: t.TypeAlias = "Mapping[str, t.Any]"

MEMORY: t.Final = "the file of `memory_path`"


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Which earlier lines something is known from: `line 3`, or the memory file."""

    external_id: str = MEMORY
    state: str = MEMORY
    sent: str = MEMORY
    first: str = ""
    """The event that this one is a duplicate of."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a rehearsal showed of the record."""

    outcome: t.Literal["sent", "duplicate", "filtered", "held", "rejected"]
    reason: str = ""
    refusal: Refusal | None = None
    body: bytes | None = None
    project: Project | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """A record, as it is when it is its turn in the input."""

    settings: Settings
    record: Record
    """As it stands in its line."""
    size: int
    """Of that line, in bytes."""
    read: Callable[[Record], NamiEvent | NamiUser | None]
    """Reads any such record, through the stream maps; it raises what these raise."""
    separator: str = "__"
    nami: NamiEvent | NamiUser | None = None
    """What is read of the record, if it is Nami's."""
    unreadable: UnreadableRecord | None = None
    """Why it cannot be read."""
    deleted_by: str | None = None
    """The column that marks its row as deleted at the source."""
    known: UserProfile = UNKNOWN_USER
    """What earlier records said of its Nami user."""
    newest_sent: int | None = None
    """The time of the newest state seen of its user in Amplitude, ms."""
    origins: Origins = field(default_factory=Origins)

    @property
    def is_late(self) -> bool:
        """Whether newer state of its user was seen, which its own must not replace."""
        time = None if self.nami is None else self.nami.time
        newest = self.newest_sent
        return (
            self.settings.stale_user_properties == "skip"
            and time is not None
            and newest is not None
            and time < newest
        )

    @property
    def is_for_sandbox(self) -> bool:
        """Whether it goes to the project of `sandbox_api_key`."""
        return (
            self.settings.sandbox_api_key is not None
            and isinstance(self.nami, NamiEvent)
            and purchase.is_sandbox(self.nami.properties)
        )
