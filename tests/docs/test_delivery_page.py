"""docs/delivery.md names tests for each promise, and all of them exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "delivery.md").read_text("utf-8")
NAMED: Final = re.findall(r"(?m)^- `(tests/[\w/]+\.py)::(test_\w+)`$", PAGE)


def test_every_test_that_it_names_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED
        if not (ROOT / path).exists()
        or f"\ndef {name}(" not in (ROOT / path).read_text("utf-8")
    ]
    assert missing == []


def test_every_promise_names_a_test() -> None:
    _, *sections = re.split(r"(?m)^## (.+)$", PAGE)
    promises = dict(zip(sections[::2], sections[1::2], strict=True))
    del promises["Limits"]
    assert [title for title, text in promises.items() if "::test_" not in text] == []
