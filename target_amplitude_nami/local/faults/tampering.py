"""Loses, changes and doubles events of a request that is answered with 200.

Amplitude does not promise that what it acknowledged can be seen later: these faults are
what a sender cannot see in an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.effects import Kind

if TYPE_CHECKING:
    from target_amplitude_nami.local.faults.fault import Fault
    from target_amplitude_nami.local.ingest.effects import Effects, Memory
    from target_amplitude_nami.local.model import JsonObject, Upload

_UNLISTED = frozenset({limits.IDENTIFY, limits.GROUP_IDENTIFY})


class Tampering:
    """What a fault does to the events of one request.

    It concerns the first events of the request that Amplitude lists (no `$identify`),
    and only those of the user that the fault's condition names.
    """

    def __init__(self, fault: Fault) -> None:
        self._do = fault.do
        self._user_id = fault.when.user_id

    def before(self, upload: Upload) -> Upload:
        """Return a request without the events that get lost, one of them changed."""
        do = self._do
        places = [n for n, event in enumerate(upload.events) if self._concerns(event)]
        events: list[Any] = [*upload.events]
        raws = [*upload.raws]
        lost = frozenset(places[: do.drop or 0])
        if do.change and (kept := places[len(lost) : len(lost) + 1]):
            [place] = kept
            events[place] = _changed(events[place], do.change)
            raws[place] = msgspec.json.encode(events[place])
        if not lost:
            return msgspec.structs.replace(upload, events=events, raws=raws)
        return msgspec.structs.replace(
            upload,
            events=[event for n, event in enumerate(events) if n not in lost],
            raws=[raw for n, raw in enumerate(raws) if n not in lost],
        )

    def after(self, effects: Effects, memory: Memory) -> Effects:
        """Return what a request changes, with some of its events stored twice."""
        shown = [event for event in effects.events if event.kind is not Kind.IDENTIFY]
        if self._user_id is not None:
            shown = [event for event in shown if event.user.user_id == self._user_id]
        copies = [
            msgspec.structs.replace(event, number=memory.next_event())
            for event in shown[: self._do.double or 0]
        ]
        return msgspec.structs.replace(effects, events=[*effects.events, *copies])

    def _concerns(self, event: JsonObject) -> bool:
        if event["event_type"] in _UNLISTED:
            return False
        return self._user_id in {None, str(event.get("user_id"))}


def _changed(event: JsonObject, change: JsonObject) -> JsonObject:
    """Return an event with other values; objects such as properties are merged."""
    merged = {
        name: {**event[name], **value}
        if isinstance(value, dict) and isinstance(event.get(name), dict)
        else value
        for name, value in change.items()
    }
    return {**event, **merged}
