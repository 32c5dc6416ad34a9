"""Ids that do not fit together: of several users, or several of one user."""

from __future__ import annotations

import threading
import typing as t

import msgspec

from target_amplitude_nami.memory.keys import Keys, shown
from target_amplitude_nami.memory.model import SEVERAL_EXTERNAL_IDS, Claim, Oddity

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.memory.file import MemoryFile

_MOST_NAMED: t.Final = 10

_key_of = Keys().of


class Oddities:
    """One thread notes what it sees; any thread may write, one at a time."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, str], str] = {}
        """By kind and id, the Nami user who claimed it first."""
        self._found: dict[Claim, str] = {}

    @property
    def unwritten(self) -> int:
        """How much was noted that the file does not have."""
        return len(self._claims) + len(self._found)

    def claim(self, kind: str, value: str, user_id: str) -> None:
        """Note that an External ID or a device was seen at a Nami user."""
        with self._lock:
            first = self._claims.setdefault((kind, value), user_id)
            if first != user_id:
                self._found[Claim(kind, value, user_id)] = first

    def note_second_external_id(self, user_id: str, first: str, second: str) -> None:
        """Note that a Nami user has two External IDs."""
        claim = Claim(SEVERAL_EXTERNAL_IDS, max(first, second), user_id)
        with self._lock:
            self._found[claim] = min(first, second)

    def write(self, file: MemoryFile) -> bool:
        """Write what was noted; return whether there was anything.

        The first who claimed an id has it; who else does is odd.
        """
        with self._lock:
            claims, self._claims = self._claims, {}
            found, self._found = self._found, {}
        if claims:
            by_key = {_key_of(f"{kind}\0{id_}"): (kind, id_) for kind, id_ in claims}
            owners = msgspec.json.encode(
                {key: shown(claims[by_key[key]]) for key in sorted(by_key)}
            ).decode()
            new = file.run(
                "INSERT OR IGNORE INTO owners SELECT key, value FROM json_each(?)",
                owners,
            )
            if new < len(claims):
                for key, owner in file.rows(
                    "SELECT key, user FROM json_each(?) JOIN owners ON owners.id = key"
                    " WHERE user <> value",
                    owners,
                ):
                    found[Claim(*by_key[key], claims[by_key[key]])] = owner
        _write(file, found)
        return bool(claims or found)

    @staticmethod
    def named(file: MemoryFile, kinds: Iterable[str]) -> list[Oddity]:
        """Return some oddities of each kind."""
        return [
            Oddity(*row)
            for kind in kinds
            for row in file.rows(
                "SELECT * FROM oddities WHERE kind = ? LIMIT ?", kind, _MOST_NAMED
            )
        ]


def _write(file: MemoryFile, found: Mapping[Claim, str]) -> None:
    for claim, other in found.items():
        file.run(
            "INSERT OR IGNORE INTO oddities VALUES (?, ?, ?, ?)",
            claim.kind,
            shown(claim.value),
            shown(claim.user_id),
            shown(other),
        )
