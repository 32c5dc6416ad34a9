"""The site of the documentation names the project's own repository."""

from __future__ import annotations

from pathlib import Path

from scripts.plugin_definition import REPOSITORY

CONF = Path(__file__).parents[2] / "docs" / "conf.py"


def test_links_that_leave_the_pages_lead_to_the_repository() -> None:
    assert f'_REPOSITORY = "{REPOSITORY}"' in CONF.read_text("utf-8")
