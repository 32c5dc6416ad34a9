"""The bar of filters: what it asks for, and that it leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.browser.visitor import Visitor

# Counts the functions that the document calls at a click.
COUNT_LISTENERS = """
    window.clickListeners = new Set();
    const { addEventListener, removeEventListener } = document;
    document.addEventListener = function (type, listener, ...rest) {
        if (type === "click") window.clickListeners.add(listener);
        return addEventListener.call(this, type, listener, ...rest);
    };
    document.removeEventListener = function (type, listener, ...rest) {
        if (type === "click") window.clickListeners.delete(listener);
        return removeEventListener.call(this, type, listener, ...rest);
    };
"""


def test_a_click_elsewhere_closes_the_menu_of_types(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.open(sample, "overview")
    visitor.page.get_by_text("All event types").click()
    box = visitor.page.get_by_label("device.transaction", exact=True)
    expect(box).to_be_visible()
    visitor.page.locator("h1").click()
    expect(box).not_to_be_visible()


def test_views_that_are_left_leave_no_listener_behind(
    visitor: Visitor, sample: LocalAmplitude
) -> None:
    visitor.page.add_init_script(COUNT_LISTENERS)
    visitor.open(sample, "overview")
    for view in ("Live", "Overview", "Live", "Overview"):
        visitor.page.get_by_text("All event types").click()
        expect(visitor.page.locator(".menu fieldset")).to_be_visible()
        visitor.click_to(visitor.link(view), view)
    assert visitor.page.evaluate("window.clickListeners.size") == 0
