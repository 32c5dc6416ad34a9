"""Takes a person's events out of the bodies of requests for Amplitude."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.erasing.mentions import Mentions

if t.TYPE_CHECKING:
    from target_amplitude_nami.erasing.person import Person

_BLANK: t.Final = b"{}"


class _Event(msgspec.Struct):
    """What names the user of an event."""

    user_id: t.Any = None
    device_id: t.Any = None
    user_properties: t.Any = None


_object: t.Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array: t.Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_event: t.Final = msgspec.json.Decoder(_Event).decode


class Erased(t.NamedTuple):
    """A body without a person's events."""

    body: bytes | None
    """None when nothing is left, or nobody can tell what is in it."""
    events: int
    """How many were taken out."""


class EventEraser:
    """Takes a person's events out of bodies; all else stays byte for byte."""

    def __init__(self, person: Person) -> None:
        """Take the person."""
        self._person = person
        self._mentions = Mentions(person, person.user_ids)

    def without_events(self, body: bytes, *, leaves_blanks: bool = False) -> Erased:
        """Return a body without the person's events.

        Args:
            body: The body of a request, `{"events": […], …}`. One that is anything else
                is taken as a whole, if it names the person.
            leaves_blanks: Whether `{}` stands in the place of an event, so that the
                others keep their numbers.
        """
        if not self._mentions.may_be_in(body):
            return Erased(body, 0)
        try:
            events = bytes(_object(body)["events"])
            raws = [bytes(raw) for raw in _array(events)]
        except (KeyError, ValueError, RecursionError):
            names_them = self._mentions.in_line(body)
            return Erased(None if names_them else body, int(names_them))
        kept = [raw for raw in raws if not self._is_theirs(raw)]
        taken = len(raws) - len(kept)
        if not taken:
            return Erased(body, 0)
        if leaves_blanks:
            kept = [_BLANK if self._is_theirs(raw) else raw for raw in raws]
        elif not kept:
            return Erased(None, taken)
        at = body.index(events, body.index(b'"events"'))
        rest = body[at + len(events) :]
        return Erased(body[:at] + b"[" + b",".join(kept) + b"]" + rest, taken)

    def _is_theirs(self, raw: bytes) -> bool:
        if not self._mentions.may_be_in(raw):
            return False
        try:
            event = _event(raw)
        except (ValueError, RecursionError):
            return self._mentions.in_line(raw)
        properties = event.user_properties
        if not isinstance(properties, dict):
            properties = {}
        return self._person.has_event(
            user_id=_text(event.user_id),
            device_ids=[
                each
                for each in (
                    _text(event.device_id),
                    *_texts(properties.get("namiml_device_ids")),
                )
                if each is not None
            ],
            nami_user_id=_text(properties.get("namiml_user_id")),
        )


def _text(value: object) -> str | None:
    return str(value).strip() if isinstance(value, str | int) else None


def _texts(value: object) -> list[str | None]:
    return [_text(each) for each in value] if isinstance(value, list) else []
