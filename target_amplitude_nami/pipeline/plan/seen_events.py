"""Notes which properties the events of an input have, in a bounded amount of memory."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.pipeline.plan.model import Seen, kind_of

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.nami.properties import Kind
    from target_amplitude_nami.outcomes import Origin, Project, Refusal

MOST_PROPERTIES: t.Final = 2000
"""Amplitude keeps no more event properties in one project (Amplitude docs, "Limits").

One limit for all that is noted, event by event and of users, bounds the memory, too."""
_LONGEST_EXAMPLE: t.Final = 80
"""Of an example, in characters of JSON; one that is longer serves nobody."""
_NOTHING: t.Final = frozenset({"null", '""', "[]", "{}"})


class _Body(msgspec.Struct, frozen=True):
    """What counts here of an encoded event."""

    event_type: str
    event_properties: dict[str, t.Any] = {}
    user_properties: dict[str, t.Any] = {}


_decode: t.Final = msgspec.json.Decoder(_Body).decode


class SeenProperty:
    """A property as the input has it."""

    __slots__ = ("_example", "_kinds", "_present")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._present = 0
        self._kinds: dict[Kind, None] = {}
        self._example: str | None = None

    def note(self, value: object) -> None:
        """Note a value of it."""
        self._present += 1
        self._kinds[kind_of(value)] = None
        if self._example is None:
            text = msgspec.json.encode(value).decode()
            if len(text) <= _LONGEST_EXAMPLE and text not in _NOTHING:
                self._example = text

    @property
    def example(self) -> object:
        """The first value that says something and is short; None without one."""
        return None if self._example is None else msgspec.json.decode(self._example)

    def seen(self) -> Seen:
        """Return in how many events it was, and as what."""
        return Seen(self._present, tuple(sorted(self._kinds)))


class SeenEvents:
    """Watches a rehearsal (`accounting/rehearsal.py`)."""

    def __init__(self, most_properties: int = MOST_PROPERTIES) -> None:
        """Begin with nothing.

        Args:
            most_properties: So many are noted, and others counted.
        """
        self.events: dict[str, int] = {}
        """How many events there are of each name."""
        self.user_properties: dict[str, SeenProperty] = {}
        self._event_properties: dict[str, dict[str, SeenProperty]] = {}
        self._room = most_properties
        self._left_out: set[int] = set()
        self._most_left_out = 10 * most_properties

    @property
    def left_out(self) -> int:
        """How many properties were not noted; beyond a bound, no more are counted."""
        return len(self._left_out)

    def properties_of(self, name: str) -> dict[str, SeenProperty]:
        """Return the event properties of the events of a name."""
        return self._event_properties.get(name, {})

    def on_event(self, _project: Project, event: EncodedEvent) -> None:
        """Note an event that would be sent."""
        body = _decode(event.body)
        name = body.event_type
        self.events[name] = self.events.get(name, 0) + 1
        of_event = self._event_properties.setdefault(name, {})
        self._note(name, of_event, body.event_properties)
        of_user = body.user_properties
        if name == IDENTIFY:
            of_user = of_user.get("$set", of_user)
        self._note("", self.user_properties, of_user)

    def _note(
        self,
        event_name: str,
        noted: dict[str, SeenProperty],
        properties: dict[str, t.Any],
    ) -> None:
        for name, value in properties.items():
            found = noted.get(name)
            if found is None:
                if self._room <= 0 or len(name) > limits.MAX_TEXT_CHARACTERS:
                    if len(self._left_out) < self._most_left_out:
                        self._left_out.add(hash((event_name, name)))
                    continue
                self._room -= 1
                found = noted[name] = SeenProperty()
            found.note(value)

    def on_filtered(self, _origin: Origin, _reason: str) -> None:
        """Ignore a record that is not sent."""

    def on_rejected(self, _origin: Origin, _refusal: Refusal) -> None:
        """Ignore a record that is not sent."""

    def on_held(self, _origin: Origin, _user_id: str) -> None:
        """Ignore a record that is not sent yet."""

    def on_duplicate(self, _origin: Origin) -> None:
        """Ignore a record that was sent before."""
