"""The figures of the view Subscriptions, counted from what was sent."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.local.queries.selection import Selection
from target_amplitude_nami.local.queries.subscriptions.view import subscriptions
from tests.local.bench import Bench, event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.local.queries.subscriptions.answer import Subscriptions
    from tests.local.conftest import MakeBench

DAY = 86_400_000
WEEK = 7 * DAY
MONDAY = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1_000)

SAW, TRANSACTION = "device.impression", "device.transaction"
TRIAL, CONVERTED = "user.journey.trial.started", "user.journey.trial.converted"
LAPSED = "user.journey.trial.did_not_convert"
BOUGHT = "user.subscription.purchased"


def at(time: int, event_type: str, user: int = 1, **properties: Any) -> dict[str, Any]:
    return event(
        event_type=event_type,
        time=MONDAY + time,
        user_id=f"user-{user}",
        device_id=f"device-{user}",
        event_properties=properties,
    )


def state(
    time: int, event_type: str = "user.subscription.renewed", user: int = 1, **more: Any
) -> dict[str, Any]:
    """Return an event with a state; a name is that of a property of Nami's."""
    properties = {f"namiml_{name}": value for name, value in more.items()}
    properties.setdefault("namiml_active_entitlements", ["premium"])
    properties.setdefault("namiml_former_subscriber", False)
    return {**at(time, event_type, user), "user_properties": properties}


def shown(bench: Bench, **selection: Any) -> Subscriptions:
    with closing(bench.read.connect()) as connection:
        return subscriptions(connection, Selection(**selection))


def steps(bench: Bench, **selection: Any) -> dict[str, int]:
    """Return the steps of the funnel that users took."""
    return {
        step.key: step.users for step in shown(bench, **selection).funnel if step.users
    }


def payers(bench: Bench) -> dict[str, tuple[int, int]]:
    return {
        way.key: (way.users, way.without_paywall)
        for way in shown(bench).payers
        if way.users
    }


def conversions(bench: Bench, by: str, **selection: Any) -> list[tuple[Any, ...]]:
    found = {each.by: each.rows for each in shown(bench, **selection).breakdowns}
    return [msgspec.structs.astuple(row) for row in found[by]]


def statuses(bench: Bench, **selection: Any) -> dict[str, list[int]]:
    lines = shown(bench, **selection).statuses
    return {line.name: line.counts for line in lines if any(line.counts)}


def test_an_empty_file_has_empty_figures(bench: Bench) -> None:
    found = shown(bench)

    assert (found.since, found.until, found.weeks, found.money) == (None, None, [], [])
    assert not steps(bench)
    assert not payers(bench)


def test_subscriptions_come_and_go_over_time(bench: Bench) -> None:
    bench.send(
        at(0, TRIAL),
        at(50 * DAY, TRIAL, user=2),
        at(7 * DAY, CONVERTED),
        at(7 * DAY, BOUGHT),
        at(37 * DAY, "user.subscription.renewed"),
        at(67 * DAY, "user.subscription.renewal_in_grace_period"),
        at(70 * DAY, "user.subscription.cancelled"),
        at(89 * DAY, "user.subscription.expired"),
        at(89 * DAY, "user.login"),
    )

    found = shown(bench)

    assert (found.bucket, len(found.starts)) == (WEEK, 13)
    weeks = {
        line.name: [week for week, count in enumerate(line.counts) if count]
        for line in found.series
    }
    assert weeks == {
        "trial starts": [0, 7],
        "conversions": [1],
        "purchases": [1],
        "renewals": [5, 9],
        "cancellations": [10],
        "expirations": [12],
    }


