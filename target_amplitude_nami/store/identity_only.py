"""A store that knows who users are, but neither their states nor any delivery.

With it, records are mapped anew as they were when they were sent first: what was
delivered is mapped again, and a state that was read since is in no event.
"""

from __future__ import annotations

import sys
import typing as t

import msgspec

from target_amplitude_nami.store.cached_table import CachedTable
from target_amplitude_nami.store.profiles import UNKNOWN_USER, UserProfile
from target_amplitude_nami.store.sqlite_store import SqliteStore

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.outcomes import Project

_MOST_BYTES_OF_USERS: t.Final = 20_000_000


class IdentityOnlyStore(SqliteStore):
    """The identities in the file of `memory_path`, which stays as it was."""

    def __init__(
        self, path: Path | None, days: int, projects: Iterable[Project]
    ) -> None:
        """Initialise without opening the file.

        Args:
            path: `memory_path`; None: remember within the input only.
            days: `memory_days`.
            projects: The Amplitude projects of the settings.
        """
        # No project has such a name: API keys are in those of others.
        names = {project: f"\0{project}" for project in projects}
        super().__init__(path, days, projects=names, forgets=True)
        self.users = _Identities(
            UNKNOWN_USER,
            most_bytes=_MOST_BYTES_OF_USERS,
            is_lasting=path is not None,
        )


class _Identities(CachedTable[UserProfile]):
    @override
    def get(self, name: str) -> UserProfile:
        profile = super().get(name)
        if not profile.packed_state:
            return profile
        return msgspec.structs.replace(profile, packed_state=b"", state_time=None)
