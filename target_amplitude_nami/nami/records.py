"""Turns a record of any input shape into a `NamiEvent` or a `NamiUser`.

The shapes: nested objects, JSON text in columns, `a__b` columns, UPPER CASE columns,
the whole webhook in one payload column, ready-made `namiml_*` columns, and any mix.
All shapes of one record give the same `NamiEvent`.
"""

from __future__ import annotations

import fnmatch
import typing as t

from target_amplitude_nami.nami import usual, values
from target_amplitude_nami.nami.columns import (
    PAYLOAD_COLUMNS,
    Columns,
    plain_members,
    plain_value,
)
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.properties import normalised
from target_amplitude_nami.nami.state import (
    NO_STATE,
    READY_MADE_COLUMNS,
    UserState,
    take_state,
)
from target_amplitude_nami.nami.values import NO_ID, UnreadableRecordError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class RecordReader:
    """Reads the records of one stream; what it learns of the columns, it keeps."""

    def __init__(
        self,
        stream: str,
        columns: Iterable[str] = (),
        *,
        event_streams: Sequence[str] = (),
        user_streams: Sequence[str] = (),
        separator: str = "__",
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
        """
        self._columns = Columns(separator)
        self._recognises_events = not event_streams
        self._recognises_users = not user_streams
        self._holds_users = _matches(stream, user_streams)
        self._holds_events = not self._holds_users and (
            _matches(stream, event_streams)
            if event_streams
            else "event_type" in {self._columns.head(column) for column in columns}
        )

    def read(self, record: Mapping[str, t.Any]) -> NamiEvent | NamiUser | None:
        """Return what the record says, or None when it is neither event nor user.

        Raises:
            UnreadableRecordError: When it is one of them but cannot be understood.
        """
        try:
            if self._columns.are_plain(record):
                nami = self._read_usual(record)
                return nami or self._read_any(self._columns.arrange(record))
            fields = self._unwrap(self._columns.arrange(record))
            if READY_MADE_COLUMNS.isdisjoint(fields):
                return self._read_usual(fields) or self._read_any(fields)
            return self._read_any(fields)
        except RecursionError as error:
            raise UnreadableRecordError(
                "too_deep", "", "the record is nested too deep to be read"
            ) from error

    def event_type_of(self, record: Mapping[str, t.Any]) -> str | None:
        """Return the event type of a record that cannot be read, if it tells one."""
        try:
            event_type = self._unwrap(self._columns.arrange(record)).get("event_type")
        except (RecursionError, UnreadableRecordError):
            return None
        return event_type if isinstance(event_type, str) else None

    def _read_usual(self, fields: Mapping[str, t.Any]) -> NamiEvent | NamiUser | None:
        """Take the short way; None where only the long one can tell."""
        try:
            if self._holds_users:
                return _usual_user(fields)
            if fields.get("event_type") is not None:
                if self._holds_events or self._recognises_events:
                    return _usual_event(fields, self._columns.metadata)
            elif self._recognises_users and not self._holds_events:
                return _usual_user(fields, must_look_like_one=True)
        except UnreadableRecordError:
            pass  # The long way says what is wrong first.
        return None

    def _read_any(self, fields: dict[str, t.Any]) -> NamiEvent | NamiUser | None:
        if self._holds_users:
            return _read_user(fields)
        if self._holds_events:
            return _read_event(fields)
        if "event_type" in fields:
            return _read_event(fields) if self._recognises_events else None
        is_user = self._recognises_users and _looks_like_user(fields)
        return _read_user(fields) if is_user else None

    def _unwrap(self, fields: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the webhook's body where a column of the record holds it whole."""
        for column in PAYLOAD_COLUMNS:
            payload = fields.get(column)
            if payload is None:
                continue
            if isinstance(payload, str):
                payload = self._payload_text(payload, column, fields)
            if not isinstance(payload, dict):
                continue
            body = self._columns.arrange(payload)
            if "event_type" in body:
                return _with_envelope(body, fields)
            if _looks_like_user(body) and not (
                "event_type" in fields or _looks_like_user(fields)
            ):
                return body
        return fields

    def _payload_text(
        self, text: str, column: str, fields: Mapping[str, t.Any]
    ) -> object:
        # A text column of an event that stands in columns of its own, or of a stream
        # that has nothing to do with Nami, is no payload and need not be JSON.
        expected = self._holds_events or self._holds_users
        if "event_type" in fields or not (expected or text.lstrip().startswith("{")):
            return plain_value(text)
        return values.json_text(text, column)


def _with_envelope(
    body: dict[str, t.Any], columns: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Return a webhook's body, its envelope completed from the columns beside it."""
    if "id" not in body and "event_id" in columns:
        body["id"] = columns["event_id"]
    for name in ("user_id", "created_date"):
        if name not in body and name in columns:
            body[name] = columns[name]
    return body


def _matches(stream: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(stream, pattern) for pattern in patterns)


def _usual_event(
    fields: Mapping[str, t.Any], metadata: Iterable[str]
) -> NamiEvent | None:
    left = dict(fields)
    take = left.pop
    event_type, created = take("event_type"), take("created_date", None)
    if type(event_type) is not str or not event_type or created is None:
        return None
    state = usual.state_of(
        take("active_entitlements", None),
        take("devices", None),
        take("customer_journey_state", None),
    )
    if state is None:
        return None
    event_id, user_id = take("id", None), take("user_id", None)
    device_id = take("device_id", None)
    external_id = _external_id(take("external_ids", None), take("external_id", None))
    if event_id is None:
        event_id = take("event_id", None)
    for name in metadata:
        take(name, None)
    # Usual ids are told here: the calls would take longer than what is done in them.
    if type(event_id) is not str or not event_id or event_id == NO_ID:
        event_id = values.identifier(event_id, "id")
    if type(user_id) is not str or not user_id or user_id == NO_ID:
        user_id = values.identifier(user_id, "user_id")
    if type(device_id) is not str or not device_id or device_id == NO_ID:
        device_id = values.identifier(device_id, "device_id") or _only_device(state)
    return NamiEvent(
        event_type,
        values.epoch_ms(created, "created_date"),
        event_id,
        user_id,
        external_id,
        device_id,
        state,
        plain_members(normalised(left)),
    )


def _usual_user(
    fields: Mapping[str, t.Any], *, must_look_like_one: bool = False
) -> NamiUser | None:
    get = fields.get
    parts = get("active_entitlements"), get("devices"), get("customer_journey_state")
    user_id, entries, column = get("user_id"), get("external_ids"), get("external_id")
    names_a_user = user_id is not None and (entries is not None or column is not None)
    if must_look_like_one and parts == (None, None, None) and not names_a_user:
        return None
    state = usual.state_of(*parts)
    user_id = values.identifier(get("id") if user_id is None else user_id, "user_id")
    if state is None or user_id is None:
        return None
    device_id = values.identifier(get("device_id"), "device_id")
    updated = get("updated_at")
    return NamiUser(
        user_id,
        _external_id(entries, column),
        device_id or _only_device(state),
        values.time_ms(updated, "updated_at"),
        state,
    )


def _read_event(fields: dict[str, t.Any]) -> NamiEvent:
    event_type = fields.pop("event_type", None)
    if not isinstance(event_type, str) or not event_type:
        raise UnreadableRecordError(
            "event_type_missing",
            "event_type",
            "the stream holds events, but this record names no event type",
        )
    try:
        return _read_event_of_type(event_type, fields)
    except UnreadableRecordError as error:
        error.event_type = event_type
        raise


def _read_event_of_type(event_type: str, fields: dict[str, t.Any]) -> NamiEvent:
    time = values.time_ms(fields.pop("created_date", None), "created_date")
    if time is None:
        raise UnreadableRecordError(
            "time_missing", "created_date", "the event has no created_date"
        )
    event_id = fields.pop("id", None)
    if event_id is None:
        event_id = fields.pop("event_id", None)
    user_id = values.identifier(fields.pop("user_id", None), "user_id")
    external_id = _external_id(
        fields.pop("external_ids", None), fields.pop("external_id", None)
    )
    own_device_id = values.identifier(fields.pop("device_id", None), "device_id")
    state = take_state(fields)
    return NamiEvent(
        event_type=event_type,
        time=time,
        event_id=values.identifier(event_id, "id"),
        user_id=user_id,
        external_id=external_id,
        device_id=own_device_id or _only_device(state),
        state=state,
        properties=plain_members(normalised(fields)),
    )


def _read_user(fields: dict[str, t.Any]) -> NamiUser:
    user_id = values.identifier(fields.get("user_id", fields.get("id")), "user_id")
    if user_id is None:
        raise UnreadableRecordError(
            "user_id_missing", "user_id", "the user record has no user_id"
        )
    updated = fields.get("updated_at")
    external_id = _external_id(
        fields.pop("external_ids", None), fields.pop("external_id", None)
    )
    own_device_id = values.identifier(fields.get("device_id"), "device_id")
    state = take_state(fields)
    return NamiUser(
        user_id=user_id,
        external_id=external_id,
        device_id=own_device_id or _only_device(state),
        time=values.time_ms(updated, "updated_at"),
        state=state,
    )


def _looks_like_user(fields: Mapping[str, t.Any]) -> bool:
    has_state = any(
        name in fields
        for name in ("customer_journey_state", "active_entitlements", "devices")
    ) or any(name.startswith("namiml_") for name in fields)
    if "user_id" in fields:
        return has_state or "external_ids" in fields or "external_id" in fields
    return has_state and "id" in fields


def _external_id(entries: object, column: object) -> str | None:
    """Return the External ID: the entry of `external_ids` with that key.

    The other entries are ids of store transactions and the like, also when they come
    first (Nami docs, "Event types", the example of `user.*`).
    """
    if type(entries) is not list:
        entries = values.array(entries, "external_ids") or ()
    for entry in entries:
        if isinstance(entry, dict) and entry.get("key") == "external_id":
            external_id = values.external_id(entry.get("value"), "external_ids")
            if external_id is not None:
                return external_id
    return None if column is None else values.external_id(column, "external_id")


def _only_device(state: UserState) -> str | None:
    # One of several would tie unrelated devices together in Amplitude.
    devices = state.device_ids
    return devices[0] if devices is not None and len(devices) == 1 else None


__all__ = [
    "NO_STATE",
    "NamiEvent",
    "NamiUser",
    "RecordReader",
    "UnreadableRecordError",
    "UserState",
]
