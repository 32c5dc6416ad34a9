"""Which events of a request Amplitude would refuse, and the answer that says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from target_amplitude_nami.local import limits, properties
from target_amplitude_nami.local.limits import IndexMode
from target_amplitude_nami.local.model import JsonObject, RefusedError, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.local.switches import Switches

_Indexes: TypeAlias = dict[str, list[int]]
_Types: TypeAlias = frozenset[type | None]

_ID_FIELDS = ("user_id", "device_id")
_PROPERTY_FIELDS = ("event_properties", "user_properties")

_INTEGER: _Types = frozenset({int, type(None)})
_NUMBER: _Types = frozenset({int, float, type(None)})
_OBJECT: _Types = frozenset({dict, type(None)})
_TEXT: _Types = frozenset({str, type(None)})
_ID: _Types = frozenset({str, int, type(None)})

# Compared by exact type: to Python a bool is an int, to Amplitude it is none.
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

# Milliseconds of the years 1 to 9999, outside of which there is no date to show.
_FIRST_MOMENT, _LAST_MOMENT = -62_135_596_800_000, 253_402_300_799_999
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1


_Long: TypeAlias = Annotated[int, msgspec.Meta(ge=_LONG_MIN, le=_LONG_MAX)]
_Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=_FIRST_MOMENT, le=_LAST_MOMENT)]


class _Sound(msgspec.Struct, gc=False):
    """The fields of an event of which every one has a type that Amplitude takes.

    Reading an event as this takes a tenth of the time of looking at each field; where
    it fails, the fields are looked at to say which.
    """

    device_id: str | _Long | None = None
    event_id: _Long | None = None
    event_properties: dict[str, msgspec.Raw] | None = None
    event_type: str | None = None
    group_properties: dict[str, msgspec.Raw] | None = None
    groups: dict[str, msgspec.Raw] | None = None
    insert_id: str | None = None
    location_lat: float | None = None
    location_lng: float | None = None
    price: float | None = None
    quantity: _Long | None = None
    revenue: float | None = None
    session_id: _Long | None = None
    time: _Moment | None = None
    user_id: str | _Long | None = None
    user_properties: dict[str, msgspec.Raw] | None = None


_read_sound = msgspec.json.Decoder(_Sound).decode


@dataclass(frozen=True, slots=True)
class Complaints:
    """The indexes of bad events per field, by kind of complaint."""

    missing: _Indexes = field(default_factory=dict)
    invalid: _Indexes = field(default_factory=dict)
    short: _Indexes = field(default_factory=dict)
    forbidden: _Indexes = field(default_factory=dict)


def check_events(upload: Upload, api: limits.Api, switches: Switches) -> None:
    """Judge every event of a request.

    The kinds of complaint come in the order missing fields, invalid fields, short ids,
    forbidden ids; the first kind there is answers (HTTP V2 API, Response format).

    Raises:
        RefusedError: At least one event is bad, and with it the request.
    """
    if not all(isinstance(event, dict) for event in upload.events):
        raise RefusedError(400, "Invalid event JSON")
    complaints = complaints_of(upload)
    _answer(complaints, switches.index_mode or api.index_mode, switches)


def complaints_of(upload: Upload) -> Complaints:
    """Return all that is wrong with the events of a request, one by one."""
    complaints = Complaints()
    for index, event in enumerate(upload.events):
        if not isinstance(event, dict):
            _note(complaints.invalid, "event", index)
            continue
        if not _is_sound(upload.raws[index]):
            _check_types(complaints, index, event)
        _check_meaning(complaints, index, event)
        if _may_nest_deeply(upload.raws[index]):
            _check_depth(complaints, index, event)
        _check_ids(complaints, index, event, upload.min_id_length)
    return complaints


def _is_sound(raw: bytes) -> bool:
    try:
        _read_sound(raw)
    except msgspec.DecodeError:
        return False
    return True


def _check_types(complaints: Complaints, index: int, event: JsonObject) -> None:
    for name, value in event.items():
        kinds = _TYPES.get(name)
        if kinds is None:
            continue
        kind = type(value)
        if kind not in kinds or (kind is int and not _fits(name, value)):
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


def _answer(complaints: Complaints, mode: IndexMode, switches: Switches) -> None:
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
        told = raised if switches.maps_together else raised[:1]
        maps = {name: _named(indexes, mode) for _, name, indexes in told}
        raise RefusedError(400, raised[0][0], **({} if mode == "none" else maps))
    if complaints.forbidden:
        named = {"events_with_invalid_fields": _named(complaints.forbidden, mode)}
        told_ids = switches.name_forbidden_ids and mode != "none"
        raise RefusedError(
            400,
            "Invalid user_id or device_id",
            **(named if told_ids else {}),
        )


def _named(indexes: _Indexes, mode: IndexMode) -> _Indexes:
    if mode == IndexMode.FIRST:
        return {name: noted[:1] for name, noted in indexes.items()}
    return indexes
