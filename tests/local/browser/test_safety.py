"""Text from events is shown, and never run."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami import local
from tests.local.browser.visitor import VIEWS, send

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.browser.visitor import Visitor

PAGE = Path(local.__file__).parent / "page"
SCRIPT = "<script>document.title='run'</script><img src=x onerror=\"alert('run')\">"
HOSTILE = {
    "event_type": SCRIPT,
    "user_id": SCRIPT,
    "device_id": SCRIPT,
    "insert_id": SCRIPT,
    "event_properties": {SCRIPT: SCRIPT, "list": [SCRIPT, {SCRIPT: SCRIPT}]},
    "user_properties": {SCRIPT: SCRIPT, "namiml_device_ids": [SCRIPT]},
    "app_version": SCRIPT,
    "country": SCRIPT,
    "language": SCRIPT,
}


def assert_unharmed(visitor: Visitor) -> None:
    page = visitor.page
    assert SCRIPT in page.locator("main").inner_text()
    assert page.locator("main script, main img, main [onerror]").count() == 0
    assert page.title().endswith("Local Amplitude")


@pytest.mark.parametrize("view", ["overview", "live", "users"])
def test_a_script_in_every_field_is_only_text_in_the_lists(
    visitor: Visitor, local_amplitude: LocalAmplitude, view: str
) -> None:
    assert send(local_amplitude, HOSTILE) == 200
    visitor.open(local_amplitude, view)
    assert_unharmed(visitor)
    if view != "users":
        visitor.page.get_by_text("All event types").click()
        visitor.page.get_by_role("checkbox").last.check()
        visitor.wait()
        assert_unharmed(visitor)


def test_a_script_in_every_field_is_only_text_in_the_details(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    assert send(local_amplitude, HOSTILE) == 200
    for path in ("live", "users"):
        visitor.open(local_amplitude, path)
        link = visitor.page.locator("tbody a").first
        titled = re.compile(r"^Event \d+$") if path == "live" else link.inner_text()
        visitor.click_to(link, titled)
        assert_unharmed(visitor)


def test_a_script_in_a_refused_request_is_only_text(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    assert send(local_amplitude, HOSTILE | {"time": SCRIPT}) == 400
    visitor.open(local_amplitude, "requests/1")
    assert json.dumps(SCRIPT) in visitor.page.locator("mark").inner_text()
    assert visitor.page.locator("main script, main img").count() == 0


def test_a_script_in_a_fault_and_in_the_address_is_only_text(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "faults")
    rule = {"name": SCRIPT, "when": {"user_id": SCRIPT}, "do": {"delay": 0.01}}
    visitor.page.get_by_label("As JSON").fill(json.dumps(rule))
    visitor.button("Add this fault").click()
    visitor.page.get_by_role("switch").wait_for()
    assert_unharmed(visitor)
    visitor.open(local_amplitude, f"users?q={SCRIPT}")
    assert_unharmed(visitor)


def test_the_page_may_run_nothing_but_its_own_files(
    local_amplitude: LocalAmplitude,
) -> None:
    with urllib.request.urlopen(local_amplitude.url) as answer:  # noqa: S310
        policy = answer.headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"


def test_nothing_comes_from_anywhere_else(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    for view in VIEWS:
        visitor.open(local_amplitude, view)
    assert visitor.hosts == {"127.0.0.1"}


@pytest.mark.parametrize(
    "risky",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "new Function",
        "srcdoc",
    ],
)
def test_no_file_turns_text_into_markup(risky: str) -> None:
    scripts = sorted(PAGE.glob("**/*.js"))
    assert len(scripts) > 20
    assert [path.name for path in scripts if risky in path.read_text()] == []
