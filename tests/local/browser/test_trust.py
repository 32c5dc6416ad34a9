"""What a person sees first: whether the events can be relied on, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from target_amplitude_nami.local.queries.findings.completeness import PROPERTIES
from tests.local.browser.test_look import findings as axe_findings
from tests.local.browser.visitor import DESK, PHONE, SMALL_PHONE, Visitor, send
from tests.local.queries.findings.finding_out import STATE, about_user, paid

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from target_amplitude_nami.local.server import LocalAmplitude

SECTIONS = {
    "identity": "Who the events name",
    "completeness": "How complete user properties are",
    "properties": "Properties by event type",
    "order": "Late, out of order, and odd times",
    "money": "Revenue, refunds and the sandbox",
    "rejects": "Rejected records",
    "report": "What the run reports",
}


def events_of(local: LocalAmplitude) -> list[dict[str, Any]]:
    return [event.sent for event in local.events()]


def found(visitor: Visitor) -> list[str]:
    """Return the texts of the findings, in their order."""
    items = visitor.page.locator("ol.findings > li")
    return [text.split("\n")[-1] for text in items.locator("strong").all_inner_texts()]


def show(visitor: Visitor, key: str) -> None:
    """Follow the link of a finding to where it shows."""
    item = visitor.page.locator(f"[data-key={key}]")
    item.get_by_role("link", name="Show where").click()


def test_it_is_the_first_view_and_says_what_is_wrong_worst_first(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Trust")
    sent = events_of(sample)
    user = [event for event in sent if event["event_type"].startswith("user.")]
    alone = sum("user_id" not in event for event in user)
    share = round(100 * alone / len(user))
    assert found(visitor)[0].startswith(
        f"{share} % of user events ({alone:,} of {len(user):,}) carry no External ID:"
    )
    badges = visitor.page.locator("ol.findings .badge").all_inner_texts()
    ranks = [["Problem", "Warning", "Note"].index(badge) for badge in badges]
    assert ranks == sorted(ranks)
    heading = visitor.page.get_by_role("heading", level=2).first
    expect(heading).to_contain_text(f"in {len(sent):,} events")


def test_it_says_what_was_checked_and_found_good(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "trust")
    good = visitor.page.get_by_role("region", name="Checked and found good")
    expect(good).to_contain_text("Every event type is one of Nami's.")
    expect(good).to_contain_text("No event came twice.")


def test_a_finding_leads_to_its_evidence_and_back(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "trust")
    section = visitor.page.locator("#evidence-money")
    assert section.get_attribute("open") is None
    show(visitor, "sandbox_beside_production")
    expect(
        visitor.page.get_by_role("table", name="What events say of money")
    ).to_be_visible()
    assert visitor.address == "trust?show=money"
    expect(section.locator("summary")).to_be_focused()
    # Folded away by hand, the same link opens it again.
    section.locator("summary").click()
    show(visitor, "sandbox_beside_production")
    expect(section).to_have_attribute("open", "")


def test_each_section_can_be_linked_to(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    for name, title in SECTIONS.items():
        visitor.open(sample, f"trust?show={name}")
        section = visitor.page.locator(f"#evidence-{name}")
        expect(section).to_have_attribute("open", "")
        expect(section.get_by_role("heading", name=title)).to_be_in_viewport()


def test_who_is_anonymous_is_shown_by_event_type(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "trust?show=identity")
    rows = visitor.rows("Events with an External ID, and with a device alone")
    sent = events_of(sample)
    for name, events, with_id, alone, _ in rows:
        of_type = [event for event in sent if event["event_type"] == name]
        identified = sum("user_id" in event for event in of_type)
        assert (events, with_id, alone) == (
            f"{len(of_type):,}",
            f"{identified:,}",
            f"{len(of_type) - identified:,}",
        )
    assert {row[0] for row in rows} == {event["event_type"] for event in sent}


def test_a_property_shows_how_many_carry_it_and_leads_to_an_event_with_it(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "trust?show=completeness")
    rows = visitor.rows("Nami's eight user properties on")
    assert [row[0] for row in rows] == [*PROPERTIES]
    assert {row[2] for row in rows} == {"100.0 %"}
    visitor.open(sample, "trust?show=properties")
    visitor.page.get_by_text("device.transaction (").click()
    rows = visitor.rows("Properties of device.transaction")
    amount = next(row for row in rows if row[0] == "amount")
    assert (amount[1], amount[2], amount[3]) == ("event property", "100.0 %", "number")
    table = visitor.page.get_by_role("table", name="Properties of device.transaction")
    link = table.get_by_role("row", name="amount").get_by_role("link")
    visitor.click_to(link, re.compile("device.transaction|^Event"))


def test_rejects_show_their_reasons_with_an_example(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "trust?show=rejects")
    rows = visitor.rows("Rejected records by reason")
    counts = {row[0]: int(row[1]) for row in rows}
    assert sum(counts.values()) == 14
    assert counts["anonymous_user"] == 6
    details = {row[0]: row[2] for row in rows}
    assert "the user_id '1042' has 4 characters" in details["user_id_too_short"]
    visitor.open(sample, "trust?show=report")
    outcomes = {row[0]: row[1] for row in visitor.rows("What became of")}
    assert outcomes["Rejected"] == "14"


def test_a_file_with_which_nothing_is_wrong_says_so(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    send(local_amplitude, about_user())
    visitor.open(local_amplitude, "trust")
    expect(visitor.page.get_by_text("Nothing wrong in 1 event")).to_be_visible()
    expect(
        visitor.page.get_by_text("Everything that was checked is as it should be.")
    ).to_be_visible()


def test_what_arrives_changes_the_findings_and_keeps_what_is_open(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    send(local_amplitude, about_user(), paid(revenue=5, currency="EUR"))
    visitor.open(local_amplitude, "trust?show=money")
    send(local_amplitude, paid(revenue=5))
    expect(visitor.page.locator("[data-key=revenue_without_currency]")).to_be_visible()
    expect(visitor.page.locator("#evidence-money")).to_have_attribute("open", "")


def test_names_from_outside_are_shown_as_text(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    name = "<img src=x onerror=alert(1)>`"
    state = {**STATE, name: name}
    send(
        local_amplitude,
        {**about_user(state), "event_type": name},
        {**paid(), "event_properties": {name: name}},
    )
    visitor.open(local_amplitude, "trust?show=types")
    expect(visitor.page.locator("#evidence-types")).to_contain_text(name)
    assert visitor.page.locator("main img").count() == 0


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")]
)
def test_axe_finds_nothing_serious_with_everything_open(
    browser: Browser, sample: LocalAmplitude, size: tuple[int, int], scheme: Any
) -> None:
    with Visitor(browser, size, scheme) as visitor:
        visitor.open(sample, "trust")
        visitor.page.evaluate(
            "document.querySelectorAll('details').forEach((each) => each.open = true)"
        )
        assert axe_findings(visitor) == []


def test_with_everything_open_it_fits_a_small_phone(
    browser: Browser, sample: LocalAmplitude
) -> None:
    with Visitor(browser, SMALL_PHONE) as visitor:
        visitor.open(sample, "trust")
        visitor.page.evaluate(
            "document.querySelectorAll('details').forEach((each) => each.open = true)"
        )
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width == SMALL_PHONE[0]
