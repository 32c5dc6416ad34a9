"""The form of the store's file, and the steps that lead to it from older forms."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Mapping

FORM: t.Final = 5
OLDEST_FORM: t.Final = 5
"""Files of older forms were made before the first release."""
STEPS: t.Final[Mapping[int, str]] = {}
"""By form, the SQL script that brings a file of it to the next one."""

_IN_RUN: t.Final = """
CREATE TABLE delivered_in_run (
    project INTEGER NOT NULL,
    event_key BLOB NOT NULL,
    occurrence TEXT NOT NULL, -- JSON
    PRIMARY KEY (event_key, project)
);
"""
"""Takes the place of `delivered` in a temporary file."""


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """What a file must look like, and how it gets there."""

    form: int
    oldest_form: int
    create: str
    """The SQL script that makes an empty file one of this form."""
    steps: Mapping[int, str]

    def scripts_from(self, form: int) -> list[tuple[int, str]]:
        """Return which forms a file has to pass through, and the script to each.

        Args:
            form: The file's form; 0 when it is empty.
        """
        if form == 0:
            return [(self.form, self.create)]
        return [(step + 1, self.steps[step]) for step in range(form, self.form)]


def current_schema() -> Schema:
    """Return the schema that this version writes."""
    create = Path(__file__).with_name("schema.sql").read_text("utf-8")
    return Schema(FORM, OLDEST_FORM, create, STEPS)


def temporary_schema() -> Schema:
    """Return the schema of a file that one run alone reads."""
    lasting = current_schema()
    return dataclasses.replace(lasting, create=lasting.create + _IN_RUN)
