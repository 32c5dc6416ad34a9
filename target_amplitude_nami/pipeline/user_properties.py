"""Maps a user's state to `namiml_*` user properties."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.state import NO_STATE

if t.TYPE_CHECKING:
    from target_amplitude_nami.nami.state import UserState

PREFIX: t.Final = "namiml_"

_EXTRA_ATTRIBUTES: t.Final = (
    "in_account_hold",
    "in_pause",
    "is_cancelled",
    "entitlement_expirations",
    "purchase_platforms",
)


def user_properties(
    state: UserState, nami_user_id: str | None, extra: tuple[str, ...] = ()
) -> dict[str, t.Any]:
    """Return the user properties of a state; what it does not say is absent.

    Args:
        state: The user's state.
        nami_user_id: Nami's own user id, for `namiml_user_id`.
        extra: The properties wanted beside the eight: `extra_user_properties`.
    """
    properties = _of_nami(state)
    if None in properties.values():
        properties = {
            name: value for name, value in properties.items() if value is not None
        }
    if extra:
        found = _extra_properties(state, nami_user_id)
        properties |= {name: found[name] for name in extra if name in found}
    return properties


def _of_nami(state: UserState) -> dict[str, t.Any]:
    """Return the eight that Nami's own integration sends (Nami docs, "Amplitude")."""
    return {
        "namiml_active_entitlements": state.active_entitlements,
        "namiml_active_skus": state.active_skus,
        "namiml_device_ids": state.device_ids,
        "namiml_device_platforms": state.device_platforms,
        "namiml_former_subscriber": state.former_subscriber,
        "namiml_in_grace_period": state.in_grace_period,
        "namiml_in_trial_period": state.in_trial_period,
        "namiml_in_intro_offer_period": state.in_intro_offer_period,
    }


PROPERTIES: t.Final = tuple(_of_nami(NO_STATE))
ATTRIBUTES: t.Final = tuple(name.removeprefix(PREFIX) for name in PROPERTIES)
"""What they are called in a user's state."""


def subscription_status(state: UserState) -> str | None:
    """Return the one word for a user's state; None where the state does not say.

    What stops the access comes first: `account_hold`, `paused`; then what endangers
    it: `grace`, `cancelled`; then what kind of access it is: `trial`, `intro`,
    `active`; then, without any, what was: `former`, `never`.
    """
    if state.subscription_status is not None:
        return state.subscription_status
    has_access = bool(state.active_entitlements)
    for status, holds in (
        ("account_hold", state.in_account_hold),
        ("paused", state.in_pause),
        ("grace", state.in_grace_period),
        ("cancelled", state.is_cancelled and state.active_entitlements != []),
        ("trial", state.in_trial_period),
        ("intro", state.in_intro_offer_period),
        ("active", has_access),
        ("former", state.former_subscriber),
        ("never", state.active_entitlements == [] and state.former_subscriber is False),
    ):
        if holds:
            return status
    return None


def _extra_properties(state: UserState, nami_user_id: str | None) -> dict[str, t.Any]:
    found = {f"{PREFIX}{name}": getattr(state, name) for name in _EXTRA_ATTRIBUTES}
    found["namiml_entitlement_expirations"] = _in_utc(state.entitlement_expirations)
    found["namiml_user_id"] = nami_user_id
    found["namiml_subscription_status"] = subscription_status(state)
    return {name: value for name, value in found.items() if value is not None}


def _in_utc(times: list[str] | None) -> list[str] | None:
    """Return times in UTC, without repeats; text that is no time stays."""
    if not times:
        return times
    return list(dict.fromkeys(values.utc_text(time) or time for time in times))
