"""How the page looks, and that everybody can use it: axe, narrow, dark, the tour."""

from __future__ import annotations

import io
import os
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from target_amplitude_nami.local.faults import Faults
from tests.local.browser.visitor import (
    DESK,
    PHONE,
    SMALL_PHONE,
    VIEWS,
    Scheme,
    Visitor,
    send,
    user_address,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from target_amplitude_nami.local.server import LocalAmplitude

TOUR = Path(__file__).parents[3] / "docs" / "tour"
MOST_BYTES = 150_000


def findings(visitor: Visitor, *rules: str) -> list[str]:
    """Return what axe finds seriously or critically wrong, by all rules or by some."""
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    results = Axe().run(visitor.page, options=options).response
    return [
        f"{found['id']}: {node['html']}"
        for found in results["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]


def details(local: LocalAmplitude) -> list[str]:
    """Return the addresses of one event, one user and one request."""
    user = next(e.export["user_id"] for e in local.events() if e.export["user_id"])
    return ["live/5", user_address(local, user), "requests/1"]


def test_axe_finds_nothing_serious(browser: Browser, sample: LocalAmplitude) -> None:
    with Visitor(browser) as visitor:
        for address in (*VIEWS, *details(sample)):
            visitor.open(sample, address)
            assert (address, findings(visitor)) == (address, [])


@pytest.mark.slow
def test_axe_can_read_everything_in_the_dark(
    browser: Browser, sample: LocalAmplitude
) -> None:
    with Visitor(browser, DESK, "dark") as visitor:
        for address in (*VIEWS, *details(sample)):
            visitor.open(sample, address)
            assert (address, findings(visitor, "color-contrast")) == (address, [])


@pytest.mark.slow
def test_axe_finds_nothing_serious_on_a_phone(
    browser: Browser, sample: LocalAmplitude
) -> None:
    with Visitor(browser, PHONE) as visitor:
        for address in (*VIEWS, *details(sample)):
            visitor.open(sample, address)
            assert (address, findings(visitor)) == (address, [])


@pytest.mark.slow
def test_axe_finds_nothing_serious_in_empty_and_troubled_views(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    for address in (*VIEWS, "no-such-view"):
        visitor.open(local_amplitude, address)
        assert (address, findings(visitor)) == (address, [])
    busy = {"name": "busy", "when": {"every": 2}, "do": {"status": 503, "raw": "Busy"}}
    local_amplitude.set_faults(Faults.from_json({"faults": [busy]}))
    assert send(local_amplitude, {"user_id": "abc", "event_type": "hello"}) == 400
    assert send(local_amplitude, {"user_id": "alice-1", "event_type": "hello"}) == 503
    for address in ("requests", "requests/1", "requests/2", "faults"):
        visitor.open(local_amplitude, address)
        assert (address, findings(visitor)) == (address, [])


def test_nothing_is_wider_than_a_small_phone(
    browser: Browser, sample: LocalAmplitude
) -> None:
    with Visitor(browser, SMALL_PHONE) as visitor:
        for address in (*VIEWS, *details(sample)):
            visitor.open(sample, address)
            width = visitor.page.evaluate("document.documentElement.scrollWidth")
            assert (address, width) == (address, SMALL_PHONE[0])


def test_the_system_and_the_switch_decide_what_is_dark(
    browser: Browser, sample: LocalAmplitude
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with Visitor(browser, DESK, "dark") as visitor:
        visitor.open(sample)
        dark = visitor.page.evaluate(ground)
        visitor.page.get_by_label("Theme").select_option("light")
        light = visitor.page.evaluate(ground)
        assert [luminance(dark) < 60, luminance(light) > 200] == [True, True]
        visitor.page.reload()
        visitor.wait()
        assert visitor.page.evaluate(ground) == light


def luminance(colour: str) -> float:
    """Return the mean of a colour's parts, as `rgb(…)` names them."""
    parts = [int(part) for part in re.findall(r"\d+", colour)[:3]]
    return sum(parts) / 3


def test_reduced_motion_is_respected(browser: Browser, sample: LocalAmplitude) -> None:
    with Visitor(browser) as visitor:
        visitor.page.emulate_media(reduced_motion="reduce")
        visitor.open(sample, "live")
        moving = visitor.page.evaluate(
            "[...document.querySelectorAll('*')].filter((element) => {"
            "  const style = getComputedStyle(element);"
            "  return style.animationName !== 'none' ||"
            "    parseFloat(style.transitionDuration) > 0; }).length"
        )
        assert moving == 0


def tour(local: LocalAmplitude) -> Iterator[tuple[str, str, tuple[int, int], Scheme]]:
    """Yield each picture's name, and of what, how large and in which colours it is."""
    converted = next(
        event.export["user_id"]
        for event in local.events()
        if event.export["event_type"] == "user.journey.trial.converted"
        and event.export["user_id"]
    )
    trials = "type=user.journey.trial.started&type=user.journey.trial.converted"
    yield "trust", "trust", DESK, "light"
    yield "overview", "overview", DESK, "light"
    yield "live", f"live?{trials}", DESK, "light"
    yield "user", user_address(local, converted), DESK, "light"
    yield "subscriptions", "subscriptions", DESK, "light"
    yield "subscriptions-dark", "subscriptions", DESK, "dark"
    yield "overview-phone", "overview", PHONE, "light"


def test_the_tour_has_its_pictures(sample: LocalAmplitude, browser: Browser) -> None:
    """With TOUR=write, takes them anew."""
    pictures = {name: size for name, _, size, _ in tour(sample)}
    if os.environ.get("TOUR") == "write":
        take_pictures(sample, browser)
    assert {path.stem for path in TOUR.glob("*.png")} == set(pictures)
    for name, size in pictures.items():
        data = (TOUR / f"{name}.png").read_bytes()
        assert len(data) < MOST_BYTES
        # Width and height of a PNG (W3C, Portable Network Graphics, 11.2.1 IHDR).
        assert struct.unpack(">II", data[16:24]) == size


def take_pictures(local: LocalAmplitude, browser: Browser) -> None:
    # Only who renews the tour needs it: pip install pillow.
    from PIL import Image  # noqa: PLC0415

    TOUR.mkdir(parents=True, exist_ok=True)
    for name, address, size, scheme in tour(local):
        with Visitor(browser, size, scheme) as visitor:
            visitor.open(local, address)
            expect(visitor.page.get_by_text("Listening")).to_be_visible()
            picture = Image.open(io.BytesIO(visitor.page.screenshot()))
        # Rare colours count as much as others, and the common ones are to be exact.
        small = picture.convert("RGB").quantize(
            method=Image.Quantize.MAXCOVERAGE, kmeans=4
        )
        small.save(TOUR / f"{name}.png", optimize=True)


def test_very_many_event_types_leave_the_legend_beside_its_chart(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    types = [f"a.rather.long.event.type.number.{number}" for number in range(100)]
    send(local_amplitude, *[{"user_id": "alice-1", "event_type": t} for t in types])
    visitor.open(local_amplitude, "overview")
    legend = visitor.page.get_by_role("group", name="Event types of the chart")
    box = legend.bounding_box()
    assert box is not None
    assert box["height"] < DESK[1] / 2
    last = legend.get_by_role("link").last
    last.focus()
    expect(last).to_be_in_viewport()
