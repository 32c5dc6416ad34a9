"""Fixtures for the tests of the page: a browser, and a local Amplitude to look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from target_amplitude_nami.local.server import LocalAmplitude
from tests.examples.expected import SAMPLE
from tests.local.browser.visitor import Visitor
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAP = SAMPLE.parent / "tap_nami.py"

# Debian's, Ubuntu's, the vendor's own, and macOS's.
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)


def _find_chromium() -> str:
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    reason = "the tests of the page need Chromium (Debian: apt install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


# Not for the whole session: while Playwright is open, its event loop counts as running
# in this thread, and tests of other modules could start none of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    path = _find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which a local Amplitude keeps the sample's 90 days."""
    folder = tmp_path_factory.mktemp("sample")
    config = folder / "tap.json"
    config.write_text(json.dumps({"path": str(SAMPLE)}))
    sent = subprocess.run(
        [sys.executable, TAP, "--config", config], capture_output=True, check=True
    )
    file = folder / "amplitude.db"
    run = run_target(
        folder, {"endpoint": "local", "local_path": str(file)}, sent.stdout
    )
    assert run.exit_code == 0, run.log
    return file


@pytest.fixture(scope="module")
def sample(sample_file: Path) -> Iterator[LocalAmplitude]:
    """A local Amplitude with the sample's 90 days, only to look at."""
    with LocalAmplitude(sample_file) as local:
        yield local


@pytest.fixture
def visitor(
    browser: Browser,
    local_amplitude: LocalAmplitude,  # noqa: ARG001 - The page must not outlive it.
) -> Iterator[Visitor]:
    """A visitor of the page who notices every error."""
    with Visitor(browser) as someone:
        yield someone
