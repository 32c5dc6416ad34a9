"""docs/architecture.md names files that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "target_amplitude_nami"


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`([a-z_/]+\.(?:py|sql|md|toml))`", PAGE.read_text()))
    missing = [
        name
        for name in named
        if not ((PACKAGE / name).exists() or (ROOT / name).exists())
    ]
    assert missing == []


def test_every_folder_of_the_package_is_on_the_page() -> None:
    page = PAGE.read_text()
    folders = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    modules = [path.name for path in PACKAGE.glob("*.py")]
    assert [name for name in folders if f"    {name}/ " not in page] == []
    assert [name for name in modules if name not in page] == []
