"""Which event types an `events` setting stands for."""

from __future__ import annotations

import pytest

from target_amplitude_nami.nami.catalogue import (
    EVENT_TYPES,
    NAMES,
    OFFERED,
    choose,
    problem_with,
)
from target_amplitude_nami.text import did_you_mean

BY_NAME_ONLY = ("device.session.start", "device.session.end", "purchase.updated")
"""Nami docs, Amplitude integration: the three that Amplitude is not offered."""


def test_sixteen_types_are_documented_and_thirteen_offered_to_amplitude() -> None:
    assert len(set(NAMES)) == 16
    assert len(OFFERED) == 13
    assert set(NAMES) - set(OFFERED) == set(BY_NAME_ONLY)


def test_every_type_says_what_it_means() -> None:
    assert all(kind.meaning.endswith(".") for kind in EVENT_TYPES)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", set(OFFERED)),
        ("device.*", {"device.impression", "device.transaction"}),
        (
            "user.subscription.p*",
            {"user.subscription.purchased", "user.subscription.paused"},
        ),
        (
            "user.journey.trial.*",
            {
                "user.journey.trial.started",
                "user.journey.trial.converted",
                "user.journey.trial.did_not_convert",
            },
        ),
        ("*.in_grace_perio?", {"user.subscription.in_grace_period"}),
        (
            "user.subscription.[ce]*",
            {"user.subscription.cancelled", "user.subscription.expired"},
        ),
    ],
)
def test_a_pattern_stands_for_the_offered_types_it_matches(
    pattern: str, expected: set[str]
) -> None:
    assert set(choose([pattern]).chosen) == expected


@pytest.mark.parametrize("name", BY_NAME_ONLY)
def test_types_not_offered_to_amplitude_are_chosen_by_exact_name_only(
    name: str,
) -> None:
    assert name not in choose(["*"]).chosen
    by_name = choose([name])
    assert by_name.chosen == (name,)
    assert not by_name.warnings


def test_a_type_named_twice_is_chosen_once_in_the_order_given() -> None:
    choice = choose(["device.transaction", "device.*", "device.transaction"])
    assert choice.chosen == ("device.transaction", "device.impression")


def test_a_type_that_nami_may_add_later_is_taken_with_one_warning() -> None:
    choice = choose(["user.account_hold", "user.account_hold"])
    assert choice.chosen == ("user.account_hold",)
    assert not choice.problems
    assert choice.warnings == (
        (
            '"user.account_hold" is not among the documented Nami event types; '
            "events of that type are sent if they come."
        ),
    )


def test_the_warning_about_an_unknown_type_names_the_near_miss() -> None:
    (warning,) = choose(["user.subscription.renwed"]).warnings
    assert warning.endswith('Did you mean "user.subscription.renewed"?')


@pytest.mark.parametrize(
    "name",
    [
        "",
        "user",
        "user.",
        "user..renewed",
        "User.Subscription.Renewed",
        "user.subscription.renewed ",
        "account.created",
        "renewed",
        "user.subscription.9lives",
        "user.subscription.renewed\n",
    ],
)
def test_what_has_not_the_form_of_a_nami_event_type_is_a_problem(name: str) -> None:
    choice = choose([name])
    assert choice.chosen == ()
    assert choice.problems == (problem_with(name),)


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ("usr.journey.trial.startd", "user.journey.trial.started"),
        ("User.Subscription.Renewed", "user.subscription.renewed"),
        ("subscription.renewed", "user.subscription.renewed"),
        ("device-impression", "device.impression"),
        ("user.subscriptions.*", "user.subscription.*"),
        ("devices.*", "device.*"),
    ],
)
def test_a_near_miss_is_named(entry: str, meant: str) -> None:
    (problem,) = choose([entry]).problems
    assert problem.endswith(f'Did you mean "{meant}"?')


def test_a_pattern_over_types_not_offered_says_how_to_get_them() -> None:
    (problem,) = choose(["device.session.*"]).problems
    assert problem == (
        '"device.session.*" matches no event type that Nami offers to Amplitude; to '
        'send "device.session.start" and "device.session.end" give the exact name.'
    )


def test_every_entry_that_matches_nothing_is_reported_at_once() -> None:
    assert len(choose(["nothing.*", "nonsense", "*"]).problems) == 2


def test_no_suggestion_is_made_for_what_resembles_nothing() -> None:
    assert did_you_mean("zebra", NAMES) == ""
