"""Makes the tables of a new file, and brings that of an earlier version up to date."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from target_amplitude_nami.local.storage import schema
from target_amplitude_nami.local.storage.subscriptions import counters

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

_STEPS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = MappingProxyType(
    {3: counters.count_stored}
)
"""By version, what leads to the next one."""


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, or upgrade those of an earlier version.

    Args:
        connection: The file, in a transaction.

    Raises:
        sqlite3.DatabaseError: It has other tables and must not be changed.
    """
    execute = connection.execute
    [tables] = execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        for statement in (schema.TABLES + counters.TABLES).split(";\n"):
            execute(statement)
        execute(f"PRAGMA user_version = {schema.VERSION}")
        return
    schema.check(connection)
    [version] = execute("PRAGMA user_version").fetchone()
    for step in range(version, schema.VERSION):
        _STEPS[step](connection)
        execute(f"PRAGMA user_version = {step + 1}")
