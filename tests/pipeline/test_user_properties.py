"""Which user properties a state becomes."""

from __future__ import annotations

import pytest

from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.pipeline.user_properties import subscription_status
from target_amplitude_nami.settings.declared import EXTRA_USER_PROPERTIES
from tests.support.pipeline_harness import THE_EIGHT, user_properties
from tests.support.records import (
    FLAGS,
    NAMI_USER,
    entitlement,
    journey,
    user_event,
    without,
)

# Extra user properties

EXTRAS = {
    "namiml_user_id": NAMI_USER,
    "namiml_in_account_hold": False,
    "namiml_in_pause": False,
    "namiml_is_cancelled": False,
    "namiml_subscription_status": "active",
    "namiml_entitlement_expirations": ["2024-06-29T00:57:05Z"],
    "namiml_purchase_platforms": ["apple"],
}


@pytest.mark.parametrize("name", EXTRA_USER_PROPERTIES)
def test_an_extra_user_property_is_sent_only_on_demand(name: str) -> None:
    sent = user_properties(user_event(), extra_user_properties=[name])

    assert sent.keys() == THE_EIGHT | {name}
    assert sent[name] == EXTRAS[name]


def test_the_times_of_entitlements_have_one_spelling_each_once() -> None:
    times = [
        "2024-06-29T00:57:05Z",
        "2024-06-29 02:57:05.000 +02:00",
        "2024-07-29T00:57:05.250000+00:00",
        "1722214625",
        "lifetime",
    ]
    record = user_event(
        active_entitlements=[entitlement() | {"expiration": time} for time in times]
    )
    sent = user_properties(
        record, extra_user_properties=["namiml_entitlement_expirations"]
    )

    assert sent["namiml_entitlement_expirations"] == [
        "2024-06-29T00:57:05Z",
        "2024-07-29T00:57:05.25Z",
        "2024-07-29T00:57:05Z",
        "lifetime",
    ]


def test_a_star_stands_for_all_extra_user_properties() -> None:
    sent = user_properties(user_event(), extra_user_properties=["*"])

    assert EXTRAS.keys() == set(EXTRA_USER_PROPERTIES)
    assert EXTRAS.items() <= sent.items()
    assert sent.keys() == THE_EIGHT | EXTRAS.keys()


def test_an_extra_that_the_record_lacks_is_absent() -> None:
    record = without(user_event(user_id=None), "active_entitlements", "devices")
    record["customer_journey_state"] = {"former_subscriber": False}

    assert user_properties(record, extra_user_properties=["*"]) == {
        "namiml_former_subscriber": False
    }


@pytest.mark.parametrize(
    ("expected", "entitlements", "flags"),
    [
        ("account_hold", ["premium"], set(FLAGS)),
        ("account_hold", [], {"in_account_hold", "former_subscriber"}),
        ("paused", ["premium"], set(FLAGS) - {"in_account_hold"}),
        ("paused", [], {"in_pause"}),
        ("grace", ["premium"], {"in_grace_period", "is_cancelled", "in_trial_period"}),
        ("cancelled", ["premium"], {"is_cancelled", "in_trial_period"}),
        ("cancelled", None, {"is_cancelled"}),
        ("former", [], {"is_cancelled", "former_subscriber"}),
        ("never", [], {"is_cancelled"}),
        ("trial", ["premium"], {"in_trial_period", "in_intro_offer_period"}),
        ("intro", ["premium"], {"in_intro_offer_period"}),
        ("active", ["premium"], set()),
        ("active", ["premium"], {"former_subscriber"}),
        ("former", [], {"former_subscriber"}),
        ("former", None, {"former_subscriber"}),
        ("never", [], set()),
        (None, None, set()),
    ],
)
def test_the_subscription_status_is_the_most_pressing_flag(
    expected: str | None,
    entitlements: list[str] | None,
    flags: set[str],
) -> None:
    state = UserState(active_entitlements=entitlements, **journey(*flags))

    assert subscription_status(state) == expected


def test_a_status_is_not_guessed_from_missing_flags() -> None:
    assert subscription_status(UserState()) is None
    assert subscription_status(UserState(active_entitlements=[])) is None
    assert subscription_status(UserState(active_entitlements=["a"])) == "active"


def test_a_ready_made_status_is_taken_as_it_is() -> None:
    state = UserState(subscription_status="lapsed", active_entitlements=["premium"])

    assert subscription_status(state) == "lapsed"
