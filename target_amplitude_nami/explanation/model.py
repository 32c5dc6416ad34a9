"""Types an explanation: what is printed, and given to programs, about one record."""

from __future__ import annotations

import typing as t

import msgspec

Outcome: t.TypeAlias = t.Literal["sent", "duplicate", "filtered", "held", "rejected"]

How: t.TypeAlias = t.Literal["copied", "renamed", "derived", "known", "setting"]
"""`copied` under its own name, `renamed`, `derived` from one or several parts of the
record; `known` from earlier records; given by a `setting` or by the target itself."""


class Source(msgspec.Struct, frozen=True):
    """A part of the record that decides a field of the event."""

    path: str
    """Such as `payload.devices[0].id`."""
    value: str
    """As JSON text, cut where it is long."""


class Field(msgspec.Struct, frozen=True):
    """A field of the Amplitude event, and where it comes from."""

    name: str
    """Such as `user_properties.namiml_active_skus`."""
    value: str
    """As JSON text, as it is sent."""
    how: How
    sources: tuple[Source, ...] = ()
    note: str = ""


class Shape(msgspec.Struct, frozen=True):
    """The form in which the record came."""

    kind: t.Literal["event", "user", "other"]
    forms: tuple[str, ...]
    """What is remarkable about it, for people."""
    column: str | None = None
    """The column that holds the whole webhook."""
    unused: tuple[str, ...] = ()
    """The columns that make no difference."""


class Decision(msgspec.Struct, frozen=True):
    """One decision about the record, and why it was made."""

    passed: bool
    what: str
    setting: str = ""
    """The setting that decides it, where there is one."""


class Identity(msgspec.Struct, frozen=True):
    """The user and the device that the event names, and why these."""

    user_id: str | None
    device_id: str | None
    why: tuple[str, ...]


class Reject(msgspec.Struct, frozen=True):
    """Why a record is rejected, and what can be done about it."""

    reason: str
    field: str
    detail: str
    found: tuple[Source, ...]
    """What the record has in that field."""
    advice: str
    status: int | None = None
    at: str | None = None
    """When that was, if it stands in a rejects file."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole way of one record."""

    input: str
    line: int
    batch_record: int | None = None
    """Which of the records in its files, where the line is a BATCH message."""
    stream: str
    outcome: Outcome
    reason: str = ""
    """The code of the reason why it is not sent."""
    advice: str = ""
    """What to change if it should be sent."""
    event_type: str | None = None
    event_id: str | None = None
    earlier: Reject | None = None
    """Why it stands in the rejects file that it was read from."""
    reject: Reject | None = None
    """Why it is rejected as things are now."""
    shape: Shape | None = None
    filter: tuple[Decision, ...] = ()
    identity: Identity | None = None
    freshness: tuple[str, ...] = ()
    checks: tuple[Decision, ...] = ()
    fields: tuple[Field, ...] = ()
    event: str | None = None
    """The bytes that are sent, or would be, as text."""
    project: str | None = None
    """`main`, or `sandbox` for the project of `sandbox_api_key`."""
    notes: tuple[str, ...] = ()
