"""Ids that do not fit together: of several users, or several of one user."""

from __future__ import annotations

import threading
import typing as t

import msgspec

from target_amplitude_nami.store.keys import Keys, shown
from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
    Claim,
    IdConflict,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.store.file import StoreFile

_MOST_NAMED: t.Final = 10

_KEYS: t.Final = {kind: Keys(kind[:16].encode()) for kind in (EXTERNAL_ID, DEVICE)}


class IdConflicts:
    """One thread notes what it sees; any thread may write, one at a time."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._lock = threading.Lock()
        self._claims: dict[str, dict[str, str]] = {kind: {} for kind in _KEYS}
        """By kind and id, the Nami user who claimed it first.

        Without the lock: what the writing thread takes out of it is gone at once.
        """
        self._found: dict[Claim, str] = {}

    @property
    def unwritten(self) -> int:
        """How much was noted that the file does not have."""
        return sum(map(len, self._claims.values())) + len(self._found)

    def claim(self, kind: str, value: str, user_id: str) -> None:
        """Note that an External ID or a device was seen at a Nami user."""
        first = self._claims[kind].setdefault(value, user_id)
        if first != user_id:
            with self._lock:
                self._found[Claim(kind, value, user_id)] = first

    def note_second_external_id(self, user_id: str, first: str, second: str) -> None:
        """Note that a Nami user has two External IDs."""
        claim = Claim(SEVERAL_EXTERNAL_IDS, max(first, second), user_id)
        with self._lock:
            self._found[claim] = min(first, second)

    def write(self, file: StoreFile) -> bool:
        """Write what was noted; return whether there was anything.

        The first who claimed an id has it; who else does is odd.
        """
        with self._lock:
            found, self._found = self._found, {}
        taken = {kind: self._take_claims(kind, found) for kind in self._claims}
        for kind, claims in taken.items():
            if claims:
                _write_claims(file, kind, claims, found)
        _write_found(file, found)
        return bool(any(taken.values()) or found)

    def _take_claims(self, kind: str, found: dict[Claim, str]) -> dict[str, str]:
        """Take out the claims of a kind, while others may be noted."""
        claims = self._claims[kind]
        taken: dict[str, str] = {}
        for _ in range(len(claims)):
            value, user_id = claims.popitem()
            # Who claims it just after it was taken out comes next, and is the second.
            first = taken.setdefault(value, user_id)
            if first != user_id:
                found[Claim(kind, value, user_id)] = first
        return taken

    @staticmethod
    def named(file: StoreFile, kinds: Iterable[str]) -> list[IdConflict]:
        """Return some oddities of each kind."""
        return [
            IdConflict(*row)
            for kind in kinds
            for row in file.rows_of(
                tuple[str, str, str, str],
                "SELECT * FROM oddities WHERE kind = ? LIMIT ?",
                kind,
                _MOST_NAMED,
            )
        ]


def _write_claims(
    file: StoreFile, kind: str, claims: Mapping[str, str], found: dict[Claim, str]
) -> None:
    ids = sorted(claims)
    by_key = dict(zip(_KEYS[kind].of_all(ids), ids, strict=True))
    owners = msgspec.json.encode(
        {key: shown(claims[id_]) for key, id_ in by_key.items()}
    ).decode()
    new = file.run(
        "INSERT OR IGNORE INTO owners SELECT key, value FROM json_each(?)", owners
    )
    if new < len(claims):
        for key, owner in file.rows_of(
            tuple[str, str],
            "SELECT key, user FROM json_each(?) JOIN owners ON owners.id = key"
            " WHERE user <> value",
            owners,
        ):
            found[Claim(kind, by_key[key], claims[by_key[key]])] = owner


def _write_found(file: StoreFile, found: Mapping[Claim, str]) -> None:
    for claim, other in found.items():
        file.run(
            "INSERT OR IGNORE INTO oddities VALUES (?, ?, ?, ?)",
            claim.kind,
            shown(claim.value),
            shown(claim.user_id),
            shown(other),
        )
