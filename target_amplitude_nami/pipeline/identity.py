"""What records teach of Nami's users: their ids and their newest state."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami.records import NO_STATE
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.checks import Checks
    from target_amplitude_nami.nami.records import NamiEvent, NamiUser
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.store.profiles import UserProfile
    from target_amplitude_nami.store.sqlite_store import SqliteStore


def who(record: NamiEvent | NamiUser) -> str:
    """Return whom a record is about: the Nami user, or whatever else it names."""
    return record.user_id or record.external_id or record.device_id or ""


class IdentityResolver:
    """Learns from records, one after the other."""

    def __init__(
        self,
        memory: SqliteStore,
        checks: Checks,
        is_of_the_future: Callable[[int], bool],
    ) -> None:
        """Take what is needed to learn.

        Args:
            memory: Where claims on ids go.
            checks: Tells usable ids.
            is_of_the_future: Tells a time of a wrong clock: nothing is as new.
        """
        self._claim = memory.claim
        self._note_second_external_id = memory.note_second_external_id
        self._refuse_user_id = checks.refuse_user_id
        self._is_of_the_future = is_of_the_future

    def with_ids(self, known: UserProfile, record: NamiEvent | NamiUser) -> UserProfile:
        """Return what is known of a user after a record told ids of it."""
        external_id, device_id = record.external_id, record.device_id
        if external_id is not None:
            is_new = external_id != known.external_id
            # What Amplitude refuses would spoil all other records of the user.
            if not is_new or self._refuse_user_id(external_id) is None:
                if is_new and record.user_id is not None:
                    self._claim_external_id(external_id, record.user_id, known)
                time = record.time
                if time is None or not self._is_of_the_future(time):
                    known = known.with_external_id(external_id, time)
                elif known.external_id is None:
                    known = known.with_external_id(external_id, None)
        if device_id is not None and device_id != known.device_id:
            known = known.with_device(device_id)
            if record.user_id is not None:
                self._claim(DEVICE, device_id, record.user_id)
        return known

    def with_state(
        self, known: UserProfile, state: UserState, time: int | None
    ) -> UserProfile:
        """Return what is known of a user after a record told a state as of a time."""
        if state == NO_STATE or known.is_newer_than(time):
            return known
        if time is None or self._is_of_the_future(time):
            time = known.state_time
        return known.with_state(state, time)

    def _claim_external_id(
        self, external_id: str, nami_user_id: str, known: UserProfile
    ) -> None:
        self._claim(EXTERNAL_ID, external_id, nami_user_id)
        if known.external_id is not None:
            self._note_second_external_id(nami_user_id, known.external_id, external_id)
