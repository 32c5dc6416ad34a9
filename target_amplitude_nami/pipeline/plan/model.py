"""The parts of a tracking plan: what is sent, and what it means."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from target_amplitude_nami.nami.properties import Kind

Presence: t.TypeAlias = t.Literal["always", "usually", "sometimes"]
"""`always`: no event is sent without it. `usually`: Nami documents it for every record,
and it is missing where a record lacks it."""

_KINDS: t.Final[dict[type, Kind]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
}
_WIDER: t.Final[tuple[Kind, ...]] = ("number", "array")
_FITTING: t.Final[dict[Kind, tuple[Kind, ...]]] = {
    "time": ("string",),
    "number": ("number", "integer"),
    "array": ("array", "array of string"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What an input has of a property."""

    events: int
    """In how many events it is."""
    types: tuple[Kind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProperty:
    """A property, or a field of the event itself."""

    name: str
    type: Kind
    description: str
    example: object = None
    """A JSON value."""
    present: Presence = "sometimes"
    source: t.Literal["amplitude", "nami", "input"]
    """Who says that there is one: a field of Amplitude's events, the documentation of
    Nami, or the input alone."""
    seen: Seen | None = None

    @property
    def unexpected_types(self) -> tuple[Kind, ...]:
        """The types that the input has and the plan does not."""
        seen = () if self.seen is None else self.seen.types
        return tuple(each for each in seen if not fits(each, self.type))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """An Amplitude event."""

    name: str
    nami_events: tuple[str, ...]
    """The Nami event types that are sent under its name; none for a `$identify`."""
    description: str
    sets_user_properties: bool
    fields: tuple[PlannedProperty, ...]
    """What stands beside the properties."""
    event_properties: tuple[PlannedProperty, ...]
    seen: int | None = None
    """How many of them the input has; None without an input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingPlan:
    """All that a configuration sends."""

    events: tuple[PlannedEvent, ...]
    user_properties: tuple[PlannedProperty, ...]
    notes: tuple[str, ...]
    """Sentences about what the settings do to it."""
    left_out: int = 0
    """How many properties of the input were too many for the plan."""


def kind_of(value: object) -> Kind:
    """Return what a JSON value is."""
    if isinstance(value, list):
        is_text = all(isinstance(item, str) for item in value)
        return "array of string" if is_text else "array"
    return _KINDS.get(type(value), "any")


def fits(found: Kind, planned: Kind) -> bool:
    """Return whether a value of one kind may stand where another is planned."""
    return planned == "any" or found in _FITTING.get(planned, (planned,))


def common_kind(kinds: t.Iterable[Kind]) -> Kind:
    """Return the narrowest kind that all of these are."""
    found = set(kinds)
    for kind in (*found, *_WIDER):
        if found and all(fits(each, kind) for each in found):
            return kind
    return "any"
