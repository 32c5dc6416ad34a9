"""Finds the events for which a request was refused, also those the answer omits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from target_amplitude_nami.local.ingest import envelope
from target_amplitude_nami.local.ingest.validation import complaints_of
from target_amplitude_nami.local.model import RefusedError, Upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Why: TypeAlias = Literal[
    "missing", "invalid", "short", "forbidden", "throttled", "silenced"
]


class FaultyEvent(msgspec.Struct, frozen=True):
    """An event at fault: its index in the request, and what is wrong with it."""

    index: int
    why: Why
    field: str | None
    event: str | None
    """The event as JSON text."""


class _Listed(msgspec.Struct):
    """The events that an answer lists beside those with faulty fields."""

    throttled_events: list[int] = []
    silenced_events: list[int] = []


def upload_in(body: bytes) -> Upload | None:
    """Return the content of a stored body; None if it cannot be read."""
    try:
        return envelope.upload_of(body)
    except RefusedError:
        return None


def faulty_events(upload: Upload, answer: bytes) -> list[FaultyEvent]:
    """Return the events at fault, in the order of the request.

    Args:
        upload: The request's content.
        answer: The answer's body.
    """
    return [
        FaultyEvent(index, why, field or None, _text(upload, index))
        for index, why, field in sorted(_faults(upload, answer))
    ]


def _faults(upload: Upload, answer: bytes) -> Iterator[tuple[int, Why, str]]:
    try:
        listed = msgspec.json.decode(answer, type=_Listed)
    except msgspec.DecodeError:
        listed = _Listed()
    yield from ((index, "throttled", "") for index in listed.throttled_events)
    yield from ((index, "silenced", "") for index in listed.silenced_events)
    complaints = complaints_of(upload)
    by_reason: dict[Why, Mapping[str, Iterable[int]]] = {
        "missing": complaints.missing,
        "invalid": complaints.invalid,
        "short": complaints.short,
        "forbidden": complaints.forbidden,
    }
    for why, fields in by_reason.items():
        for field, indexes in fields.items():
            yield from ((index, why, field) for index in indexes)


def _text(upload: Upload, index: int) -> str | None:
    if index >= len(upload.raws):
        return None
    return upload.raws[index].decode("utf-8", "replace")