@pytest.mark.parametrize(
    ("did", "reached"),
    [
        ([SAW], {"saw"}),
        ([SAW, SAW, TRANSACTION], {"saw", "transaction"}),
        ([TRANSACTION, SAW, TRIAL], {"saw", "trial", "in_trial"}),
        ([SAW, TRANSACTION, TRIAL, LAPSED], {"saw", "transaction", "trial", "lapsed"}),
        ([SAW, TRIAL, LAPSED, TRIAL], {"saw", "trial", "in_trial"}),
        ([SAW, TRIAL, CONVERTED], {"saw", "trial", "converted", "paying"}),
        ([TRIAL, SAW, CONVERTED], {"saw", "trial", "converted", "paying"}),
        ([SAW, TRIAL, BOUGHT], {"saw", "trial", "bought_after_trial", "paying"}),
        ([SAW, BOUGHT, TRIAL], {"saw", "trial", "bought_before_trial", "paying"}),
        ([SAW, TRANSACTION, BOUGHT], {"saw", "transaction", "bought", "paying"}),
        ([SAW, BOUGHT, TRIAL, CONVERTED], {"saw", "trial", "converted", "paying"}),
        ([BOUGHT, SAW, TRANSACTION], {"saw", "transaction"}),
        ([TRANSACTION, TRIAL, CONVERTED], set()),
    ],
)
def test_a_user_is_at_each_step_that_followed_the_first_paywall(
    bench: Bench, did: Sequence[str], reached: set[str]
) -> None:
    bench.send(*[at(number, step) for number, step in enumerate(did)])

    assert steps(bench) == dict.fromkeys(reached, 1)


@pytest.mark.parametrize(
    ("did", "way", "without_paywall"),
    [
        ([SAW, TRIAL, CONVERTED, BOUGHT], "converted", 0),
        ([TRIAL, CONVERTED], "converted", 1),
        ([SAW, TRIAL, LAPSED, BOUGHT], "bought_after_trial", 0),
        ([SAW, BOUGHT, TRIAL, LAPSED], "bought_before_trial", 0),
        ([SAW, TRANSACTION, BOUGHT], "bought", 0),
        ([BOUGHT], "bought", 1),
        ([BOUGHT, SAW], "paid_before", 1),
    ],
)
def test_each_paying_user_came_one_way(
    bench: Bench, did: Sequence[str], way: str, without_paywall: int
) -> None:
    bench.send(*[at(number, step) for number, step in enumerate(did)])

    assert payers(bench) == {way: (1, without_paywall)}


def test_the_funnel_is_of_users_whose_first_paywall_is_in_the_range(
    bench: Bench,
) -> None:
    bench.send(at(0, SAW), at(3 * DAY, SAW), at(5 * DAY, BOUGHT))
    bench.send(at(2 * DAY, SAW, user=2))

    assert steps(bench, until=MONDAY + DAY) == {"saw": 1, "bought": 1, "paying": 1}
    assert steps(bench, since=MONDAY + DAY) == {"saw": 1}


def test_event_names_may_have_a_prefix(bench: Bench) -> None:
    bench.send(at(0, f"nami {SAW}"), at(1, f"nami {TRANSACTION}"))

    assert steps(bench) == {"saw": 1, "transaction": 1}


def test_types_beyond_the_limit_are_in_no_figure(make_bench: MakeBench) -> None:
    bench = make_bench(event_types=1)

    bench.send(at(0, SAW), at(1, TRANSACTION))

    assert steps(bench) == {"saw": 1}


def test_conversions_are_of_users_who_met_with_a_value_before(bench: Bench) -> None:
    bench.send(
        at(0, SAW, developer_paywall_id="a"),
        at(1, TRIAL),
        at(2, SAW, developer_paywall_id="b"),
        at(3, CONVERTED),
        at(4, SAW, developer_paywall_id="c"),
        at(0, SAW, user=2, developer_paywall_id="a"),
        at(1, SAW, user=2),
    )

    # The value, its users, and those with a transaction, with a trial and paying.
    assert conversions(bench, "paywall") == [
        ("b", 1, 0, 1, 1),
        ("a", 2, 0, 1, 1),
        ("", 1, 0, 0, 0),
        ("c", 1, 0, 0, 0),
    ]


