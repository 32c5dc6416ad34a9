"""The page while things arrive: events, refused requests, and faults that strike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.local.browser.visitor import send

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.browser.visitor import Visitor

HELLO = {"user_id": "alice-1", "event_type": "hello", "insert_id": "first-hello"}


def test_an_empty_file_shows_how_to_fill_it(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    for view in ("overview", "live", "users", "requests", "subscriptions"):
        visitor.open(local_amplitude, view)
        commands = visitor.page.locator(".command pre").all_inner_texts()
        assert all(local_amplitude.endpoint("http_v2") in text for text in commands)
        assert commands


def test_an_event_shows_as_it_arrives(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "live")
    expect(visitor.page.get_by_text("Listening")).to_be_visible()
    assert send(local_amplitude, HELLO) == 200
    expect(visitor.link("hello")).to_be_visible()
    expect(visitor.page.get_by_role("status")).to_have_text("1 event arrived")
    second = HELLO | {"insert_id": "second-hello", "event_type": "goodbye"}
    assert send(local_amplitude, second) == 200
    expect(visitor.page.locator("tbody th")).to_have_text(["goodbye", "hello"])


def test_a_pause_holds_arrivals_back(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "live")
    expect(visitor.page.get_by_text("Listening")).to_be_visible()
    visitor.button("Pause").click()
    send(local_amplitude, HELLO)
    paused = visitor.button("Paused, 1 new")
    expect(paused).to_be_visible()
    expect(visitor.link("hello")).not_to_be_attached()
    paused.click()
    expect(visitor.link("hello")).to_be_visible()


def test_a_filter_lets_only_its_types_arrive(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "live?type=wanted")
    expect(visitor.page.get_by_text("Listening")).to_be_visible()
    send(local_amplitude, HELLO)
    send(local_amplitude, HELLO | {"event_type": "wanted", "insert_id": "other"})
    expect(visitor.page.locator("tbody th")).to_have_text(["wanted"])


def test_the_overview_follows_what_arrives(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "overview")
    expect(visitor.page.get_by_text("Listening")).to_be_visible()
    send(local_amplitude, HELLO)
    expect(visitor.page.get_by_role("heading", name="Events per")).to_be_visible()
    expect(visitor.figure("Events")).to_have_text("1")


def test_an_event_shows_as_sent_and_as_stored(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    exact = 12345678901234567890123
    properties = {"exact": exact, "empty": {}, "list": [1.50, None, "ü"]}
    send(local_amplitude, HELLO | {"event_properties": properties})
    visitor.open(local_amplitude, "live")
    visitor.link("hello").click()
    sent = visitor.page.get_by_role("group", name="the event as it was sent")
    expect(sent).to_contain_text(f'"exact": {exact}')
    expect(sent).to_contain_text('"empty": {}')
    stored = visitor.page.get_by_role("group", name="the event as stored")
    expect(stored).to_contain_text('"$insert_id": "first-hello"')


def test_an_event_shows_the_user_properties_that_it_changed(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    for number, plan in enumerate(("free", "paid")):
        send(
            local_amplitude,
            HELLO | {"insert_id": str(number), "user_properties": {"plan": plan}},
        )
    visitor.open(local_amplitude, "live")
    visitor.click_to(visitor.link("hello").first, re.compile("^Event"))
    changes = visitor.rows("User properties that it changed")
    assert changes == [["plan", '"free"', '"paid"']]


def test_a_refused_request_marks_the_event_at_fault(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    bad = HELLO | {"time": "yesterday"}
    assert send(local_amplitude, HELLO, bad) == 400
    visitor.open(local_amplitude, "requests?status=refused")
    visitor.link("1").click()
    heading = visitor.page.get_by_role("heading", name=re.compile("^Event 2: "))
    expect(heading).to_contain_text("time")
    expect(visitor.page.locator("mark")).to_have_text(re.compile('"time": "yesterday"'))


def test_a_fault_is_switched_on_and_off(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "faults")
    own = '{"name": "busy", "do": {"status": 503, "raw": "<h1>Busy</h1>"}}'
    visitor.page.get_by_label("As JSON").fill(own)
    visitor.button("Add this fault").click()
    switch = visitor.page.get_by_role("switch", name="busy")
    expect(switch).to_be_checked()
    assert send(local_amplitude, HELLO) == 503
    expect(visitor.page.get_by_text("struck 1 request")).to_be_visible()
    switch.uncheck()
    expect(visitor.page.get_by_role("status")).to_have_text("busy is off")
    assert send(local_amplitude, HELLO) == 200
    switch.check()
    expect(visitor.page.get_by_role("status")).to_have_text("busy is on")
    assert send(local_amplitude, HELLO) == 503
    visitor.button("Remove busy").click()
    expect(visitor.page.get_by_text("No fault is set")).to_be_visible()
    assert send(local_amplitude, HELLO) == 200
    assert [entry.status for entry in local_amplitude.requests()] == [
        503,
        200,
        503,
        200,
    ]


def test_every_ready_made_fault_can_be_added(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "faults")
    buttons = visitor.page.locator(".presets button")
    count = buttons.count()
    assert count > 3
    for index in range(count):
        buttons.nth(index).click()
        expect(visitor.page.get_by_role("switch")).to_have_count(index + 1)
    file = visitor.page.locator("#faults-file")
    file.locator("summary").click()
    expect(file.get_by_role("group")).to_contain_text('"faults"')


def test_an_invalid_fault_is_refused_with_a_reason(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "faults")
    visitor.page.get_by_label("As JSON").fill('{"when": {}}')
    visitor.button("Add this fault").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("do")
    visitor.page.get_by_label("As JSON").fill("{")
    visitor.button("Add this fault").click()
    expect(visitor.page.get_by_text("This is not JSON.")).to_be_visible()
    # The browser itself reports the answer 400 that it was given.
    visitor.complaints = [text for text in visitor.complaints if "400" not in text]


def test_an_open_page_shows_that_the_server_is_gone(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "overview")
    visitor.page.route("**/api/**", lambda route: route.abort())
    visitor.link("Requests").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("Is it still running?")
    visitor.page.unroute("**/api/**")
    visitor.button("Try again").click()
    expect(visitor.page.get_by_text("No request has come yet")).to_be_visible()
    visitor.complaints = [t for t in visitor.complaints if "ERR_FAILED" not in t]
