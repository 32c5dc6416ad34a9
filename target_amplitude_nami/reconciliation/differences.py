"""Finds what differs between an event as it is sent and as Amplitude has it."""

from __future__ import annotations

import datetime as dt
import math
import typing as t

import msgspec

from target_amplitude_nami.amplitude import limits

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_amplitude_nami.reconciliation.exported import ExportedEvent

_LONGEST_VALUE: t.Final = 500
_OURS: t.Final = "namiml_"
_EPOCH: t.Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Difference(t.NamedTuple):
    """A field that differs, and both of its values as text."""

    field: str
    sent: str
    found: str


class _Sent(msgspec.Struct, gc=False):
    """The body of an event, as far as exports show it."""

    event_type: str
    user_id: str | None = None
    device_id: str | None = None
    time: int | None = None
    event_properties: dict[str, t.Any] = {}
    user_properties: dict[str, t.Any] = {}
    sets_none: bool = msgspec.field(default=False, name="$skip_user_properties_sync")
    """Whether it sets none of its user properties: of a backfill, or late."""


_sent_of: t.Final = msgspec.json.Decoder(_Sent).decode
_properties_of: t.Final = msgspec.json.Decoder(dict[str, t.Any] | None).decode


def differences(
    body: bytes, found: ExportedEvent, user_id: str | None
) -> Iterator[Difference]:
    """Yield what differs.

    Properties that only Amplitude's side has are no difference: other sources and
    Amplitude itself add some. Nor are user properties that the event does not set.

    Args:
        body: The event as it is sent.
        found: The event as it was exported.
        user_id: Whose it was when it was sent: see `expectations`.
    """
    sent = _sent_of(body)
    if sent.event_type != found.event_type:
        yield Difference("event_type", sent.event_type, str(found.event_type))
    if sent.time is not None and sent.time != found.time:
        time = found.time
        shown = str(found.event_time) if time is None else _show_time(time)
        yield Difference("time", _show_time(sent.time), shown)
    if not _is_same_user(user_id, sent.device_id, found.user_id):
        yield Difference("user_id", _show(user_id), _show(found.user_id))
    yield from _of_properties(
        "event_properties", sent.event_properties, found.event_properties
    )
    ours = {k: v for k, v in sent.user_properties.items() if k.startswith(_OURS)}
    if ours and not sent.sets_none:
        yield from _of_properties("user_properties", ours, found.user_properties)


def is_unnamed(body: bytes, found: ExportedEvent) -> bool:
    """Return whether Amplitude has an event that does not differ without its user.

    It was sent before its user had an External ID: by its device, or else under the
    Nami user id.
    """
    user_id = _sent_of(body).user_id
    return user_id is not None and user_id != str(found.user_id)


def _is_same_user(sent: str | None, device_id: str | None, found: object) -> bool:
    if found is None:
        return sent is None or device_id is not None
    return str(found) == sent


def _of_properties(
    name: str, sent: Mapping[str, t.Any], raw: msgspec.Raw
) -> Iterator[Difference]:
    try:
        found = _properties_of(raw) or {}
    except msgspec.DecodeError:
        found = {}
    for key, value in sent.items():
        other = found.get(key)
        if not _is_same(value, other):
            yield Difference(f"{name}.{key}", _show(value), _show(other))


def _is_same(sent: t.Any, found: t.Any) -> bool:
    """Return whether a value is what Amplitude makes of one that was sent.

    It cuts long text, writes truth values as text, and may leave out what is empty.
    """
    match sent, found:
        case _, None:
            same = sent is None or sent in ("", [], {})
        case (bool(), _) | (_, bool()):
            same = str(sent).lower() == str(found).lower()
        case str(), str():
            length = limits.MAX_TEXT_CHARACTERS
            same = sent[:length] == found[:length]
        case int() | float(), int() | float():
            same = sent == found or _is_close(sent, found)
        case dict(), dict():
            same = all(_is_same(value, found.get(key)) for key, value in sent.items())
        case list(), list():
            same = len(sent) == len(found) and all(map(_is_same, sent, found))
        case _:
            same = sent == found
    return bool(same)


def _is_close(sent: float, found: float) -> bool:
    try:
        return math.isclose(sent, found, rel_tol=1e-12)
    except OverflowError:  # an integer beyond doubles
        return False


def _show(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _show_time(milliseconds: int) -> str:
    try:
        moment = _EPOCH + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
