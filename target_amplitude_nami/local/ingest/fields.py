"""Carries device, location and language fields over to a user's later events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_amplitude_nami.local.model import JsonObject

_DEVICE = frozenset(
    {
        "carrier",
        "device_brand",
        "device_manufacturer",
        "device_model",
        "os_name",
        "os_version",
        "platform",
    },
)
_PLACE = frozenset({"city", "country", "dma", "region"})

LASTING = _DEVICE | _PLACE | {"app_version", "language"}
"""Fields that a user's later events show too unless they set them."""


def merged(known: JsonObject, event: JsonObject) -> JsonObject:
    """Return the known fields of a user after an event.

    The fields of a device belong together, and so do those of a location: an event that
    sets one of them resets the others (HTTP V2 API, Keys for the event
    argument, footnotes). An event that has none, or nothing but nulls, changes none.
    """
    if LASTING.isdisjoint(event):
        return known
    given = {name for name in event.keys() & LASTING if event[name] is not None}
    if not given:
        return known
    fields = dict(known)
    for group in (_DEVICE, _PLACE):
        if not given.isdisjoint(group):
            fields.update({name: event.get(name) for name in group})
    fields.update({name: event[name] for name in given})
    return fields
