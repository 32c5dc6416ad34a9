"""Finds what Amplitude would refuse before it is sent.

One bad event makes Amplitude refuse the whole request (HTTP V2 API, status 400), so
each of its rules is checked here first, event by event.
"""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.event import AmplitudeEvent, encode
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Callable

IDENTIFY: t.Final = "$identify"

_LONGEST_SHOWN = 60

_NO_ID_OF_ANYBODY = "00000000-0000-0000-0000-000000000000"
_FORBIDDEN_WORDS = limits.FORBIDDEN_IDS - {_NO_ID_OF_ANYBODY}
_LONGEST_FORBIDDEN_WORD = max(map(len, _FORBIDDEN_WORDS))
_NO_IDS: t.Final = Refusal(
    "no_ids", "user_id", "the event has neither a user id nor a device id"
)
_EARLIEST, _LATEST = limits.EARLIEST_TIME_MS, limits.LATEST_TIME_MS
_MOST_GOOD_NAMES: t.Final = 100
"""How many event names are remembered as valid; a run has a few."""
_N, _I, _BACKSLASH = b"NI\\"
_CONTAINERS = (dict, list)
_MOST_CHARACTERS: t.Final = limits.MAX_TEXT_CHARACTERS
_MOST_LAYERS: t.Final = limits.MAX_NESTING
_CUT_FROM = _MOST_CHARACTERS + 1
"""The length from which a text is too long."""


class Checks:
    """Checks events against Amplitude's rules, and encodes them."""

    def __init__(
        self,
        *,
        min_id_length: int | None,
        max_event_bytes: int,
        on_first_cut: Callable[[], None] = lambda: None,
    ) -> None:
        """Take `options.min_id_length` and the size of the largest event.

        Args:
            min_id_length: Fewest characters of a user id or device id; None:
                Amplitude's 5.
            max_event_bytes: Most bytes of one encoded event.
            on_first_cut: Called when the first text is cut.
        """
        self.texts_cut = 0
        """How many texts were cut to Amplitude's 1,024 characters."""
        self._on_first_cut = on_first_cut
        self._min_id_length = min_id_length or limits.MIN_ID_LENGTH
        self._max_event_bytes = max_event_bytes
        self._surely_fits = min(max_event_bytes, _MOST_CHARACTERS)
        self._buffer = bytearray()
        self._good_names: set[str] = set()
        self._good_user_id: str | None = None
        """What `refuse_user_id` found good last: the next event is often his."""

    def encode(
        self, event: AmplitudeEvent, *, numbers_are_finite: bool = False
    ) -> bytes | Refusal:
        """Return the event's bytes, or why Amplitude would refuse them.

        Text longer than 1,024 characters is cut here, once and by characters, as
        Amplitude would cut it, so that the sender can count it.

        Args:
            event: The event.
            numbers_are_finite: Whether it is known to hold no NaN and no infinity.
        """
        refusal = self._refuse_envelope(event)
        if refusal is not None:
            return refusal
        body = encode(event, self._buffer)
        if _count_containers(body) > _MOST_LAYERS:
            refusal = _refuse_nesting(event)
        if not numbers_are_finite and refusal is None and _may_hold_not_finite(body):
            refusal = _refuse_not_finite(event)
        if refusal is not None:
            return refusal
        return body if len(body) <= self._surely_fits else self._fit(event, body)

    def _fit(self, event: AmplitudeEvent, body: bytes) -> bytes | Refusal:
        """Return the bytes of an event, its texts cut, or that it is too large."""
        if len(body) > _MOST_CHARACTERS and _may_hold_long_text(body):
            shorter, cut = _cut_texts(event)
            if cut:
                if not self.texts_cut:
                    self._on_first_cut()
                self.texts_cut += cut
                body = encode(shorter, self._buffer)
        if len(body) > self._max_event_bytes:
            return Refusal(
                "event_too_large",
                "",
                f"the event has {len(body):,} bytes and a request holds "
                f"{self._max_event_bytes:,}; drop fields with `exclude_properties` or "
                f"raise `max_request_bytes`",
            )
        return body

    def refuse_user_id(self, user_id: str) -> Refusal | None:
        """Return why Amplitude would take no event of a user, if so."""
        refusal = self._refuse_id("user_id", user_id)
        if refusal is None:
            self._good_user_id = user_id
        return refusal

    def _refuse_envelope(self, event: AmplitudeEvent) -> Refusal | None:
        """Return why Amplitude would refuse anything but the properties, if so."""
        user_id, device_id, time = event.user_id, event.device_id, event.time
        refusal = None
        if user_id is None:
            if device_id is None:
                return _NO_IDS
        elif user_id != self._good_user_id:
            refusal = self._refuse_id("user_id", user_id)
        if refusal is None and device_id is not None:
            refusal = self._refuse_id("device_id", device_id)
        if refusal is None and event.event_type not in self._good_names:
            refusal = self._refuse_name(event)
        if refusal is None and time is not None and not _EARLIEST <= time < _LATEST:
            refusal = _refuse_time(time)
        return refusal

    def _refuse_id(self, field: str, value: str) -> Refusal | None:
        bare = value.strip()
        # Lower case is never shorter, and zeros have none: a look at a word is rare.
        if bare == _NO_ID_OF_ANYBODY or (
            len(bare) <= _LONGEST_FORBIDDEN_WORD and bare.lower() in _FORBIDDEN_WORDS
        ):
            return Refusal(
                f"{field}_forbidden",
                field,
                f"Amplitude accepts no event whose {field} is {_shown(value)}",
            )
        if self._min_id_length <= len(value) <= _MOST_CHARACTERS:
            return None
        if len(value) < self._min_id_length:
            return Refusal(
                f"{field}_too_short",
                field,
                f"the {field} {_shown(value)} has "
                f"{counted(len(value), 'character')} and Amplitude "
                f"wants {self._min_id_length}; the setting `min_id_length` allows "
                f"shorter ones",
            )
        return Refusal(
            f"{field}_too_long",
            field,
            f"the {field} has {len(value):,} characters and Amplitude would cut it "
            f"after {limits.MAX_TEXT_CHARACTERS:,}, which names another user",
        )

    def _refuse_name(self, event: AmplitudeEvent) -> Refusal | None:
        name = event.event_type
        if name in limits.RESERVED_EVENT_TYPES:
            if name == IDENTIFY and "$set" in event.user_properties:
                return None
            return Refusal(
                "event_name_reserved",
                "event_type",
                f"{_shown(name)} is a name of Amplitude's own; choose another in "
                f"`event_names` or `event_prefix`",
            )
        if not name or len(name) > limits.MAX_TEXT_CHARACTERS:
            return Refusal(
                "event_name_unusable",
                "event_type",
                f"an event name has 1 to {limits.MAX_TEXT_CHARACTERS:,} characters, "
                f"this one {len(name):,}",
            )
        if len(self._good_names) < _MOST_GOOD_NAMES:
            self._good_names.add(name)
        return None


