"""The vocabulary of outcomes: where a record came from, and what became of it."""

from __future__ import annotations

import typing as t
from hashlib import blake2b

import msgspec

Project: t.TypeAlias = t.Literal["main", "sandbox"]
"""Which of the two Amplitude projects of a run."""

USERS: t.Final = "(user records)"
"""The report key of user records."""

DedupKey: t.TypeAlias = bytes
"""What Amplitude recognises an event by, within a project: see `dedup_key`."""

DEDUP_KEY_BYTES: t.Final = 16

_ROUNDED_MS: t.Final = 1_000
"""Times less far apart than that are one: another tap may round them."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a record or its event is not, or must not be, taken by Amplitude.

    `reason` is a stable code for machines, `field` the part of the record or event
    concerned, `detail` a sentence for people, `status` the HTTP status where Amplitude
    answered with one.
    """

    reason: str
    field: str
    detail: str
    status: int | None = None


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """An event's type and time, by which two events with one key differ."""

    event_type: str
    time: int | None
    """ms since 1970; None where it does not matter."""

    def differs_from(self, other: Occurrence) -> bool:
        """Return whether these are two events, not one that was read twice."""
        if self.event_type != other.event_type:
            return True
        if self.time is None or other.time is None:
            return False
        return abs(self.time - other.time) >= _ROUNDED_MS


class SentEvent(Occurrence, frozen=True, gc=False):
    """What is remembered of an event that was sent."""

    key: DedupKey
    insert_id: str
    device_id: str | None
    user_id: str | None


class Checkpoint:
    """The records between two STATE messages."""

    __slots__ = ("opened", "settled", "state")

    def __init__(self) -> None:
        """Start with no record."""
        self.opened = 0  # written by the reading thread only
        self.settled = 0  # written under the ledger's lock
        self.state = b""

    @property
    def is_settled(self) -> bool:
        """Whether none of its records is open."""
        return self.opened == self.settled


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a record came from, and what it is counted under."""

    report_key: str
    """Its Nami event type, as a rule."""
    stream: str
    line: bytes
    """The RECORD message as it was read."""
    held: int | None = None
    """Its number in the store, where it waited there to be sent."""


def dedup_key(insert_id: str, device_id: str | None, user_id: str | None) -> DedupKey:
    """Return what Amplitude recognises an event by: its insert id and its device.

    Its user, where there is no device: two of them may have events with one insert id
    (HTTP V2 API, "Event deduplication"). 128 bits of a hash are as good as the ids, and
    short.
    """
    owner = device_id or f"\0{user_id}"
    # With its length before it, no insert id can pass for a longer or shorter one.
    text = f"{len(insert_id)} {insert_id}{owner}"
    hashed = _begun.copy()  # quicker than to begin anew
    hashed.update(text.encode())
    return hashed.digest()


_begun = blake2b(digest_size=DEDUP_KEY_BYTES)
