"""Checks every event of a request, and makes the answer for invalid ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from target_amplitude_nami.local.ingest import limits, properties
from target_amplitude_nami.local.ingest.limits import IndexMode
from target_amplitude_nami.local.model import JsonObject, RefusedError, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.local.ingest.behaviour import Behaviour

_Indexes: TypeAlias = dict[str, list[int]]
_Types: TypeAlias = frozenset[type | None]

_ID_FIELDS = ("user_id", "device_id")
_PROPERTY_FIELDS = ("event_properties", "user_properties")

_INTEGER: _Types = frozenset({int, type(None)})
_NUMBER: _Types = frozenset({int, float, type(None)})
_OBJECT: _Types = frozenset({dict, type(None)})
_TEXT: _Types = frozenset({str, type(None)})
_ID: _Types = frozenset({str, int, type(None)})

# Compared by exact type: a bool is an int in Python, but not in Amplitude.
_TYPES: Mapping[str, _Types] = MappingProxyType(
    {
        "device_id": _ID,
        "event_id": _INTEGER,
        "event_properties": _OBJECT,
        "event_type": _TEXT,
        "group_properties": _OBJECT,
        "groups": _OBJECT,
        "insert_id": _TEXT,
        "location_lat": _NUMBER,
        "location_lng": _NUMBER,
        "price": _NUMBER,
        "quantity": _INTEGER,
        "revenue": _NUMBER,
        "session_id": _INTEGER,
        "time": _INTEGER,
        "user_id": _ID,
        "user_properties": _OBJECT,
    },
)

# Milliseconds of the years 1 to 9999; there are no dates beyond them.
_FIRST_MOMENT, _LAST_MOMENT = -62_135_596_800_000, 253_402_300_799_999
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Complaints:
    """The indexes of invalid events per field, by kind of complaint."""

    missing: _Indexes = field(default_factory=dict)
    invalid: _Indexes = field(default_factory=dict)
    short: _Indexes = field(default_factory=dict)
    forbidden: _Indexes = field(default_factory=dict)


def check_events(upload: Upload, api: limits.Api, behaviour: Behaviour) -> None:
    """Check every event of a request.

    Missing fields come first, then invalid fields, short ids and forbidden ids; the
    first kind that occurs gives the answer (HTTP V2 API, Response format).

    Raises:
        RefusedError: At least one event is invalid, and with it the request.
    """
    if not all(isinstance(event, dict) for event in upload.events):
        raise RefusedError(400, "Invalid event JSON")
    complaints = complaints_of(upload)
    _answer(complaints, behaviour.index_mode or api.index_mode, behaviour)


def complaints_of(upload: Upload) -> Complaints:
    """Return all complaints about the events of a request."""
    complaints = Complaints()
    if _is_flawless(upload):
        return complaints
    for index, event in enumerate(upload.events):
        if not isinstance(event, dict):
            _note(complaints.invalid, "event", index)
            continue
        _check_types(complaints, index, event)
        _check_meaning(complaints, index, event)
        if _may_nest_deeply(upload.raws[index]):
            _check_depth(complaints, index, event)
        _check_ids(complaints, index, event, upload.min_id_length)
    return complaints


def _is_flawless(upload: Upload) -> bool:
    """Return whether all events are valid, without looking at each one by itself.

    True is certain, False is not: it checks one field of all events at once, which is a
    third of the work.
    """
    events = upload.events
    if {*map(type, events)} != {dict}:
        return False
    columns = {
        name: [event.get(name) for event in events]
        for name in _TYPES.keys() & set().union(*events)
    }
    nothing = [None] * len(events)
    users, devices = (columns.get(name, nothing) for name in _ID_FIELDS)
    return (
        "event_type" in columns
        and all(_is_sound(name, column) for name, column in columns.items())
        and not any(map(_may_nest_deeply, upload.raws))
        and (None, None) not in zip(users, devices, strict=True)
        and _are_usual(users, upload.min_id_length)
        and _are_usual(devices, upload.min_id_length)
    )


def _is_sound(name: str, column: list[Any]) -> bool:
    """Return whether a field of many events is valid, apart from ids."""
    kinds = {*map(type, column)}
    if not kinds <= _TYPES[name]:
        return False
    if name == "event_type":
        values = {*column}
        return values.isdisjoint(limits.RESERVED_EVENT_TYPES | {None, ""})
    if name == "user_properties":
        return properties.are_plain({*chain.from_iterable(filter(None, column))})
    if int in kinds and _TYPES[name] is _INTEGER:
        whole = [value for value in column if value is not None]
        return _fits(name, min(whole)) and _fits(name, max(whole))
    return True


def _are_usual(ids: list[Any], min_length: int) -> bool:
    """Return whether all ids that are present are long enough texts, not forbidden."""
    ids = [value for value in ids if value is not None]
    return (
        {*map(type, ids)} <= {str}
        and min(map(len, ids), default=min_length) >= min_length
        and limits.FORBIDDEN_IDS.isdisjoint(map(str.lower, map(str.strip, ids)))
    )


def _check_types(complaints: Complaints, index: int, event: JsonObject) -> None:
    for name, value in event.items():
        kinds = _TYPES.get(name)
        if kinds is None:
            continue
        kind = type(value)
        # Where fractions are allowed, integers may have any length.
        long = kind is int and float not in kinds and not _fits(name, value)
        if kind not in kinds or long:
            _note(complaints.invalid, name, index)


def _check_meaning(complaints: Complaints, index: int, event: JsonObject) -> None:
    event_type = event.get("event_type")
    if event_type is None or event_type == "":
        _note(complaints.missing, "event_type", index)
    elif isinstance(event_type, str) and event_type in limits.RESERVED_EVENT_TYPES:
        _note(complaints.invalid, "event_type", index)
    sent = event.get("user_properties")
    if isinstance(sent, dict) and not properties.are_sound(sent):
        _note(complaints.invalid, "user_properties", index)


def _fits(name: str, value: int) -> bool:
    if name == "time":
        return _FIRST_MOMENT <= value <= _LAST_MOMENT
    return _LONG_MIN <= value <= _LONG_MAX


def _check_ids(
    complaints: Complaints,
    index: int,
    event: JsonObject,
    min_length: int,
) -> None:
    if event.get("user_id") is None and event.get("device_id") is None:
        _note(complaints.missing, "user_id", index)
        return
    for name in _ID_FIELDS:
        value = event.get(name)
        if type(value) is not str and type(value) is not int:
            continue
        text = str(value)
        # One short id costs the event, however good the other one is: the
        # documentation says it is dropped, servers were seen to answer 400.
        if len(text) < min_length:
            _note(complaints.short, name, index)
        if text.strip().lower() in limits.FORBIDDEN_IDS:
            _note(complaints.forbidden, name, index)


def _may_nest_deeply(raw: bytes) -> bool:
    return raw.count(b"{") + raw.count(b"[") > limits.MAX_DEPTH


def _check_depth(complaints: Complaints, index: int, event: JsonObject) -> None:
    for name in _PROPERTY_FIELDS:
        if _exceeds(event.get(name), limits.MAX_DEPTH):
            _note(complaints.invalid, name, index)


def _exceeds(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_exceeds(item, levels - 1) for item in value)


def _note(indexes: _Indexes, name: str, index: int) -> None:
    noted = indexes.setdefault(name, [])
    if not noted or noted[-1] != index:
        noted.append(index)


def _answer(complaints: Complaints, mode: IndexMode, behaviour: Behaviour) -> None:
    kinds = (
        (
            "Request missing required field",
            "events_with_missing_fields",
            complaints.missing,
        ),
        (
            "Invalid field values on some events",
            "events_with_invalid_fields",
            complaints.invalid,
        ),
        (
            "Invalid id length for user_id or device_id",
            "events_with_invalid_id_lengths",
            complaints.short,
        ),
    )
    raised = [kind for kind in kinds if kind[2]]
    if raised:
        listed = raised if behaviour.maps_together else raised[:1]
        maps = {name: _named(indexes, mode) for _, name, indexes in listed}
        raise RefusedError(400, raised[0][0], **({} if mode == "none" else maps))
    if complaints.forbidden:
        named = {"events_with_invalid_fields": _named(complaints.forbidden, mode)}
        lists_ids = behaviour.name_forbidden_ids and mode != "none"
        raise RefusedError(
            400,
            "Invalid user_id or device_id",
            **(named if lists_ids else {}),
        )


def _named(indexes: _Indexes, mode: IndexMode) -> _Indexes:
    if mode == IndexMode.FIRST:
        return {name: noted[:1] for name, noted in indexes.items()}
    return indexes
