"""Records that wait in the memory for their user's External ID."""

from __future__ import annotations

import hashlib
import time
import typing as t

from target_amplitude_nami.store.keys import Keys, to_bytes
from target_amplitude_nami.store.model import Held

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.store.file import StoreFile

_PAGE: t.Final = 500
_NOT_TOLD: t.Final = "x'c0', x'6e'"
"""What follows an array's first byte where its first member, the External ID, is null,
in MessagePack and in JSON."""


class HeldRecords:
    """The held records; not for several threads at once."""

    def __init__(self, file: StoreFile) -> None:
        """Take the file that has them."""
        self._file = file
        self._key_of = Keys().of
        [[count]] = file.rows("SELECT count(*) FROM held")
        self.waiting: int = count
        """How many wait."""

    def keep(
        self, user_id: str, stream: str, line: bytes, record: bytes, *, is_of_now: bool
    ) -> bool:
        """Keep a record that waits; return False when the same is kept already.

        Args:
            user_id: Whose it is.
            stream: The stream that it was read from.
            line: The message that it was read from.
            record: What was understood of it.
            is_of_now: Whether it tells no time: what it says holds from now on, so that
                only the last one that is kept can be the same.
        """
        user = self._key_of(user_id)
        name = hashlib.sha256(record)
        if is_of_now:
            last = self._file.rows(
                "SELECT number, record FROM held WHERE user = ?"
                " ORDER BY number DESC LIMIT 1",
                user,
            )
            if last and last[0][1] == record:
                return False
            name.update(f"{last and last[0][0]}".encode())
        is_new = self._file.run(
            "INSERT OR IGNORE INTO held (id, user, since, stream, line, record)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            name.hexdigest(),
            user,
            int(time.time()),
            to_bytes(stream),
            line,
            record,
        )
        self.waiting += is_new
        return bool(is_new)

    def forget(self, numbers: Sequence[int]) -> None:
        """Forget records that are settled."""
        self.waiting -= self._file.run(
            "DELETE FROM held WHERE number IN (SELECT value FROM json_each(?))",
            f"{list(numbers)}",
        )

    def oldest(self) -> int | None:
        """Return since when the oldest of them waits, s since 1970."""
        [[since]] = self._file.rows_of(tuple[int | None], "SELECT min(since) FROM held")
        return since

    # A page at a time, those behind a number, in the order held

    def of_user(self, user_id: str, after: int) -> list[Held]:
        """Return those of one user."""
        return self._page("FROM held WHERE user = ?", self._key_of(user_id), after)

    def of_named_users(self, after: int) -> list[Held]:
        """Return those whose user's External ID is known meanwhile."""
        return self._page(
            "FROM held JOIN facts ON facts.id = held.user"
            f" WHERE substr(facts.fact, 2, 1) NOT IN ({_NOT_TOLD})",
            after,
        )

    def of_all(self, after: int) -> list[Held]:
        """Return those of all users."""
        return self._page("FROM held WHERE 1", after)

    def _page(self, origin: str, *values: object) -> list[Held]:
        rows = self._file.rows_of(
            tuple[int, bytes, bytes, bytes],
            f"SELECT number, stream, line, record {origin} AND number > ?"
            " ORDER BY number LIMIT ?",
            *values,
            _PAGE,
        )
        try:
            return [
                Held(number, stream.decode("utf-8", "surrogatepass"), line, record)
                for number, stream, line, record in rows
            ]
        except UnicodeDecodeError as error:
            raise self._file.damaged() from error
