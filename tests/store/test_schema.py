"""How a file of an older form becomes one of the newest form."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.file import StoreFile
from target_amplitude_nami.store.schema import STEPS, Schema, current_schema
from tests.support.memory import leave

if TYPE_CHECKING:
    from pathlib import Path

STEP = "ALTER TABLE held ADD COLUMN note TEXT; CREATE TABLE notes (note TEXT);"


def later_schema(step: str) -> Schema:
    """Return a form after the current one, with the step that leads to it."""
    now = current_schema()
    return Schema(
        now.form + 2,
        now.oldest_form,
        "",
        {**STEPS, now.form: step, now.form + 1: "INSERT INTO notes VALUES ('two');"},
    )


def hold(path: Path) -> None:
    """Leave a file of the current form with a held record."""
    leave(path, lambda memory: memory.hold("nami-1", "events", b"line", b"record"))


def test_a_file_of_an_older_form_goes_through_all_steps(path: Path) -> None:
    hold(path)
    schema = later_schema(STEP)
    for _ in range(2):  # once is enough
        file = StoreFile(path, schema, is_lasting=True)
        assert file.rows("SELECT line, note FROM held") == [("line", None)]
        assert file.rows("SELECT note FROM notes") == [("two",)]
        assert file.rows("PRAGMA user_version") == [(schema.form,)]
        file.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    hold(path)
    with pytest.raises(StoreUnusable, match="cannot be used"):
        StoreFile(path, later_schema(f"{STEP} DROP TABLE nothing;"), is_lasting=True)
    with closing(sqlite3.connect(path)) as connection:
        [[form]] = connection.execute("PRAGMA user_version")
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert form == current_schema().form
    assert ("notes",) not in tables


def test_every_form_since_the_oldest_has_a_step() -> None:
    schema = current_schema()
    assert [*schema.steps] == [*range(schema.oldest_form, schema.form)]
    assert schema.scripts_from(0) == [(schema.form, schema.create)]
    assert schema.scripts_from(schema.form) == []
