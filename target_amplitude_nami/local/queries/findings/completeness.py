"""How completely user events carry the user properties that Nami promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.queries.findings.counts import total
from target_amplitude_nami.local.storage.counts.kinds import Scope, ValueKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.local.queries.findings.counts import (
        PropertyCount,
        TypeCount,
    )

LISTS = (
    "namiml_active_entitlements",
    "namiml_active_skus",
    "namiml_device_ids",
    "namiml_device_platforms",
)
FLAGS = (
    "namiml_former_subscriber",
    "namiml_in_grace_period",
    "namiml_in_trial_period",
    "namiml_in_intro_offer_period",
)
PROPERTIES = (*LISTS, *FLAGS)
"""The eight that come with every `user.*` event (Nami docs, "Amplitude")."""
_EXPECTED = {
    **dict.fromkeys(LISTS, frozenset({ValueKind.EMPTY_LIST, ValueKind.LIST})),
    **dict.fromkeys(FLAGS, frozenset({ValueKind.FALSE, ValueKind.TRUE})),
}


class Completeness(msgspec.Struct, frozen=True):
    """How many user events carry one property, and what is in it."""

    name: str
    events: int
    """All `user.*` events."""
    present: int
    """Those that carry it, also as an empty list."""
    empty: int
    """Those of them in which it is an empty list."""
    true: int
    """Those of them in which it is true."""
    wrong_type: int
    """Those of them in which it is not the list, or the boolean, that it has to be."""
    is_constant: bool
    """Whether all that carry it have the same value."""
    example: int | None
    """The number of an event that carries it."""


def completeness(types: Sequence[TypeCount]) -> list[Completeness]:
    """Return for each of the eight properties how many user events carry it."""
    about_users = [each for each in types if each.is_about_user]
    return [_of(name, about_users) for name in PROPERTIES]


def _of(name: str, types: Sequence[TypeCount]) -> Completeness:
    found = [
        each.properties[Scope.USER, name]
        for each in types
        if (Scope.USER, name) in each.properties
    ]
    kinds = [
        sum(column) for column in zip(*(each.kinds for each in found), strict=True)
    ]
    kinds = kinds or [0] * len(ValueKind)
    present = sum(kinds) - kinds[ValueKind.NOTHING]
    return Completeness(
        name=name,
        events=total(types),
        present=present,
        empty=kinds[ValueKind.EMPTY_LIST],
        true=kinds[ValueKind.TRUE],
        wrong_type=present - sum(kinds[kind] for kind in _EXPECTED[name]),
        is_constant=_is_constant(found),
        example=next((each.example for each in found if each.example), None),
    )


def _is_constant(found: Sequence[PropertyCount]) -> bool:
    with_values = [each for each in found if sum(each.kinds)]
    digests = {each.digest for each in with_values}
    return len(digests) == 1 and all(each.is_constant for each in with_values)