@pytest.mark.parametrize(
    ("by", "event_type", "properties", "value"),
    [
        ("paywall", SAW, {"developer_paywall_id": "a"}, "a"),
        ("paywall", SAW, {"developerPaywallId": "a"}, "a"),
        ("paywall", SAW, {"DEVELOPER_PAYWALL_ID": 7}, "7"),
        ("paywall", SAW, {"developer_paywall_id": None, "paywallId": "b"}, "b"),
        ("paywall", SAW, {"developer_paywall_id": " "}, ""),
        ("platform", SAW, {"event_platform": "apple"}, "apple"),
        ("segment", SAW, {"segmentId": "s"}, "s"),
        ("sku", TRANSACTION, {"sku": "monthly"}, "monthly"),
        ("sku", TRANSACTION, {"sku_ref_id": "monthly"}, "monthly"),
        ("sku", TRANSACTION, {}, ""),
    ],
)
def test_values_are_found_under_any_spelling(
    bench: Bench, by: str, event_type: str, properties: dict[str, Any], value: str
) -> None:
    bench.send(at(0, event_type, **properties))

    assert [row[0] for row in conversions(bench, by)] == [value]


def test_conversions_keep_to_the_range(bench: Bench) -> None:
    bench.send(
        at(0, SAW, event_platform="apple"),
        at(DAY, SAW, event_platform="google"),
        at(2 * DAY, BOUGHT),
    )

    rows = conversions(bench, "platform", since=MONDAY + DAY, until=MONDAY + 2 * DAY)

    assert rows == [("google", 1, 0, 0, 1)]


def test_money_is_summed_up_by_week_and_currency_and_the_sandbox_apart(
    bench: Bench,
) -> None:
    bench.send(
        at(0, TRANSACTION, amount=0.1, currency="EUR"),
        at(1, TRANSACTION, amount="0.2", currency="eur", purchase_env="production"),
        at(2, TRANSACTION, amount=-0.05, locale="de_DE@currency=EUR"),
        at(3, TRANSACTION, amount=5, currency="EUR", purchase_env="sandbox"),
        at(4, TRANSACTION, amount=0, currency="EUR"),
        at(5, TRANSACTION, amount="9,99", currency="EUR"),
        at(8 * DAY, TRANSACTION, amount=3, currency="USD"),
        at(8 * DAY, TRANSACTION),
        at(8 * DAY, BOUGHT, amount=3, currency="USD"),
        {**at(9 * DAY, TRANSACTION), "revenue": 4.5, "currency": "USD"},
    )

    found = shown(bench)

    # Currency, sandbox, payments, paid, refunds, refunded, without an amount.
    sums = [
        ("", False, 0, "0", 0, "0", 3),
        ("EUR", False, 2, "0.3", 1, "-0.05", 0),
        ("USD", False, 2, "7.5", 0, "0", 0),
        ("EUR", True, 1, "5", 0, "0", 0),
    ]
    assert [
        (*msgspec.structs.astuple(row)[:2], *msgspec.structs.astuple(row)[3:])
        for row in found.totals
    ] == sums
    assert [(row.currency, row.sandbox, row.week) for row in found.money] == [
        ("", False, MONDAY),
        ("", False, MONDAY + WEEK),
        ("EUR", False, MONDAY),
        ("USD", False, MONDAY + WEEK),
        ("EUR", True, MONDAY),
    ]


def test_money_keeps_to_the_range(bench: Bench) -> None:
    for day in range(4):
        bench.send(at(day * DAY, TRANSACTION, amount=10**day, currency="EUR"))

    [total] = shown(bench, since=MONDAY + DAY, until=MONDAY + 3 * DAY).totals

    assert (total.payments, total.paid) == (2, "110")


