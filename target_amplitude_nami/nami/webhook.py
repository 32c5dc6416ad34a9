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


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object with the keys that Nami documents.

    Others must not be passed over: they may be spellings of keys that count.
    """


class ExternalId(_Strict):
    """One of `external_ids`: an id of the user, and what kind of id it is."""

    key: str | None = None
    value: str | None = None
    type: t.Any = None

    def is_doubtful(self) -> bool:
        """Return whether it may be something else than it seems.

        It has no key, its key is a part of another form, or one of both is JSON text.
        """
        key, value = self.key, self.value
        return (
            not key
            or key in _PARTS_OF_AN_ENTRY
            or key[0] in _JSON_OPENINGS
            or (bool(value) and t.cast("str", value)[0] in _JSON_OPENINGS)
        )


class Entitlement(_Strict):
    """One of `active_entitlements`."""

    entitlement_ref_id: str | None = None
    sku_ref_id: str | None = None
    expiration: str | None = None
    purchase_platform: str | None = None
    name: t.Any = None
    description: t.Any = None
    last_verified: t.Any = None

    def is_doubtful(self) -> bool:
        """Return whether it has none of the keys that count, or all are null."""
        return (
            self.entitlement_ref_id is None
            and self.sku_ref_id is None
            and self.expiration is None
            and self.purchase_platform is None
        )


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

    def is_doubtful(self) -> bool:
        """Return whether it has none of the keys that count, or all are null."""
        return (
            self.id is None
            and self.platform is None
            and self.app_platform_id is None
            and self.platform_id is None
        )

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


class _ArrayReader(t.Generic[_Member]):
    """Reads one array of objects."""

    def __init__(self, field: str, kind: type[_Member]) -> None:
        """Take the container's name, and what its members are."""
        self._field = field
        self._kind: type[t.Any] = kind
        self._members: t.Any = list[kind]  # type: ignore[valid-type]

    def read(self, value: object) -> list[_Member] | None:
        """Return the members; None where there is no container.

        Args:
            value: The container in any form.

        Raises:
            UnreadableRecord: For a container that is not understood.
        """
        members = self._as_sent(value)
        if members is not None:
            return members
        found = containers.members(value, self._field)
        if found is None:
            return None
        return [
            msgspec.convert(_ids_as_text(member, self._field), self._kind)
            for member in found
        ]

    def _as_sent(self, value: object) -> list[_Member] | None:
        """Return the members where they are as Nami sends them, or JSON text of that.

        None for any other form, also for one that merely may be another.
        """
        try:
            if type(value) is not list:
                value = values.opened(value)
                if type(value) is not list:
                    return None
            members: list[_Member] = msgspec.convert(value, self._members)
        except (msgspec.ValidationError, ValueError):
            return None
        for member in members:
            if member.is_doubtful():
                return None
        return members


read_external_ids: t.Final = _ArrayReader("external_ids", ExternalId).read
read_entitlements: t.Final = _ArrayReader("active_entitlements", Entitlement).read
read_devices: t.Final = _ArrayReader("devices", Device).read


def read_journey(value: object) -> Journey | None:
    """Return the flags; None where there is no container.

    Raises:
        UnreadableRecord: For a container that is not understood.
    """
    try:
        return msgspec.convert(values.opened(value), Journey)
    except (msgspec.ValidationError, ValueError):
        flags = containers.flags(value)
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
