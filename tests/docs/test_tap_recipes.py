"""The recipes for taps: linked, locked, and with a memory.

What they have people write into `meltano.yml` is run by the tests in `tests/taps`.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.support.meltano import ROOT
from tests.taps.recipes import RECIPES, Recipe

LOCKS: Final = ROOT / "requirements" / "taps"
PACKAGES: Final = sorted(path.stem for path in LOCKS.glob("*.in"))


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("page", ["README.md", "taps.md"])
def test_each_recipe_is_linked(package: str, page: str) -> None:
    assert f"(recipes/{package}.md)" in (ROOT / "docs" / page).read_text("utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_each_recipe_sets_a_memory_and_says_why(package: str) -> None:
    assert Recipe.of(package).loader["memory_path"]
    assert "- **`memory_path`**" in (RECIPES / f"{package}.md").read_text("utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_each_recipe_installs_what_is_tested(package: str) -> None:
    tested = (LOCKS / f"{package}.in").read_text("utf-8").split()
    assert Recipe.of(package).pip_url.split() == tested


@pytest.mark.parametrize("package", PACKAGES)
def test_no_lock_says_where_packages_come_from(package: str) -> None:
    text = (LOCKS / f"{package}.txt").read_text("utf-8")
    assert not re.search(r"://|^-|^\S+ @ ", text, re.MULTILINE)
