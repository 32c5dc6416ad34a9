"""Stores with the people that a test needs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from target_amplitude_nami.store.erasing import ErasableStore
from target_amplitude_nami.store.person_lookup import FoundPerson, PersonLookup
from tests.support.memory import remember

if TYPE_CHECKING:
    from pathlib import Path


class User(NamedTuple):
    """A row of the table `users`."""

    nami_user_id: str
    external_id: str | None = None
    device_id: str | None = None
    devices: tuple[str, ...] = ()
    """Those of the newest state."""


def store_with(
    path: Path, *users: User, **rows: list[tuple[Any, ...]]
) -> ErasableStore:
    """Make a store and open it to erase somebody.

    Args:
        path: The file.
        users: The rows of `users`.
        rows: The rows of other tables.
    """
    memory = remember(path)
    memory.commit()
    memory.close()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for user in users:
            state = json.dumps({"device_ids": user.devices}) if user.devices else None
            connection.execute(
                "INSERT INTO users (nami_user_id, external_id, device_id, state)"
                " VALUES (?, ?, ?, ?)",
                (*user[:3], state),
            )
        for table, values in rows.items():
            for row in values:
                places = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608
    return ErasableStore(path)


def find(
    store: ErasableStore, *, sends_nami_ids: bool = False, **by: str
) -> FoundPerson:
    """Return the person of one id: `user`, `external_id` or `device`."""
    people = PersonLookup(store.file, sends_nami_ids=sends_nami_ids)
    [(kind, value)] = by.items()
    look_up = {
        "user": people.of_nami_user,
        "external_id": people.of_external_id,
        "device": people.of_device,
    }
    return look_up[kind](value)


def left(store: ErasableStore, table: str, column: str) -> set[str]:
    """Return what a column still holds."""
    return {value for (value,) in store.file.rows(f"SELECT {column} FROM {table}")}  # noqa: S608
