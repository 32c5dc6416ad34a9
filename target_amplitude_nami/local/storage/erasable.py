"""Opens the file of a local Amplitude to erase a person from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.erasing.exclusive_sqlite import ExclusiveFile
from target_amplitude_nami.local.storage.erasing import erase_users, users_of
from target_amplitude_nami.local.storage.redacting import redact_log
from target_amplitude_nami.local.storage.upgrading import upgrade

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from target_amplitude_nami.erasing.person import Person

_BUSY = (
    "is in use by a local Amplitude or another program: close that, and run this "
    "again; nothing was changed"
)


class ErasableFile:
    """The file of a local Amplitude, which nobody else has open."""

    def __init__(self, path: Path) -> None:
        """Open the file, which must exist.

        Raises:
            OutputUnwritable: When somebody has it open, or it is another file.
        """
        self.path = path
        self.file = ExclusiveFile(path, busy=_BUSY)
        try:
            self.file.perform(upgrade)
        except BaseException:
            self.file.close()
            raise

    def erase(self, person: Person) -> dict[str, int]:
        """Delete a person's users and events; return how many of what."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            erased = erase_users(connection, users_of(connection, person))
            return {
                "users": erased.users,
                "events": erased.events,
                "logged requests": redact_log(connection, person),
            }

        return self.file.perform(work)

    def close(self) -> None:
        """Close the file; what was not committed is taken back."""
        self.file.close()
