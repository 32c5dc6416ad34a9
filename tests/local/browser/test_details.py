"""The views of users, requests and events in detail, at a desk and on a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.local.browser.visitor import PHONE, Visitor, send, user_address
from tests.local.page.test_curl import paste

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from target_amplitude_nami.local.server import LocalAmplitude

LEGEND = "Event types of the chart"


def number(text: str) -> int:
    return int(text.replace(",", ""))


def column(visitor: Visitor, place: int) -> list[str]:
    return [row[place] for row in visitor.rows("Users")]


def test_the_users_seen_last_come_first(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "users")
    seen = column(visitor, 4)
    assert seen == sorted(seen, reverse=True)
    last = visitor.page.get_by_role("columnheader", name="Last event")
    assert last.get_attribute("aria-sort") == "descending"


def test_a_click_on_a_title_sorts_the_users(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "users")
    events = visitor.page.get_by_role("columnheader", name="Events", exact=True)
    visitor.link("Events").click()
    expect(events).to_have_attribute("aria-sort", "descending")
    visitor.wait()
    most = [number(text) for text in column(visitor, 3)]
    assert most == sorted(most, reverse=True)
    assert visitor.address == "users?sort=events&order=desc"
    visitor.link("Events").click()
    expect(events).to_have_attribute("aria-sort", "ascending")
    visitor.wait()
    fewest = [number(text) for text in column(visitor, 3)]
    assert fewest == sorted(fewest)
    assert fewest[0] < most[0]
    visitor.link("User").click()
    visitor.page.wait_for_url("**sort=name&order=asc")
    visitor.wait()
    names = column(visitor, 0)
    assert names == sorted(names)


def test_the_list_goes_on_in_its_order(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "users?sort=events")
    first = visitor.rows("Users")
    visitor.link("More »").click()
    expect(visitor.link("« Start")).to_be_visible()
    second = visitor.rows("Users")
    assert not {row[0] for row in first} & {row[0] for row in second}
    assert number(first[-1][3]) >= number(second[0][3])


def test_users_have_the_status_that_namis_properties_tell(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    for name, properties in {
        "trial-1": {"namiml_in_trial_period": True},
        "payer-1": {"namiml_active_skus": ["monthly"]},
        "other-1": {"plan": "none"},
    }.items():
        event = {"user_id": name, "event_type": "hello", "user_properties": properties}
        assert send(local_amplitude, event) == 200
    visitor.open(local_amplitude, "users?sort=status")
    assert [row[:3] for row in visitor.rows("Users")] == [
        ["payer-1", "user", "active"],
        ["trial-1", "user", "in a trial"],
        ["other-1", "user", "\N{EN DASH}"],
    ]


def converted(local: LocalAmplitude) -> str:
    """Return the id of a user who converted."""
    return next(
        str(event.export["user_id"])
        for event in local.events()
        if event.export["event_type"] == "user.journey.trial.converted"
        and event.export["user_id"]
    )


def test_a_users_page_is_titled_by_the_user(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    name = converted(sample)
    visitor.open(sample, user_address(sample, name))
    assert visitor.page.locator("h1").inner_text() == name
    assert visitor.page.title() == f"{name} · Local Amplitude"


def test_platforms_have_their_names_beside_their_ids(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    names = {
        properties["app_platform_id"]: properties["event_platform"]
        for event in sample.events()
        if "app_platform_id" in (properties := event.export["event_properties"])
    }
    assert set(names.values()) == {"apple", "google"}
    user = converted(sample)
    [known] = (sample.user_properties(user) or {})["namiml_device_platforms"]
    visitor.open(sample, user_address(sample, user))
    values = {name: value for name, value, *_ in visitor.rows("User properties now")}
    assert values["namiml_device_platforms"] == f'["{known}"] {names[known]}'


def test_ids_stay_on_one_line_of_a_phone_and_can_be_copied(
    browser: Browser, sample: LocalAmplitude
) -> None:
    with Visitor(browser, PHONE) as visitor:
        visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visitor.open(sample, user_address(sample, converted(sample)))
        ids = visitor.page.locator(".whole-id .mono")
        assert ids.count() >= 2
        heights = ids.evaluate_all(
            "(all) => all.map((id) =>"
            " id.offsetHeight / parseFloat(getComputedStyle(id).lineHeight))"
        )
        assert all(height < 1.5 for height in heights)
        device = ids.nth(1).inner_text()
        visitor.button("Copy device id").first.click()
        expect(visitor.page.get_by_text("Copied", exact=True)).to_be_visible()
        copied = visitor.page.evaluate("navigator.clipboard.readText()")
        assert copied == device


def test_filters_are_folded_on_a_phone(
    browser: Browser, sample: LocalAmplitude
) -> None:
    with Visitor(browser, PHONE) as visitor:
        visitor.open(sample, "overview?from=2026-07-01&type=device.impression")
        start = visitor.page.get_by_label("From", exact=True)
        expect(start).not_to_be_visible()
        fold = visitor.button("Filters (2 set)")
        expect(fold).to_have_attribute("aria-expanded", "false")
        fold.click()
        expect(start).to_be_visible()
        expect(fold).to_have_attribute("aria-expanded", "true")


def test_at_a_desk_filters_are_in_sight(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview")
    expect(visitor.page.get_by_label("From", exact=True)).to_be_visible()
    expect(visitor.page.locator(".fold")).not_to_be_visible()


def looks(visitor: Visitor) -> dict[str, str]:
    """Return the swatch of each event type in the legend."""
    legend = visitor.page.get_by_role("group", name=LEGEND)
    legend.wait_for()
    names = legend.locator("li a").all_inner_texts()
    swatches = legend.locator("li .swatch").all()
    return {
        name: swatch.get_attribute("class") or ""
        for name, swatch in zip(names, swatches, strict=True)
    }


def test_each_event_type_has_a_look_of_its_own_beside_the_chart(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview")
    types = {row[0] for row in visitor.rows("Event types")}
    seen = looks(visitor)
    assert set(seen) == types
    assert len(set(seen.values())) == len(types) > 8
    legend = visitor.page.get_by_role("group", name=LEGEND)
    groups = legend.get_by_role("heading").all_inner_texts()
    assert groups == ["Device", "Journey", "Subscription"]
    box, chart = legend.bounding_box(), visitor.page.locator(".chart").bounding_box()
    assert box
    assert chart
    assert box["x"] >= chart["x"] + chart["width"]


def test_a_type_keeps_its_look_under_every_filter(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview")
    all_looks = looks(visitor)
    types = ("user.subscription.expired", "device.transaction")
    filters = "&".join(f"type={each}" for each in types)
    visitor.open(sample, f"overview?from=2026-07-20&{filters}")
    assert looks(visitor) == {each: all_looks[each] for each in types}


def test_other_types_have_looks_as_well(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    events = [{"user_id": "alice-1", "event_type": f"type-{n:02}"} for n in range(12)]
    prefixed = {"user_id": "alice-1", "event_type": "Nami device.impression"}
    assert send(local_amplitude, *events, prefixed) == 200
    visitor.open(local_amplitude, "overview")
    seen = looks(visitor)
    assert seen["Nami device.impression"] == "swatch c1"
    assert seen["type-11"] == "swatch c0"
    own = [look for look in seen.values() if look != "swatch c0"]
    assert len(set(own)) == len(own) == 10


def test_the_legend_filters_by_its_types(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview")
    legend = visitor.page.get_by_role("group", name=LEGEND)
    legend.get_by_role("link", name="user.subscription.renewed", exact=True).click()
    visitor.page.wait_for_url("**/#/overview?type=user.subscription.renewed")
    expect(visitor.page.locator(".legend li")).to_have_count(1)


def test_the_chart_spans_the_days_of_the_data(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    """However far from today these are."""
    visitor.open(sample, "overview")
    chart = visitor.page.get_by_role("img", name=re.compile("^Events per day"))
    assert ", 1 Jun to 29 Aug: " in (chart.get_attribute("aria-label") or "")


def test_requests_follow_the_date_filter(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "requests")
    count = visitor.page.locator("tbody tr").count()
    assert count == len(list(sample.requests()))
    visitor.open(sample, "requests?to=2026-01-01")
    expect(visitor.page.get_by_text("No request matches these filters")).to_be_visible()
    visitor.link("Clear filters").click()
    expect(visitor.page.locator("tbody tr")).to_have_count(count)


def test_a_request_shows_all_its_events_page_by_page_from_one(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    events = [
        {"user_id": "alice-1", "event_type": f"type_of.number_{n}"}
        for n in range(1, 71)
    ]
    assert send(local_amplitude, *events) == 200
    visitor.open(local_amplitude, "requests/1")
    heading = visitor.page.get_by_role("heading", name="Its events, 1 to 50 of 70")
    expect(heading).to_be_visible()
    titles = visitor.page.locator("details summary")
    assert titles.all_inner_texts() == [
        f"{n}: type_of.number_{n}" for n in range(1, 51)
    ]
    # A long name may break after its dots and underscores.
    assert titles.first.locator("wbr").count() == 3
    visitor.link("Next »").click()
    expect(titles).to_have_text([f"{n}: type_of.number_{n}" for n in range(51, 71)])
    titles.last.click()
    shown = visitor.page.get_by_role("group", name="event 70")
    expect(shown).to_contain_text('"event_type": "type_of.number_70"')
    visitor.link("« First").click()
    expect(heading).to_be_visible()


def test_a_request_is_copied_as_a_command_that_sends_it_again(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert send(local_amplitude, {"user_id": "it's", "event_type": "hello"}) == 400
    visitor.open(local_amplitude, "requests/1")
    visitor.button("Copy as curl").click()
    expect(visitor.button("Copied")).to_be_visible()
    command = visitor.page.evaluate("navigator.clipboard.readText()")
    assert "$TARGET_AMPLITUDE_NAMI_API_KEY" in command
    assert '"code":400' in paste(command, "local").stdout
    assert [entry.status for entry in local_amplitude.requests()] == [400, 400]
