"""Lists what was read of a record, and what an event holds, field by field."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami.state import UserState

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.store.profiles import UserProfile

STATE: t.Final = "state."
PROPERTIES: t.Final = "properties."
KNOWN: t.Final = "known."
"""Begins what earlier records said."""
EVENT: t.Final = "event."
"""Begins the fields of the event."""


def of_record(record: NamiEvent | NamiUser) -> dict[str, t.Any]:
    """Return what was read of a record, by field."""
    facts: dict[str, t.Any] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, UserState):
            facts |= {STATE + each: getattr(value, each) for each in _STATE_FIELDS}
        elif name == "properties":
            facts |= {PROPERTIES + each: member for each, member in value.items()}
        else:
            facts[name] = value
    return facts


def of_profile(profile: UserProfile) -> dict[str, t.Any]:
    """Return what earlier records said of a user, by field."""
    state = profile.state
    facts = {KNOWN + "external_id": profile.external_id}
    if state is not None:
        names = ((each, getattr(state, each)) for each in _STATE_FIELDS)
        facts |= {KNOWN + STATE + each: value for each, value in names}
    return facts


def of_event(event: AmplitudeEvent | None) -> dict[str, t.Any]:
    """Return what an event holds, by the names that its JSON has after `EVENT`."""
    if event is None:
        return {}
    members = flat(msgspec.structs.asdict(event), event.__struct_encode_fields__)
    return {EVENT + name: value for name, value in members.items()}


def flat(members: t.Mapping[str, t.Any], names: t.Iterable[str]) -> dict[str, t.Any]:
    """Return the members of an event, properties each by itself.

    Args:
        members: In their order.
        names: What they are called.
    """
    facts: dict[str, t.Any] = {}
    for name, value in zip(names, members.values(), strict=True):
        if name == "user_properties" and "$set" in value:
            facts |= {f"{name}.$set.{each}": v for each, v in value["$set"].items()}
        elif name in {"event_properties", "user_properties"}:
            facts |= {f"{name}.{each}": member for each, member in value.items()}
        elif value is not False:
            facts[name] = value
    return facts


def with_known(profile: UserProfile, name: str, value: t.Any) -> UserProfile:
    """Return what is known of a user with another value of a field."""
    name = name.removeprefix(KNOWN)
    if name == "external_id":
        return msgspec.structs.replace(profile, external_id=value)
    state = profile.state or UserState()
    changed = msgspec.structs.replace(state, **{name.removeprefix(STATE): value})
    return msgspec.structs.replace(
        profile, packed_state=msgspec.msgpack.encode(changed)
    )


_STATE_FIELDS: t.Final = UserState.__struct_fields__
