"""docs/operations.md names every alert and every exit code, and no other."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from target_amplitude_nami.singer import command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")


def first_column(heading: str) -> list[str]:
    """Return the first column of the table whose heading begins so."""
    _, table = PAGE.split(f"| {heading} | ", 1)
    rows = table.split("\n\n", 1)[0].splitlines()[2:]
    return [row.split("|")[1].strip(" `") for row in rows]


def test_every_alert_of_the_example_is_explained() -> None:
    rules = (ROOT / "examples" / "alerts.yml").read_text("utf-8")
    assert first_column("alert") == re.findall(r"- alert: (\w+)", rules)


def test_every_exit_code_is_explained() -> None:
    stopped = f"{128 + signal.SIGINT}, {128 + signal.SIGTERM}"
    codes = ["0", str(command._FAILED), str(command._TOO_MANY_REJECTS), stopped]
    assert first_column("exit code") == codes


def test_every_file_that_it_names_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
