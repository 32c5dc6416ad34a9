"""What events say of device, place and language beside the properties, and for long."""

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
"""Fields that a user's later events have, too, if they say nothing else."""


def merged(known: JsonObject, event: JsonObject) -> JsonObject:
    """Return what is known of a user after an event.

    The fields of a device go together, and so do those of a place: an event that sets
    one resets the others that it does not set (HTTP V2 API, Keys for the event
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
