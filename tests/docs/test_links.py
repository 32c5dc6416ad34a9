"""Every link between the documents leads to a page and a heading that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "hub").glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
    *(ROOT / "examples").rglob("*.md"),
]
INDEX: Final = ROOT / "docs" / "README.md"


def without_code(text: str) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file and the anchor that each link leads to."""
    text = re.sub("`[^`\n]*`", "code", without_code(page.read_text("utf-8")))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        yield (page.parent / path).resolve() if path else page, anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"(?m)^#+ (.+)$", without_code(page.read_text("utf-8")))
    titles = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", each.lower()) for each in found)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [
        f"{path}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]
    assert broken == []


def test_the_index_lists_every_page() -> None:
    listed = {path for path, _ in links(INDEX)}
    pages = set((ROOT / "docs").rglob("*.md")) - {INDEX}
    assert {
        page.name for page in pages - listed if page.parent == INDEX.parent
    } == set()
