"""The view of an event that explains, by the input, how it came about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from target_amplitude_nami.commands.event_explainer import EventExplainer
from target_amplitude_nami.commands.reject_explainer import RejectExplainer
from target_amplitude_nami.local.run_note import RunFiles
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.tools import tool
from tests.local.browser.test_look import findings
from tests.local.browser.visitor import DESK, PHONE, Scheme, Visitor
from tests.support.nami import subscription, user
from tests.support.run_target import run_target
from tests.support.singer import records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

SUMMARY = "Explain: where each field comes from"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an input, and what a run has sent of it to a local Amplitude."""
    folder = tmp_path_factory.mktemp("explained")
    events = [
        subscription(1),
        subscription(2, note="<img src=x>"),
        subscription(3, created_date="last Tuesday"),
    ]
    users = [user(4, updated_at="2026-06-03T00:00:00Z")]
    lines = b"".join([*records("events", events), *records("users", users)])
    (folder / "input.singer").write_bytes(lines)
    config = {"endpoint": "local", "local_path": str(folder / "local.db")}
    run = run_target(folder, config, lines)
    assert run.exit_code == 0, run.log
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[LocalAmplitude]:
    """The local Amplitude, started with that input."""
    config: dict[str, Any] = {"endpoint": "local"}
    with (
        EventExplainer(config, str(folder / "input.singer")) as explainer,
        LocalAmplitude(
            folder / "local.db",
            explain=explainer,
            explain_reject=RejectExplainer(config),
            run_files=RunFiles(rejects=folder / "output" / "rejects.singer"),
        ) as local,
    ):
        yield local


def opened(visitor: Visitor, local: LocalAmplitude, number: int) -> None:
    visitor.open(local, f"live/{number}")
    visitor.page.get_by_text(SUMMARY).click()


def test_an_event_is_explained_by_its_input(
    visitor: Visitor, served: LocalAmplitude
) -> None:
    opened(visitor, served, 2)
    rows = visitor.rows("Fields of the event")
    expect(
        visitor.page.get_by_text("exactly the bytes that have arrived")
    ).to_be_visible()
    by_name = {name: (value, source) for name, value, source, _ in rows}
    assert by_name["event_properties.note"] == ('"<img src=x>"', 'note = "<img src=x>"')
    assert by_name["user_id"][1].startswith("external_ids[1].value = ")
    expect(visitor.page.get_by_text("Line 3 of", exact=False)).to_be_visible()


def test_a_user_update_is_explained_as_well(
    visitor: Visitor, served: LocalAmplitude
) -> None:
    [update] = served.events(listed=False)
    assert update.export["event_type"] == "$identify"
    opened(visitor, served, 3)
    expect(
        visitor.page.get_by_text("exactly the bytes that have arrived")
    ).to_be_visible()
    fields = {row[0] for row in visitor.rows("Fields of the event")}
    assert "user_properties.$set.namiml_device_ids" in fields


def test_a_reject_is_explained_by_its_file(
    visitor: Visitor, served: LocalAmplitude, folder: Path
) -> None:
    visitor.open(served, "rejects/2")
    heading = visitor.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Rejected: time_unreadable")
    expect(visitor.figure("Field")).to_have_text("created_date")
    expect(visitor.figure("Found")).to_have_text('created_date = "last Tuesday"')
    expect(visitor.figure("What to change")).to_contain_text("ISO 8601")
    marked = visitor.page.locator("mark")
    expect(marked).to_have_text(re.compile('"created_date": "last Tuesday"'))
    expect(visitor.page.get_by_text("It is still rejected")).to_be_visible()
    command = visitor.page.locator(".command pre").inner_text()
    path = folder / "output" / "rejects.singer"
    assert command == tool("explain", "--input", str(path), "--line", "2")


def test_a_line_without_a_reject_says_so(
    visitor: Visitor, served: LocalAmplitude
) -> None:
    for line in (1, 99):
        visitor.open(served, f"rejects/{line}")
        says = f"There is no record on line {line} of"
        expect(visitor.page.get_by_role("alert")).to_contain_text(says)


def test_without_a_rejects_file_it_says_how_to_give_one(
    visitor: Visitor, local_amplitude: LocalAmplitude
) -> None:
    visitor.open(local_amplitude, "rejects/2")
    command = visitor.page.get_by_text("amplitude-nami local --rejects")
    expect(command).to_be_visible()


def test_without_an_input_it_says_how_to_give_one(
    visitor: Visitor, folder: Path
) -> None:
    with LocalAmplitude(folder / "local.db") as local:
        opened(visitor, local, 1)
        command = visitor.page.get_by_text("amplitude-nami local --input")
        expect(command).to_be_visible()


def test_an_event_of_another_input_is_not_found(visitor: Visitor, folder: Path) -> None:
    other = folder / "other.singer"
    other.write_bytes(b"".join(records("events", [subscription(7)])))
    with (
        EventExplainer({"endpoint": "local"}, str(other)) as explainer,
        LocalAmplitude(folder / "local.db", explain=explainer) as local,
    ):
        opened(visitor, local, 1)
        alert = visitor.page.get_by_role("alert")
        expect(alert).to_contain_text("No event of this insert id is in")


def test_an_event_that_other_settings_would_not_send_says_so(
    visitor: Visitor, folder: Path
) -> None:
    config = {"endpoint": "local", "events": ["device.*"]}
    with (
        EventExplainer(config, str(folder / "input.singer")) as explainer,
        LocalAmplitude(folder / "local.db", explain=explainer) as local,
    ):
        opened(visitor, local, 1)
        says = "it would not be sent: filtered (event_not_chosen)"
        expect(visitor.page.get_by_text(says, exact=False)).to_be_visible()


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")]
)
def test_axe_finds_nothing_serious_in_an_explanation(
    browser: Browser, served: LocalAmplitude, size: tuple[int, int], scheme: Scheme
) -> None:
    with Visitor(browser, size, scheme) as visitor:
        visitor.open(served, "rejects/2")
        assert findings(visitor) == []
        opened(visitor, served, 1)
        visitor.rows("Fields of the event")
        assert findings(visitor) == []
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0]
