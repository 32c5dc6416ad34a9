"""The Amplitude projects in the store's file: numbers, and hashes of their names.

The name of a project holds its API key, which must not be in the file. A key is 128
random bits, so that nobody finds it by trying what has that hash.
"""

from __future__ import annotations

import hashlib
import typing as t

if t.TYPE_CHECKING:
    from target_amplitude_nami.store.file import StoreFile

_HASH_BYTES: t.Final = 16


def number_of(file: StoreFile, name: str, *, begins_anew: bool) -> int:
    """Return a project's number in the file.

    Args:
        file: The file.
        name: The project's name.
        begins_anew: Whether all that it had is gone, so that nothing that the file
            knows of it counts any more.
    """
    hashed = _hash_of(name)
    is_new = file.run("INSERT OR IGNORE INTO projects (name_hash) VALUES (?)", hashed)
    [[number]] = file.rows_of(
        tuple[int], "SELECT project FROM projects WHERE name_hash = ?", hashed
    )
    if begins_anew and not is_new:
        file.run("DELETE FROM sent_states WHERE project = ?", number)
        file.run("DELETE FROM delivered WHERE project = ?", number)
    return number


def known_number_of(file: StoreFile, name: str) -> int | None:
    """Return a project's number in the file; None where it has none."""
    rows = file.rows_of(
        tuple[int], "SELECT project FROM projects WHERE name_hash = ?", _hash_of(name)
    )
    return rows[0][0] if rows else None


def _hash_of(name: str) -> str:
    text = name.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest()
