"""The Amplitude projects in the memory's file: numbers, and hashes of their names.

What names a project holds its API key, which must not be in the file. A key is 128
random bits, so that nobody finds it by trying what has that hash.
"""

from __future__ import annotations

import hashlib
import typing as t

from target_amplitude_nami.store.keys import to_bytes

if t.TYPE_CHECKING:
    from target_amplitude_nami.store.file import StoreFile

_HASH_BYTES: t.Final = 16


def number_of(file: StoreFile, name: str, *, begins_anew: bool) -> int:
    """Return a project's number in the file.

    Args:
        file: The file.
        name: What names the project.
        begins_anew: Whether all that it had is gone, so that nothing that the file
            knows of it counts any more.
    """
    hashed = hashlib.blake2b(to_bytes(name), digest_size=_HASH_BYTES).digest()
    if begins_anew:
        # The number stays with what is remembered under it.
        file.run("UPDATE projects SET hash = NULL WHERE hash = ?", hashed)
    file.run("INSERT OR IGNORE INTO projects (hash) VALUES (?)", hashed)
    [[number]] = file.rows_of(
        tuple[int], "SELECT number FROM projects WHERE hash = ?", hashed
    )
    return number


def salt_of(number: int) -> bytes:
    """Return what tells names that belong to a project from those of another."""
    return hashlib.blake2b(b"project %d" % number, digest_size=_HASH_BYTES).digest()
