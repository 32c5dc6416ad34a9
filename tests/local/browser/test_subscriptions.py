"""What a person sees of the sample's subscriptions, counted a second time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.examples import expected
from tests.examples.expected import Expected, read_records
from tests.local.bench import event
from tests.local.browser.answers import Sample
from tests.local.browser.visitor import send

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.browser.visitor import Visitor


@pytest.fixture(scope="module")
def sent() -> Expected:
    return expected.expect(read_records())


@pytest.fixture(scope="module")
def counted() -> Sample:
    return Sample()


def number(text: str) -> int:
    return int(text.replace(",", ""))


def money(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def test_the_events_of_each_kind_are_shown_over_time(
    visitor: Visitor, sample: LocalAmplitude, sent: Expected
) -> None:
    visitor.open(sample, "subscriptions")
    stored = sent.delivered
    renewed = stored["user.subscription.renewed"]
    renewed += stored["user.subscription.renewal_in_grace_period"]
    section = visitor.page.get_by_role("region", name="Events over time")
    assert section.locator("figcaption").all_inner_texts() == [
        f"Trial starts\n{stored['user.journey.trial.started']}",
        f"Conversions\n{stored['user.journey.trial.converted']}",
        f"Purchases\n{stored['user.subscription.purchased']}",
        f"Renewals\n{renewed}",
        f"Cancellations\n{stored['user.subscription.cancelled']}",
        f"Expirations\n{stored['user.subscription.expired']}",
    ]
    section.get_by_text("As a table").click()
    weeks = visitor.rows("Subscription events per week")
    assert sum(number(row[1]) for row in weeks) == stored["user.journey.trial.started"]


def test_the_funnel_has_every_paying_user(
    visitor: Visitor, sample: LocalAmplitude, counted: Sample
) -> None:
    visitor.open(sample, "subscriptions")
    steps = {
        row[0].split("\n")[0]: number(row[1])
        for row in visitor.rows("From paywall to payment")
    }
    trials = {user for user, _, _ in counted.of("user.journey.trial.started")}
    assert steps["Saw a paywall"] == len(
        {user for user, _, _ in counted.of("device.impression")}
    )
    assert steps["Made a transaction"] == len(
        {user for user, _, _ in counted.of("device.transaction")}
    )
    assert steps["Started a trial"] == len(trials)
    assert steps["Bought directly, without any trial"] == len(
        counted.payers_without_trial()
    )
    assert steps["Paying, in one of these ways"] == len(counted.payers())
    _, *after_the_trial = list(steps.values())[2:8]
    assert sum(after_the_trial) == len(trials)
    ways = visitor.rows("How paying users came")
    assert sum(number(row[1]) for row in ways[:-1]) == number(ways[-1][1])
    assert number(ways[-1][1]) == len(counted.payers())


@pytest.mark.parametrize(
    "of",
    [
        ("Paywall", "developer_paywall_id", "device.impression"),
        ("Platform", "event_platform", "device.impression"),
        ("Segment", "segment", "device.impression"),
        ("SKU", "sku", "device.transaction"),
    ],
    ids=lambda of: of[0],
)
def test_conversions_are_broken_down(
    visitor: Visitor, sample: LocalAmplitude, counted: Sample, of: tuple[str, str, str]
) -> None:
    name, key, event_type = of
    visitor.open(sample, "subscriptions")
    visitor.button(name).click()
    named = name if name == "SKU" else name.lower()
    rows = visitor.rows(f"Conversion by {named}, the best first")
    assert {row[0]: (number(row[1]), number(row[4])) for row in rows} == (
        counted.conversions(key, event_type)
    )
    shares = [float(row[5].removesuffix(" %")) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert visitor.button(name).get_attribute("aria-pressed") == "true"


def test_the_chosen_breakdown_stays_when_the_days_change(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "subscriptions?by=sku")
    visitor.button("30 days").click()
    visitor.page.wait_for_url("**from=2026-07-31*")
    assert visitor.rows("Conversion by SKU, the best first")


def test_money_is_shown_by_currency_and_the_sandbox_apart(
    visitor: Visitor, sample: LocalAmplitude, counted: Sample
) -> None:
    visitor.open(sample, "subscriptions")
    for caption, sandbox in (("By currency", False), ("Sandbox, which is no", True)):
        assert {
            row[0]: (number(row[1]), money(row[2]), money(row[4]))
            for row in visitor.rows(caption)
        } == counted.revenue(sandbox=sandbox)
    section = visitor.page.get_by_role("region", name="Revenue and refunds")
    section.get_by_text("As a table").click()
    weeks = visitor.rows("By week and currency")
    for currency, (_, paid, _) in counted.revenue(sandbox=False).items():
        assert paid == sum(
            money(row[3])
            for row in weeks
            if row[1] == currency and row[-1] == "production"
        )


def test_every_status_is_counted_at_the_end(
    visitor: Visitor, sample: LocalAmplitude, counted: Sample
) -> None:
    visitor.open(sample, "subscriptions")
    rows = visitor.rows("Users by status on 29 Aug")
    assert {row[0]: number(row[1]) for row in rows if row[1] != "0"} == dict(
        counted.statuses()
    )
    active = sum(number(row[1]) for row in rows if row[2] == "yes")
    expect(visitor.figure("Active subscribers on 29 Aug")).to_have_text(str(active))
    section = visitor.page.get_by_role("region", name="Active subscribers at the end")
    section.get_by_text("As a table").click()
    weeks = visitor.rows("Users by status at the end of each week")
    assert [row[1] for row in rows] == weeks[-1][1:]


def test_weeks_that_are_not_whole_say_so(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "subscriptions?from=2026-06-03&to=2026-08-23")
    section = visitor.page.get_by_role("region", name="Active subscribers at the end")
    section.get_by_text("As a table").click()
    weeks = [row[0] for row in visitor.rows("Users by status at the end of each week")]
    assert weeks[0] == "1 Jun \N{EN DASH} 7 Jun 2026 (partial)"
    assert [week for week in weeks[1:] if "partial" in week] == []
    assert weeks[-1] == "17 Aug \N{EN DASH} 23 Aug 2026"


def test_a_range_without_events_says_so(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "subscriptions?from=2020-01-01&to=2020-01-31")
    visitor.page.get_by_text("No subscription event in this range").wait_for()
    visitor.link("Show the whole time").click()
    assert visitor.rows("How paying users came")


def test_without_subscriptions_no_chart_and_no_bar_is_drawn(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    send(local_amplitude, event(event_type="device.impression"))
    visitor.open(local_amplitude, "subscriptions")
    statuses = visitor.page.get_by_role("region", name="Active subscribers at the end")
    expect(statuses).to_contain_text("No event says that anybody has an active")
    expect(statuses.get_by_role("img")).to_have_count(0)
    expect(visitor.page.locator(".funnel .bar span")).to_have_count(1)


def test_the_legend_has_the_statuses_that_occur(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    state = {"namiml_active_entitlements": ["one"], "namiml_in_trial_period": True}
    bought = "user.subscription.purchased"
    send(local_amplitude, event(event_type=bought, user_properties=state))
    visitor.open(local_amplitude, "subscriptions")
    statuses = visitor.page.get_by_role("region", name="Active subscribers at the end")
    assert statuses.locator(".key li").all_inner_texts() == ["In a trial"]
