"""What a run of the target notes in the file, to be understood with its events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3


class RunNote(msgspec.Struct, frozen=True):
    """Where a run writes its report and its rejects, and how it names things."""

    report_path: str | None = None
    rejects_path: str | None = None
    event_prefix: str = ""
    event_names: dict[str, str] = {}
    """The names that Nami's event types are sent under."""
    user_source: str = ""
    """`external_id` or `nami_user_id`."""

    @property
    def renamed(self) -> dict[str, str]:
        """By the whole name of a renamed type, prefix included: Nami's own."""
        return {
            f"{self.event_prefix}{new}": old for old, new in self.event_names.items()
        }


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RunNote).decode


def write_note(connection: sqlite3.Connection, note: RunNote) -> None:
    """Keep a note in place of the one before, in a transaction."""
    connection.execute("DELETE FROM run_note")
    connection.execute("INSERT INTO run_note VALUES (?)", (_encode(note),))


def read_note(connection: sqlite3.Connection) -> RunNote | None:
    """Return what the last run noted; None if there was none."""
    row = connection.execute("SELECT note FROM run_note").fetchone()
    return None if row is None else _decode(row[0])


class RunFiles(msgspec.Struct, frozen=True):
    """The files of a run that somebody named; None: where the last run noted them."""

    report: Path | None = None
    rejects: Path | None = None


def rejects_path(connection: sqlite3.Connection, files: RunFiles) -> Path | None:
    """Return the rejects file of a run; None if nobody named one that exists."""
    if files.rejects is not None:
        return files.rejects
    note = read_note(connection)
    if note is None or note.rejects_path is None:
        return None
    path = Path(note.rejects_path)
    return path if path.exists() else None