def _refuse_time(time: int) -> Refusal:
    return Refusal(
        "time_out_of_range",
        "time",
        f"{time} ms since 1970 is not between the years 2000 and 2100",
    )


def _count_containers(body: bytes) -> int:
    """Return how often a bracket opens in an event's bytes, in texts too."""
    # Faster than two calls of `count`, which look at every byte by itself.
    return len(body) - len(body.replace(b"{", b"").replace(b"[", b""))


def _may_hold_not_finite(body: bytes) -> bool:
    # A number that JSON cannot hold is encoded by its name, or as null. The search for
    # a single byte, by its number, is many times as fast as for a word.
    return (
        body.find(b"null") >= 0
        or (_N in body and b"NaN" in body)
        or (_I in body and b"Infinity" in body)
    )


def _may_hold_long_text(body: bytes) -> bool:
    """Return whether a text of an event can have more than 1,024 characters.

    Such a text has as many bytes between two quotes, so some of them stand where the
    search looks, which goes in steps of that length.
    """
    if _BACKSLASH in body and b'\\"' in body:  # a quote need not end a text
        return True
    for at in range(_CUT_FROM, len(body), _CUT_FROM):
        if body.find(b'"', at) - body.rfind(b'"', 0, at) > _CUT_FROM:
            return True
    return False


def _refuse_nesting(event: AmplitudeEvent) -> Refusal | None:
    for field in ("event_properties", "user_properties"):
        if _is_deeper(getattr(event, field), limits.MAX_NESTING):
            return Refusal(
                "too_deep",
                field,
                f"{field} nest more than {limits.MAX_NESTING} layers deep",
            )
    return None


def _refuse_not_finite(event: AmplitudeEvent) -> Refusal | None:
    for field in ("event_properties", "user_properties", "revenue"):
        value = getattr(event, field)
        if jsontext.holds_not_finite(value):
            return Refusal(
                "number_not_finite",
                field,
                f"the number in {field}{_place_of_not_finite(value)} is NaN, infinite "
                f"or too large",
            )
    return None


def _place_of_not_finite(value: object) -> str:
    """Return where the first such number is in JSON data, as `.prices.0`."""
    members: t.Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for name, member in members:
        if jsontext.holds_not_finite(member):
            return f".{name}{_place_of_not_finite(member)}"
    return ""


def _is_deeper(value: object, layers: int) -> bool:
    """Return whether JSON data has more than so many layers of objects and arrays."""
    containers: list[t.Any] = [value]
    for _ in range(layers):
        containers = [
            member
            for container in containers
            for member in _members(container)
            if isinstance(member, _CONTAINERS)
        ]
        if not containers:
            return False
    return True


def _members(container: dict[str, t.Any] | list[t.Any]) -> t.Iterable[object]:
    return container.values() if isinstance(container, dict) else container


def _cut_texts(event: AmplitudeEvent) -> tuple[AmplitudeEvent, int]:
    cut = 0

    def shorten(value: t.Any) -> t.Any:
        nonlocal cut
        if isinstance(value, str) and len(value) > limits.MAX_TEXT_CHARACTERS:
            cut += 1
            return value[: limits.MAX_TEXT_CHARACTERS]
        if isinstance(value, dict):
            return {key: shorten(member) for key, member in value.items()}
        if isinstance(value, list):
            return [shorten(member) for member in value]
        return value

    shorter = msgspec.structs.replace(
        event,
        event_properties=shorten(event.event_properties),
        user_properties=shorten(event.user_properties),
        product_id=shorten(event.product_id),
    )
    return shorter, cut


def _shown(text: str) -> str:
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}…"
    return f"'{text}'"
