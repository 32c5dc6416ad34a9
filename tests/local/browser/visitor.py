"""A visitor of the page, with a browser, who notices every error."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    import re
    from types import TracebackType

    from playwright.sync_api import Browser, Locator

    from target_amplitude_nami.local.server import LocalAmplitude

Scheme: TypeAlias = Literal["light", "dark"]

DESK = (1280, 900)
PHONE = (390, 844)
SMALL_PHONE = (360, 740)

VIEWS = ("trust", "overview", "live", "users", "requests", "subscriptions", "faults")


class Visitor:
    """A browser window of its own; at the end, nothing may have gone wrong in it."""

    def __init__(
        self,
        browser: Browser,
        size: tuple[int, int] = DESK,
        scheme: Scheme = "light",
    ) -> None:
        self._ways_out = ExitStack()
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        self._ways_out.callback(context.close)
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.hosts: set[str | None] = set()
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._hear("error", str(error)))
        self.page.on("dialog", lambda dialog: self._hear("error", dialog.message))
        self.page.on("request", lambda request: self._note(request.url))

    def __enter__(self) -> Self:
        """Look on."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the window, and complain of what the page should not have said."""
        self._ways_out.close()
        if kind is None:
            assert not self.complaints, self.complaints
            assert self.hosts <= {"127.0.0.1"}, self.hosts

    def open(self, local: LocalAmplitude, address: str = "") -> None:
        """Open the page at an address, such as `overview`, and wait until it is up."""
        # Between two addresses of one page nothing would be loaded anew.
        self.page.goto("about:blank")
        self.page.goto(f"{local.url}/#/{address}")
        self.wait()

    def wait(self) -> None:
        """Wait until a view that has just been opened has drawn what it loads."""
        self.page.locator("main h1").wait_for()
        self.page.locator("main [aria-busy]").first.wait_for(state="detached")

    @property
    def address(self) -> str:
        """What the address says after the page's own URL."""
        return urlsplit(self.page.url).fragment.removeprefix("/")

    def link(self, name: str) -> Locator:
        """Return the link of exactly this name."""
        return self.page.get_by_role("link", name=name, exact=True)

    def button(self, name: str) -> Locator:
        """Return the button of exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def rows(self, caption: str) -> list[list[str]]:
        """Return the texts in the rows of the table of this caption."""
        table = self.page.get_by_role("table", name=caption)
        table.wait_for()
        rows: list[list[str]] = table.evaluate(
            "(table) => [...table.tBodies[0].rows]"
            ".map((row) => [...row.cells].map((cell) => cell.innerText))"
        )
        return rows

    def figure(self, name: str) -> Locator:
        """Return what stands beside a term, as in the totals."""
        term = self.page.locator("dt").get_by_text(name, exact=True)
        return term.locator("xpath=following-sibling::dd[1]")

    def click_to(self, link: Locator, heading: str | re.Pattern[str]) -> None:
        """Follow a link to the view of this heading, and wait until it is drawn."""
        link.click()
        self.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
        self.wait()

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _note(self, url: str) -> None:
        if url.startswith("http"):
            self.hosts.add(urlsplit(url).hostname)


def user_address(local: LocalAmplitude, user_id: str) -> str:
    """Return the address of a user's page."""
    query = urlencode({"q": user_id})
    with urllib.request.urlopen(f"{local.url}/api/users?{query}") as answer:  # noqa: S310
        [found] = json.load(answer)["users"]
    return f"users/{found['key']}"


def send(local: LocalAmplitude, *events: dict[str, Any], api: str = "http_v2") -> int:
    """Send events as a client would; return the answer's status."""
    request = urllib.request.Request(  # noqa: S310
        local.endpoint(api),
        json.dumps({"api_key": "local", "events": events}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            status: int = answer.status
    except urllib.error.HTTPError as error:
        with error:
            status = error.code
    return status
