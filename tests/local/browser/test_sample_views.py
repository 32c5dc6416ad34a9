"""What a person sees of the sample's 90 days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.examples import expected
from tests.examples.expected import Expected, read_records
from tests.local.browser.visitor import user_address

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.browser.visitor import Visitor


@pytest.fixture(scope="module")
def sent() -> Expected:
    return expected.expect(read_records())


def number(text: str) -> int:
    return int(text.replace(",", ""))


def users_of_events(local: LocalAmplitude) -> set[str]:
    """Return who did the events: a user, or a device of which no user is known."""
    events = [event.export for event in local.events()]
    updates = [event.export for event in local.events(listed=False)]
    users = {e["device_id"]: e["user_id"] for e in events + updates if e["user_id"]}
    return {
        str(e["user_id"] or users.get(e["device_id"], e["device_id"])) for e in events
    }


def test_the_overview_counts_what_arrived(
    visitor: Visitor, sample: LocalAmplitude, sent: Expected
) -> None:
    visitor.open(sample, "overview")
    expect(visitor.figure("Events")).to_have_text(f"{sent.delivered.total():,}")
    users = len(users_of_events(sample))
    expect(visitor.figure("Users with events")).to_have_text(str(users))
    # The target has not sent the sample's second copies.
    expect(visitor.figure("Duplicates dropped")).to_have_text("0")
    expect(visitor.figure("Requests refused")).to_have_text("0")
    types = {row[0]: number(row[1]) for row in visitor.rows("Event types")}
    assert types == dict(sent.delivered)


def test_a_charts_table_holds_every_event(
    visitor: Visitor, sample: LocalAmplitude, sent: Expected
) -> None:
    visitor.open(sample, "overview")
    visitor.page.get_by_text("As a table").click()
    days = visitor.rows("Events per day")
    assert sum(number(cell) for _, *cells in days for cell in cells) == (
        sent.delivered.total()
    )
    chart = visitor.page.get_by_role("img", name=re.compile("^Events per day"))
    assert f"{sent.delivered.total():,} in all" in (
        chart.get_attribute("aria-label") or ""
    )


def test_filters_stand_in_the_address_and_back_undoes_them(
    visitor: Visitor, sample: LocalAmplitude, sent: Expected
) -> None:
    visitor.open(sample, "overview")
    events = visitor.figure("Events")
    visitor.page.get_by_text("All event types").click()
    visitor.page.get_by_label("device.transaction").check()
    expect(events).to_have_text(str(sent.delivered["device.transaction"]))
    assert visitor.address == "overview?type=device.transaction"
    visitor.page.get_by_label("From", exact=True).fill("2026-08-01")
    expect(events).not_to_have_text(str(sent.delivered["device.transaction"]))
    assert visitor.address == "overview?type=device.transaction&from=2026-08-01"
    visitor.page.go_back()
    visitor.page.go_back()
    expect(events).to_have_text(f"{sent.delivered.total():,}")
    assert visitor.address == "overview"


def test_an_address_brings_its_filters_back(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    filters = "from=2026-07-01&to=2026-07-31&type=device.impression"
    visitor.open(sample, f"overview?{filters}")
    assert visitor.page.get_by_label("From", exact=True).input_value() == "2026-07-01"
    assert visitor.page.get_by_label("To", exact=True).input_value() == "2026-07-31"
    assert [row[0] for row in visitor.rows("Event types")] == ["device.impression"]


def test_dragging_over_the_chart_shows_these_days(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview")
    plot = visitor.page.locator(".chart .u-over").bounding_box()
    assert plot is not None
    mouse, height = visitor.page.mouse, plot["y"] + plot["height"] / 2
    mouse.move(plot["x"] + plot["width"] * 0.36, height)
    mouse.down()
    mouse.move(plot["x"] + plot["width"] * 0.505, height, steps=4)
    mouse.up()
    visitor.page.wait_for_url("**/#/overview?from=2026-07-03&to=2026-07-16")


def test_pointing_at_the_chart_shows_its_numbers(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview?type=device.impression&type=device.transaction")
    visitor.page.locator(".chart .u-over").hover()
    tip = visitor.page.locator(".tip").inner_text()
    assert re.match(r"\d+ \w+ 2026: \d+\n", tip)
    assert "device.impression" in tip


def test_long_lists_come_in_pages(visitor: Visitor, sample: LocalAmplitude) -> None:
    caption = "Events, the newest arrival first"
    visitor.open(sample, "live")
    first = visitor.rows(caption)
    visitor.link("Older »").click()
    newest = visitor.link("« Newest")
    expect(newest).to_be_visible()
    second = visitor.rows(caption)
    assert len(first) == len(second) == 100
    assert not {tuple(row) for row in first} & {tuple(row) for row in second}
    newest.click()
    expect(newest).not_to_be_attached()
    assert visitor.rows(caption) == first


def test_a_user_is_found_by_each_of_their_ids(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    event = next(
        event.export
        for event in sample.events()
        if event.export["user_id"]
        and "namiml_device_ids" in event.export["user_properties"]
    )
    user, device = event["user_id"], event["device_id"]
    nami_device = event["user_properties"]["namiml_device_ids"][0]
    for wanted in (user, device, nami_device, user[:6]):
        visitor.open(sample, "users")
        visitor.page.get_by_role("searchbox").fill(wanted)
        visitor.button("Look up").click()
        visitor.click_to(visitor.link(user), user)
        expect(visitor.figure("User id").locator(".mono")).to_have_text(user)


def test_a_user_shows_what_set_each_property(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    user = next(
        event.export["user_id"]
        for event in sample.events()
        if event.export["event_type"] == "user.journey.trial.converted"
        and event.export["user_id"]
    )
    now = sample.user_properties(user)
    assert now
    visitor.open(sample, user_address(sample, user))
    properties = visitor.rows("User properties now")
    assert {row[0] for row in properties} == set(now)
    timeline = {row[0] for row in visitor.rows("Timeline, the newest event first")}
    assert "user.journey.trial.converted" in timeline
    assert {row[2] for row in properties} <= timeline
    table = visitor.page.get_by_role("table", name="User properties now")
    visitor.click_to(table.get_by_role("link").first, re.compile(r"^Event \d+$"))
    expect(visitor.figure("Event type")).to_have_text(properties[0][2])


def test_every_view_is_reached_by_the_keyboard_alone(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample)
    keyboard = visitor.page.keyboard
    keyboard.press("Tab")
    assert visitor.page.locator(":focus").inner_text() == "Skip to the content"
    for name in ("Live", "Users", "Requests", "Subscriptions", "Faults", "Overview"):
        visitor.link(name).focus()
        keyboard.press("Enter")
        heading = visitor.page.get_by_role("heading", level=1, name=name)
        heading.wait_for()
        assert visitor.page.locator(":focus").inner_text() == name
        assert visitor.link(name).get_attribute("aria-current") == "page"
        assert visitor.page.title() == f"{name} · Local Amplitude"


def test_an_unknown_address_is_reported(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "constructor")
    assert visitor.page.locator("h1").inner_text() == "Page not found"
