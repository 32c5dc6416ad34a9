"""Whether a file is a local Amplitude's is seen without opening it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.local.storage.schema import objection_to

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_file_and_one_of_a_local_amplitude_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "amplitude.db"
    path.touch()
    assert objection_to(path) is None
    with LocalAmplitude(path, port=0):
        assert objection_to(path) is None
    files = set(tmp_path.iterdir())
    assert objection_to(path) is None
    assert set(tmp_path.iterdir()) == files


def test_another_programs_file_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, nothing of this may be lost.")
    assert objection_to(path) == "file is not a database"
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE anything (goes)")
    why = objection_to(tmp_path / "other.db")
    assert why == "made by another version; move it away"


def test_a_summary_of_an_empty_file_says_that_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "amplitude.db"
    path.touch()
    with pytest.raises(sqlite3.DatabaseError, match="nothing is in it"):
        Reader(path).summary()
