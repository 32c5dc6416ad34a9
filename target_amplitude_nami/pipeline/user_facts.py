"""Reads what a row says about its user, for engines that join it with other rows."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.nami import times
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.pipeline.event_filter import EventFilter
from target_amplitude_nami.pipeline.mapping import carries_state
from target_amplitude_nami.pipeline.row_reader import NotSent, RowReader, plain
from target_amplitude_nami.settings import Settings

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.nami.model import NamiUser

STATE_TYPES: t.Final[dict[str, t.Any]] = {
    field.name: field.type for field in msgspec.structs.fields(UserState)
}
"""The name of each fact of a user's state, and its type."""


class UserFacts(msgspec.Struct, frozen=True, gc=False):
    """What a row says about its user; nothing, if it is not Nami's."""

    user: str | None = None
    """Nami's user id."""
    time: int | None = None
    """ms since 1970."""
    id: str | None = None
    """The event's."""
    external_id: str | None = None
    """One that Amplitude takes."""
    lacks_external_id: bool = False
    lacks_state: bool = False
    """Whether it is an event that carries a state, and has none."""
    state: UserState = NO_STATE


NO_FACTS: t.Final = UserFacts()


class UserFactsReader:
    """Reads the rows of one stream, each of which says itself whether it is Nami's."""

    def __init__(self, stream: str) -> None:
        """Take the stream's name."""
        settings = Settings.load({"dry_run": True})
        self._reader = RowReader(stream, settings, EventFilter(settings.mapping))
        self._checks = Checks(min_id_length=1, max_event_bytes=settings.event_bytes)

    def read(self, record: Mapping[str, t.Any]) -> UserFacts:
        """Return what a record in any shape says about its user."""
        row = plain(record)
        found = row if isinstance(row, Refusal) else self._reader.read(row)
        if isinstance(found, Refusal | NotSent):
            return NO_FACTS
        return self._facts_in(found)

    def _facts_in(self, record: NamiEvent | NamiUser) -> UserFacts:
        external_id = record.external_id
        if external_id is not None and self._checks.refuse_user_id(external_id):
            external_id = None  # it would spoil the other rows of the user
        event_id, state, lacks_state = None, record.state, False
        if isinstance(record, NamiEvent):
            event_id = record.event_id
            lacks_state = carries_state(record.event_type) and state == NO_STATE
            if not carries_state(record.event_type):
                state = NO_STATE  # its devices are its own
        return UserFacts(
            record.user_id,
            record.time,
            event_id,
            external_id,
            record.external_id is None,
            lacks_state,
            state,
        )


def first_time(values: Iterable[object]) -> int | None:
    """Return the first of values that can be read as a time, in ms since 1970."""
    moments = map(times.milliseconds, values)
    return next((moment for moment in moments if moment is not None), None)
