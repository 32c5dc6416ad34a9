"""Turns a record of any input shape into a `NamiEvent` or a `NamiUser`.

The shapes: nested objects, JSON text in columns, `a__b` columns, UPPER CASE columns,
the whole webhook in one column, ready-made `namiml_*` columns, the wrappers of file
formats (`containers`), and any mix. All shapes of one record give the same `NamiEvent`.
"""

from __future__ import annotations

import fnmatch
import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import containers, times, values
from target_amplitude_nami.nami.about_user import take_about_user
from target_amplitude_nami.nami.columns import Columns, plain_members
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.payloads import (
    USUAL_COLUMNS,
    Payloads,
    without_types,
)
from target_amplitude_nami.nami.properties import normalised
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.nami.values import NO_ID

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_Fields: t.TypeAlias = dict[str, t.Any]


class _Read(t.Protocol):
    def __call__(self, fields: _Fields, *, is_plain: bool) -> NamiEvent | NamiUser: ...


class RecordReader:
    """Reads the records of one stream; what it learns of the columns, it keeps."""

    def __init__(  # noqa: PLR0913
        self,
        stream: str,
        columns: Iterable[str] = (),
        *,
        event_streams: Sequence[str] = (),
        user_streams: Sequence[str] = (),
        separator: str = "__",
        note_misfit: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """Compile a reader for a stream.

        Args:
            stream: The stream's name.
            columns: The columns that its schema declares.
            event_streams: Names or patterns of the streams that hold events; without
                them, those whose records have an event type.
            user_streams: Names or patterns of the streams that hold users; without
                them, those whose records look like users.
            separator: What stands between the parts of a flattened column's name.
            note_misfit: Called with each column of a record that begins with the name
                of one of Nami's containers and is not a known part of it.
        """
        self._columns = Columns(separator, frozenset(USUAL_COLUMNS))
        self._note_misfit = note_misfit
        self._recognises_events = not event_streams
        self._recognises_users = not user_streams
        self._holds_users = _matches(stream, user_streams)
        self._has_event_types = "event_type" in map(self._columns.head, columns)
        self._holds_events = not self._holds_users and (
            _matches(stream, event_streams) if event_streams else self._has_event_types
        )
        self._takes_events = self._holds_events or (
            self._recognises_events and not self._holds_users
        )
        """Whether a record with an event type is one."""
        self._payloads = Payloads(
            self._columns,
            is_expected=self._holds_events and not self._has_event_types,
        )

    def read(self, record: Mapping[str, t.Any]) -> NamiEvent | NamiUser | None:
        """Return what the record says, or None when it is neither event nor user.

        Raises:
            UnreadableRecord: When it is one of them but cannot be understood.
        """
        try:
            return self._read(record)
        except RecursionError as error:
            raise UnreadableRecord(
                "too_deep", "", "the record is nested too deep to be read"
            ) from error

    def event_type_of(self, record: Mapping[str, t.Any]) -> str | None:
        """Return the event type of a record that cannot be read, if it has one."""
        try:
            fields = without_types(self._columns.arrange(record))
            own_type = fields.get("event_type")
            if own_type is None:
                fields = self._payloads.event_in(fields) or fields
            elif isinstance(own_type, str):
                fields = self._payloads.event_beside(own_type, fields) or fields
            return _event_type(fields.get("event_type"))
        except (RecursionError, UnreadableRecord):
            return None

    def _read(  # noqa: C901 - more calls would take longer
        self, record: Mapping[str, t.Any]
    ) -> NamiEvent | NamiUser | None:
        columns = self._columns
        is_plain = columns.are_plain(record)
        if is_plain:
            fields = dict(record)
            for name in columns.metadata:
                fields.pop(name, None)
        else:
            fields = columns.arrange(record)
        if type(fields.get("event_type")) is not str:
            fields = without_types(fields)
            if fields.get("event_type") is None:
                body = self._opened(fields, record)
                if body is None:
                    return None
                is_plain, fields = is_plain and body is fields, body
        elif not self._takes_events:
            pass  # nothing but a user may be in it
        elif columns.bodies and not columns.bodies.isdisjoint(fields):
            body = self._payloads.event_beside(fields["event_type"], fields)
            if body is not None:
                is_plain, fields = False, body
        elif is_plain:
            return _read_event(fields, is_plain=True)
        read = self._how_to_read(fields)
        if read is None:
            return None
        if columns.misfits and not columns.misfits.isdisjoint(fields):
            self._note_misfits(fields)
        return read(fields, is_plain=is_plain)

    def _how_to_read(self, fields: _Fields) -> _Read | None:
        """Return what reads fields like these; None where they are not Nami's."""
        if self._holds_users:
            return _read_user
        if self._holds_events:
            return _read_event
        if fields.get("event_type") is not None:
            return _read_event if self._recognises_events else None
        is_user = self._recognises_users and _looks_like_user(fields)
        return _read_user if is_user else None

    def _opened(self, fields: _Fields, record: Mapping[str, t.Any]) -> _Fields | None:
        """Return the fields of a record that names no event type itself.

        Returns:
            Those of the webhook or the user that a column holds, or else the record's
            own; None where that column holds something that is not Nami's.
        """
        may_hold_events = self._recognises_events or self._holds_events
        try:
            body = self._payloads.event_in(fields)
        except UnreadableRecord:
            if may_hold_events:
                raise
            return None
        if body is not None:
            return body
        if not _looks_like_user(fields) or self._holds_events:
            for body in self._payloads.objects_in(fields):
                if _looks_like_user(body):
                    return body
        if self._holds_users or self._has_event_types or not may_hold_events:
            return fields
        names = map(self._columns.head, record)
        if self._payloads.holds_another_object(fields, names):
            return None
        return fields

    def _note_misfits(self, fields: _Fields) -> None:
        for name in self._columns.misfits.intersection(fields):
            if fields[name] is not None:
                self._note_misfit(name)


def _matches(stream: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(stream, pattern) for pattern in patterns)


def _event_type(value: object) -> str | None:
    return (values.trimmed(value) or None) if isinstance(value, str) else None


def _read_event(fields: _Fields, *, is_plain: bool) -> NamiEvent:
    event_type = _event_type(fields.pop("event_type", None))
    if event_type is None:
        raise UnreadableRecord(
            "event_type_missing",
            "event_type",
            "the stream holds events, but this record names no event type",
        )
    try:
        return _read_event_of_type(event_type, fields, is_plain)
    except UnreadableRecord as error:
        error.event_type = event_type
        raise


def _read_event_of_type(
    event_type: str,
    fields: _Fields,
    is_plain: bool,  # noqa: FBT001 - a call by name takes longer
) -> NamiEvent:
    take = fields.pop
    created = take("created_date", None)
    time = times.milliseconds(created) if type(created) is str else None
    if time is None:  # the long way says why
        time = values.time_ms(created, "created_date")
    if time is None:
        raise UnreadableRecord(
            "time_missing", "created_date", "the event has no created_date"
        )
    event_id = _id(take("id", None), "id")
    if event_id is None:
        event_id = _id(take("event_id", None), "id")
    user_id = _id(take("user_id", None), "user_id")
    device_id = _id(take("device_id", None), "device_id")
    state, external_id = take_about_user(
        fields,
        carries_state=event_type.startswith("user."),
        has_ready_made=not is_plain,
    )
    return NamiEvent(
        event_type,
        time,
        event_id,
        user_id,
        external_id,
        device_id or _only_device(state),
        state,
        plain_members(normalised(fields)),
    )


def _read_user(fields: _Fields, *, is_plain: bool) -> NamiUser:
    own_id = fields.get("user_id")
    user_id = _id(fields.get("id") if own_id is None else own_id, "user_id")
    if user_id is None:
        raise UnreadableRecord(
            "user_id_missing", "user_id", "the user record has no user_id"
        )
    state, external_id = take_about_user(
        fields, carries_state=True, has_ready_made=not is_plain
    )
    return NamiUser(
        user_id,
        external_id,
        _id(fields.get("device_id"), "device_id") or _only_device(state),
        values.time_ms(fields.get("updated_at"), "updated_at"),
        state,
    )


def _looks_like_user(fields: Mapping[str, t.Any]) -> bool:
    get = fields.get
    devices = get("devices")
    has_state = (
        get("customer_journey_state") is not None
        or get("active_entitlements") is not None
        or any(
            name.startswith("namiml_") for name in fields if fields[name] is not None
        )
    )
    if not has_state and devices is not None:
        # A table of anything may count devices, or list them beside its own `id`.
        has_state = get("user_id") is not None or _are_devices(devices)
    if get("user_id") is not None:
        return (
            has_state
            or get("external_ids") is not None
            or get("external_id") is not None
        )
    return has_state and get("id") is not None


def _are_devices(devices: object) -> bool:
    """Return whether there are devices among them as Nami tells of them."""
    try:
        return any(
            device.get("id") is not None
            for device in containers.members(devices, "devices") or ()
        )
    except UnreadableRecord:
        return False


def _id(value: object, field: str) -> str | None:
    """Return an id; text without padding is handled here, as a call costs more."""
    if type(value) is str and value and value[0] > " " and value[-1] > " ":
        return None if value == NO_ID else value
    return None if value is None else values.identifier(value, field)


def _only_device(state: UserState) -> str | None:
    # One of several would tie unrelated devices together in Amplitude.
    devices = state.device_ids
    return devices[0] if devices is not None and len(devices) == 1 else None


__all__ = [
    "NO_STATE",
    "NamiEvent",
    "NamiUser",
    "RecordReader",
    "UserState",
]
