"""Types what Nami's webhook says about a user, and reads it in any form.

Source: Nami docs, "Event types", the payload of `user.*` events.
"""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami import containers, values

_JSON_OPENINGS: t.Final = frozenset('[{"')
_PARTS_OF_AN_ENTRY: t.Final = frozenset({"key", "type", "value"})
"""What keys are where an entry is itself a map from key to value."""
_AS_SENT: t.Final = frozenset({list, dict, type(None)})


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object with the keys that Nami documents.

    Others must not be passed over: they may be spellings of keys that count.
    """


class ExternalId(_Strict):
    """One of `external_ids`: an id of the user, and what kind of id it is."""

    key: str | None = None
    value: str | None = None
    type: t.Any = None


class Entitlement(_Strict):
    """One of `active_entitlements`."""

    entitlement_ref_id: str | None = None
    sku_ref_id: str | None = None
    expiration: str | None = None
    purchase_platform: str | None = None
    name: t.Any = None
    description: t.Any = None
    last_verified: t.Any = None


class Platform(_Strict):
    """The App Platform of a device: the app on one store."""

    id: str | None = None
    name: t.Any = None
    platform_type: t.Any = None
    marketplace_app_id: t.Any = None


class Device(_Strict):
    """One of `devices`."""

    id: str | None = None
    platform: Platform | None = None
    app_platform_id: str | None = None
    platform_id: str | None = None

    def app_platform(self) -> str | None:
        """Return the App Platform's id, never its type, which is free text."""
        own = None if self.platform is None else self.platform.id
        return own or self.app_platform_id or self.platform_id


class Journey(_Strict):
    """The flags of `customer_journey_state`."""

    former_subscriber: bool | None = None
    in_account_hold: bool | None = None
    in_grace_period: bool | None = None
    in_trial_period: bool | None = None
    in_intro_offer_period: bool | None = None
    in_pause: bool | None = None
    is_cancelled: bool | None = None


_Member = t.TypeVar("_Member", ExternalId, Entitlement, Device)


class AboutUser(msgspec.Struct, array_like=True, gc=False):
    """All that a record says about its user, as Nami sends it."""

    external_ids: list[ExternalId] | None
    active_entitlements: list[Entitlement] | None
    devices: list[Device] | None
    customer_journey_state: Journey | None


NOTHING: t.Final = AboutUser(None, None, None, None)
_NOTHING: t.Final = (None, None, None, None)


def read_about_user(
    entries: object, entitlements: object, devices: object, journey: object
) -> AboutUser:
    """Read the four containers of a record, each in any form, or None.

    Args:
        entries: `external_ids`.
        entitlements: `active_entitlements`.
        devices: `devices`.
        journey: `customer_journey_state`.

    Raises:
        UnreadableRecord: For a container that is not understood.
    """
    parts = (entries, entitlements, devices, journey)
    if parts == _NOTHING:
        return NOTHING
    try:
        if not _AS_SENT.issuperset(map(type, parts)):
            parts = tuple(map(values.opened, parts))
        about = msgspec.convert(parts, AboutUser)
        if not _is_doubtful(about):
            return about
    except (msgspec.ValidationError, ValueError):
        pass
    return AboutUser(
        _members(entries, "external_ids", ExternalId),
        _members(entitlements, "active_entitlements", Entitlement),
        _members(devices, "devices", Device),
        _journey(journey),
    )


def _is_doubtful(about: AboutUser) -> bool:
    """Return whether a container may be in another form than it seems to be.

    A member has none of the keys that count, or all are null; an id is JSON text; or
    the keys of `external_ids` are those of a map from key to value.
    """
    for entry in about.external_ids or ():
        key, value = entry.key, entry.value
        if key != "original_transaction_id" and (
            not key
            or key in _PARTS_OF_AN_ENTRY
            or key[0] in _JSON_OPENINGS
            or (value and value[0] in _JSON_OPENINGS)
        ):
            return True
    for entitlement in about.active_entitlements or ():
        if (
            entitlement.entitlement_ref_id is None
            and entitlement.sku_ref_id is None
            and entitlement.expiration is None
            and entitlement.purchase_platform is None
        ):
            return True
    for device in about.devices or ():
        if (
            device.id is None
            and device.platform is None
            and device.app_platform_id is None
            and device.platform_id is None
        ):
            return True
    return False


def _members(value: object, field: str, kind: type[_Member]) -> list[_Member] | None:
    if value is None:
        return None
    found = containers.members(value, field)
    if found is None:
        return None
    return [msgspec.convert(_ids_as_text(member, field), kind) for member in found]


def _journey(value: object) -> Journey | None:
    flags = None if value is None else containers.flags(value)
    if flags is None:
        return None
    return Journey(**{name: values.boolean(flags[name], name) for name in flags})


def _ids_as_text(member: dict[str, t.Any], field: str) -> dict[str, t.Any]:
    texts: dict[str, t.Any] = {}
    for name, value in member.items():
        if name == "platform" and value is not None:
            texts[name] = value | {"id": values.identifier(value.get("id"), field)}
        else:
            texts[name] = containers.no_container(
                values.identifier(value, field), name, field
            )
    return texts
