"""Finds out what the local Amplitude says of events that a bench was sent."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.queries.findings.findings import find, trust
from target_amplitude_nami.local.run_note import RunFiles
from tests.local.bench import NOON, event

if TYPE_CHECKING:
    from target_amplitude_nami.local.queries.findings.finding import Finding, Findings
    from tests.local.bench import Bench

NOW = int(NOON * 1_000)
STATE: dict[str, Any] = {
    "namiml_active_entitlements": ["premium"],
    "namiml_active_skus": ["radio_monthly"],
    "namiml_device_ids": ["device-1"],
    "namiml_device_platforms": ["platform-1"],
    "namiml_former_subscriber": False,
    "namiml_in_grace_period": False,
    "namiml_in_trial_period": False,
    "namiml_in_intro_offer_period": False,
}
"""All eight user properties as Nami promises them."""

RENEWED, IMPRESSION = "user.subscription.renewed", "device.impression"
TRANSACTION = "device.transaction"


def about_user(state: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a user event with a complete state, or with another one."""
    properties = STATE if state is None else state
    return event(event_type=RENEWED, user_properties=properties, **fields)


def paid(amount: float = 9.99, named: str = "EUR", **fields: Any) -> dict[str, Any]:
    """Return a transaction that names an amount."""
    properties = {
        "amount": amount,
        "currency": named,
        "purchase_env": fields.pop("env", "production"),
    }
    return event(event_type=TRANSACTION, event_properties=properties, **fields)


def found_by(bench: Bench, files: RunFiles | None = None) -> Findings:
    with closing(bench.read.connect()) as connection:
        return find(connection, files or RunFiles())


def trusted(bench: Bench, files: RunFiles | None = None) -> Any:
    """Return everything that the view shows, as JSON values."""
    with closing(bench.read.connect()) as connection:
        return msgspec.json.decode(
            msgspec.json.encode(trust(connection, files or RunFiles()))
        )


def finding(bench: Bench, key: str, files: RunFiles | None = None) -> Finding | None:
    """Return the finding of a key, if there is one."""
    found = found_by(bench, files).findings
    return next((each for each in found if each.key == key), None)


def good(bench: Bench, files: RunFiles | None = None) -> set[str]:
    """Return the keys of what was found good."""
    return {each.key for each in found_by(bench, files).good}
