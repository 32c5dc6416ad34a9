"""Routes events to lanes, so that none overtakes another of the same user.

Events are in order for two identities: the Nami user, whose name may change within a
run, and Amplitude's user, who may be several Nami users. As long as neither has
unsettled events, the lane is a hash of the name. Else the event follows them into their
lane. Where it cannot follow, because they are in two lanes or in a request that several
lanes share, it is parked until one of them is settled; nobody else waits for that.
Every unsettled event is counted here.
"""

from __future__ import annotations

import dataclasses
import typing as t
import zlib

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

_ONE_EVENT: t.Final = 1 << 8
_LANE: t.Final = _ONE_EVENT - 1
"""A place is one number, to save memory: how many events, and in which lane."""
_NOWHERE: t.Final = -1
_SHARED: t.Final = _LANE
"""The lane of what was on its way when more lanes were taken into use, and of a request
that several lanes share. Nobody follows into it: users could do so for ever, and leave
the lanes idle."""


@dataclasses.dataclass(slots=True, eq=False)
class _Parked:
    """Events in order, and the keys of all of them."""

    keys: set[str] = dataclasses.field(default_factory=set)
    events: list[EncodedEvent] = dataclasses.field(default_factory=list)


class Router:
    """Knows in which lane each user has unsettled events.

    The condition of the delivery guards it.
    """

    def __init__(self) -> None:
        """Begin with one lane."""
        self._lanes = 1
        self._places: dict[str, int] = {}
        self._parked: dict[str, _Parked] = {}
        """By each key, together with events that share a key."""

    @property
    def has_parked(self) -> bool:
        """Whether events wait for others of their users in another lane."""
        return bool(self._parked)

    def share(self, events: Iterable[EncodedEvent]) -> None:
        """Note the unsettled events of the only lane, which were not routed."""
        places = self._places
        for event in events:
            for key in set(event.order_keys):
                places[key] = places.get(key, _SHARED) + _ONE_EVENT

    def use(self, lanes: int, waiting: Sequence[EncodedEvent]) -> list[EncodedEvent]:
        """Use so many lanes from now on; return the events to route anew, in order.

        Whoever has events on their way waits until these are settled.

        Args:
            lanes: How many.
            waiting: Those of the noted events that are not on their way yet, in order.
        """
        self._lanes = lanes
        places = self._places
        for event in waiting:
            for key in set(event.order_keys):
                places[key] -= _ONE_EVENT
        self._places = {
            key: place | _SHARED for key, place in places.items() if place >= _ONE_EVENT
        }
        parked = {id(group): group for group in self._parked.values()}
        self._parked.clear()
        return [*waiting, *(event for one in parked.values() for event in one.events)]

    def move(self, events: Sequence[EncodedEvent]) -> None:
        """Note that events go with those of another lane.

        Args:
            events: All that is unsettled of their users.
        """
        places = self._places
        for event in events:
            for key in event.order_keys:
                places[key] |= _SHARED

    def route(self, events: Iterable[EncodedEvent]) -> list[list[EncodedEvent]]:
        """Return the events of each lane, in order, and park those that cannot go."""
        routed: list[list[EncodedEvent]] = [[] for _ in range(self._lanes)]
        appends = [lane.append for lane in routed]
        lanes, parked = self._lanes, self._parked
        places = self._places
        place_of = places.get
        for event in events:
            # `event.order_keys`, without a call for each event.
            user = event.user_key
            name = event.user_id or event.device_id or user
            at_user = place_of(user, _NOWHERE)
            at_name = place_of(name, _NOWHERE)
            if at_user >= 0:
                lane = at_user & _LANE
                if at_name < 0:
                    at_name = lane
                elif at_name & _LANE != lane:
                    lane = _SHARED
            elif at_name >= 0:
                lane = at_user = at_name & _LANE
            else:
                lane = at_user = at_name = _hash(event.user_id or user) % lanes
            if lane == _SHARED or (parked and (user in parked or name in parked)):
                self._park(event)
                continue
            places[user] = at_user + _ONE_EVENT
            if name != user:
                places[name] = at_name + _ONE_EVENT
            appends[lane](event)
        return routed

    def settle(self, events: Sequence[EncodedEvent]) -> Sequence[EncodedEvent]:
        """Forget events; return those that were parked and may be routed again."""
        keys = [event.user_key for event in events]
        keys += [
            name
            for event in events
            if (name := event.user_id or event.device_id) and name != event.user_key
        ]
        places = self._places
        forget = places.pop
        for key in keys:
            place = forget(key) - _ONE_EVENT
            if place >= _ONE_EVENT:
                places[key] = place
        if not self._parked:
            return ()
        return [
            event
            for key in keys
            if key in self._parked and key not in places
            for event in self._unpark(key)
        ]

    def _park(self, event: EncodedEvent) -> None:
        user, name = event.order_keys
        group = self._parked.get(user) or self._parked.get(name) or _Parked()
        other = self._parked.get(name, group)
        keys = {user, name}
        if other is not group:  # they had no key in common until now
            keys |= other.keys
            group.events += other.events
        group.keys |= keys
        group.events.append(event)
        self._parked.update(dict.fromkeys(keys, group))

    def _unpark(self, key: str) -> list[EncodedEvent]:
        group = self._parked[key]
        for each in group.keys:
            del self._parked[each]
        return group.events


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())
