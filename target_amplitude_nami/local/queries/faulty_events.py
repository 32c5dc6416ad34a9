"""Which events of a refused request were at fault, also those that the answer hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest import envelope, forms, limits
from target_amplitude_nami.local.ingest.validation import complaints_of
from target_amplitude_nami.local.model import RefusedError, Request, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator

_THROTTLED = "too many events of this user or device"
_SILENCED = "its device is silenced"


class Mark(msgspec.Struct, frozen=True):
    """An event at fault: its place in the request, and what is wrong with it."""

    index: int
    why: str
    field: str | None
    event: str | None
    """The event as JSON text."""


class _Listed(msgspec.Struct):
    """What an answer says of single events beside the fields."""

    throttled_events: list[int] = []
    silenced_events: list[int] = []


def upload_in(body: bytes, api: str) -> Upload | None:
    """Return the content of a kept body, if it can be read."""
    try:
        if api == limits.IDENTIFY_API.name:
            return forms.upload_of(Request("POST", "", {}, body), len(body))
        return envelope.upload_of(body)
    except RefusedError:
        return None


def marks_of(upload: Upload, answer: bytes) -> list[Mark]:
    """Return the events at fault, in the order of the request."""
    return [
        Mark(index, why, field or None, _text(upload, index))
        for index, why, field in sorted(_faults(upload, answer))
    ]


def _faults(upload: Upload, answer: bytes) -> Iterator[tuple[int, str, str]]:
    try:
        listed = msgspec.json.decode(answer, type=_Listed)
    except msgspec.DecodeError:
        listed = _Listed()
    for why, indexes in (
        (_THROTTLED, listed.throttled_events),
        (_SILENCED, listed.silenced_events),
    ):
        yield from ((index, why, "") for index in indexes)
    complaints = complaints_of(upload)
    for why, fields in (
        ("missing", complaints.missing),
        ("not what Amplitude takes", complaints.invalid),
        ("too short", complaints.short),
        ("names nobody", complaints.forbidden),
    ):
        for field, indexes in fields.items():
            yield from ((index, why, field) for index in indexes)


def _text(upload: Upload, index: int) -> str | None:
    if index >= len(upload.raws):
        return None
    return upload.raws[index].decode("utf-8", "replace")
