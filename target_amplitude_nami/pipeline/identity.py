"""Decides the Amplitude user of a record, and notes ids and state of Nami's users."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.nami.state import NO_STATE
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.checks import Checks
    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.settings.options import MappingOptions
    from target_amplitude_nami.store.profiles import UserProfile
    from target_amplitude_nami.store.protocol import Store

_WHAT_ELSE_IS_MISSING = {
    "device": " and no single device",
    "hold": " and no Nami user id, without which it cannot wait for one",
    "nami_user_id": " and no Nami user id",
}
"""By `anonymous_users`."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """The user and device that an event names in Amplitude: at least one of the two."""

    user_id: str | None
    device_id: str | None

    @property
    def target(self) -> str:
        """The user, or the device without one, whose properties Amplitude sets."""
        return target_of(self.user_id, self.device_id)


class Unnamed(msgspec.Struct, frozen=True):
    """A record whose user cannot, or must not, be named in Amplitude."""

    outcome: t.Literal["filtered", "held", "rejected"]
    reason: str
    detail: str

    @property
    def refusal(self) -> Refusal:
        """Why such a record is rejected."""
        return Refusal(self.reason, "external_ids", self.detail)


def user_key_of(record: NamiEvent | NamiUser) -> str:
    """Return the key of a record's user: the Nami user id, or whatever else it has."""
    return record.user_id or record.external_id or record.device_id or ""


def identify(
    record: NamiEvent | NamiUser,
    known_external_id: str | None,
    options: MappingOptions,
) -> Identity | Unnamed:
    """Return the Amplitude user and device of a record.

    Args:
        record: The record.
        known_external_id: The External ID that earlier records of the same Nami user
            brought; used where the record has none.
        options: `user_source` and `anonymous_users`.
    """
    if options.user_source == "nami_user_id":
        user_id = record.user_id
    else:
        user_id = record.external_id or known_external_id
        if user_id is None:
            return _identify_anonymous(record, options.anonymous_users)
    if user_id is None and record.device_id is None:
        return Unnamed(
            outcome="rejected",
            reason="no_ids",
            detail="the record has neither a user_id nor a single device",
        )
    return Identity(user_id, record.device_id)


def _identify_anonymous(
    record: NamiEvent | NamiUser, policy: str
) -> Identity | Unnamed:
    if policy == "nami_user_id" and record.user_id is not None:
        return Identity(record.user_id, record.device_id)
    if policy == "skip":
        return Unnamed(
            outcome="filtered",
            reason="anonymous_user",
            detail="the user has no External ID and `anonymous_users` is skip",
        )
    if policy == "device" and record.device_id is not None:
        return Identity(None, record.device_id)
    if policy == "hold" and record.user_id is not None:
        return Unnamed(
            outcome="held",
            reason="anonymous_user",
            detail="the user has no External ID yet and `anonymous_users` is hold",
        )
    return Unnamed(
        outcome="rejected",
        reason="anonymous_user",
        detail="the user has no External ID"
        + _WHAT_ELSE_IS_MISSING.get(policy, "")
        + "; `anonymous_users` says what becomes of such records",
    )


class IdentityResolver:
    """Learns the ids and the newest state of Nami's users, record by record."""

    def __init__(
        self, store: Store, checks: Checks, is_future: Callable[[int], bool]
    ) -> None:
        """Initialise with the store and the checks of ids.

        Args:
            store: Where owners of ids are noted.
            checks: Refuses ids that Amplitude does not take.
            is_future: Returns whether only a wrong clock can have given a time, ms: no
                other record is as new.
        """
        self._note_owner = store.note_owner
        self._note_second_external_id = store.note_second_external_id
        self._refuse_user_id = checks.refuse_user_id
        self._is_future = is_future

    def with_ids(
        self, profile: UserProfile, record: NamiEvent | NamiUser
    ) -> UserProfile:
        """Return a user's profile after the ids of a record."""
        external_id, device_id = record.external_id, record.device_id
        if external_id is not None:
            is_new = external_id != profile.external_id
            # What Amplitude refuses would spoil all other records of the user.
            if not is_new or self._refuse_user_id(external_id) is None:
                if is_new and record.user_id is not None:
                    self._note_external_id(external_id, record.user_id, profile)
                time = record.time
                if time is None or not self._is_future(time):
                    profile = profile.with_external_id(external_id, time)
                elif profile.external_id is None:
                    profile = profile.with_external_id(external_id, None)
        if device_id is not None and device_id != profile.device_id:
            profile = profile.with_device(device_id)
            if record.user_id is not None:
                self._note_owner(DEVICE, device_id, record.user_id)
        return profile

    def with_state(
        self, profile: UserProfile, state: UserState, time: int | None
    ) -> UserProfile:
        """Return a user's profile after the state of a record, as of a time."""
        if state == NO_STATE or profile.is_newer_than(time):
            return profile
        if time is None or self._is_future(time):
            time = profile.state_time
        return profile.with_state(state, time)

    def _note_external_id(
        self, external_id: str, nami_user_id: str, profile: UserProfile
    ) -> None:
        self._note_owner(EXTERNAL_ID, external_id, nami_user_id)
        if profile.external_id is not None:
            self._note_second_external_id(
                nami_user_id, profile.external_id, external_id
            )