@pytest.mark.parametrize(
    ("event_type", "more", "status"),
    [
        ("a.user.subscription.renewed", {}, "active"),
        ("user.subscription.renewed", {"in_trial_period": True}, "trial"),
        ("user.subscription.renewed", {"in_intro_offer_period": True}, "intro"),
        ("user.subscription.renewed", {"in_grace_period": True}, "grace"),
        (
            "user.subscription.renewed",
            {"in_grace_period": True, "in_trial_period": True},
            "grace",
        ),
        ("user.subscription.cancelled", {"is_cancelled": True}, "cancelled"),
        (
            "user.subscription.expired",
            {"active_entitlements": [], "is_cancelled": True},
            "never",
        ),
        (
            "user.subscription.expired",
            {"active_entitlements": [], "former_subscriber": True},
            "former",
        ),
        ("user.subscription.paused", {"active_entitlements": []}, "paused"),
        ("user.subscription.renewed", {"in_account_hold": True}, "account_hold"),
        ("user.subscription.renewed", {"subscription_status": "intro"}, "intro"),
        ("user.subscription.renewed", {"subscription_status": "odd"}, "active"),
        ("user.login", {}, None),
    ],
)
def test_a_state_amounts_to_one_status(
    bench: Bench, event_type: str, more: dict[str, Any], status: str | None
) -> None:
    bench.send(state(0, event_type, **more))

    assert statuses(bench) == ({} if status is None else {status: [1]})


def test_an_event_without_a_state_leaves_the_status_as_it_is(bench: Bench) -> None:
    bench.send(state(0), at(1, "user.subscription.expired"))

    assert statuses(bench) == {"active": [1]}


def test_a_user_record_has_a_state_as_well(bench: Bench) -> None:
    identify = at(1, "$identify")
    identify["user_properties"] = {
        "$set": {"namiml_active_entitlements": [], "namiml_former_subscriber": False}
    }
    bench.send(state(0), identify)

    assert statuses(bench) == {"never": [1]}


def test_the_newest_state_of_a_week_counts_whenever_it_came(bench: Bench) -> None:
    bench.send(state(0, in_trial_period=True), at(15 * DAY, "user.login"))
    bench.send(state(8 * DAY, active_entitlements=[]))
    bench.send(state(WEEK - 1), state(WEEK - 2, in_grace_period=True))

    assert statuses(bench) == {"active": [1, 0, 0], "never": [0, 1, 1]}


def test_who_was_there_before_the_range_still_has_a_status(bench: Bench) -> None:
    bench.send(state(0), state(0, user=2, in_trial_period=True))
    bench.send(state(20 * DAY, user=2), at(21 * DAY, "user.login"))

    assert statuses(bench, since=MONDAY + 14 * DAY) == {"active": [2, 2]}


def test_the_range_of_the_data_is_in_whole_days(bench: Bench) -> None:
    bench.send(at(3 * DAY + 5, SAW), at(12 * DAY + 5, SAW))

    found = shown(bench)

    assert (found.since, found.until) == (MONDAY + 3 * DAY, MONDAY + 13 * DAY)
    assert (found.weeks, found.week) == ([MONDAY, MONDAY + WEEK], WEEK)


def test_weeks_of_a_thousand_years_are_few(bench: Bench) -> None:
    bench.send(at(0, SAW), at(365_000 * DAY, SAW))

    found = shown(bench)

    assert len(found.weeks) <= 121
    assert found.week % WEEK == 0


def test_the_order_in_which_events_come_changes_nothing(make_bench: MakeBench) -> None:
    dice = random.Random(23)  # noqa: S311
    types = [SAW, TRANSACTION, TRIAL, CONVERTED, LAPSED, BOUGHT]
    events = [
        at(
            dice.randrange(30) * DAY + number,
            dice.choice(types),
            user=dice.randrange(9),
            developer_paywall_id=dice.choice("abc"),
            amount=dice.choice([1, -1]),
            currency=dice.choice(["EUR", "USD"]),
        )
        for number in range(120)
    ]
    events += [
        state(
            dice.randrange(30) * DAY + number,
            user=dice.randrange(9),
            in_trial_period=dice.random() < 0.5,
            active_entitlements=dice.choice([[], ["premium"]]),
        )
        for number in range(120, 200)
    ]
    ordered, mixed = make_bench(), make_bench()
    ordered.send(*sorted(events, key=lambda each: int(each["time"])))
    dice.shuffle(events)
    for start in range(0, len(events), 17):
        mixed.send(*events[start : start + 17])

    assert shown(mixed) == shown(ordered)
    assert steps(mixed)["paying"] > 0
