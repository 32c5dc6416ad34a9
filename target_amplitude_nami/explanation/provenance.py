"""Finds where each field of an event comes from, by experiment."""

from __future__ import annotations

import dataclasses
import typing as t

import simplejson

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.explanation import facts
from target_amplitude_nami.explanation.model import Field, How, Source
from target_amplitude_nami.explanation.paths import (
    TEXT,
    Path,
    changes,
    shown,
    value_at,
)
from target_amplitude_nami.explanation.tracing import Effects, differences, trace
from target_amplitude_nami.nami.model import NamiUser
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.pipeline.event_builder import state_of
from target_amplitude_nami.pipeline.identity import Unnamed, identify
from target_amplitude_nami.pipeline.mapping import EventMapper

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.explanation.case import Case
    from target_amplitude_nami.nami.model import NamiEvent
    from target_amplitude_nami.store.profiles import UserProfile

_LONGEST_SHOWN: t.Final = 120
_SKIP: t.Final = "$skip_user_properties_sync"


class Builder:
    """Makes events of what was read, also of types that the settings leave out."""

    def __init__(self, case: Case) -> None:
        """Take the settings, and what is known of the record's user."""
        self._prefix = case.settings.event_prefix
        self._options = case.settings.mapping
        self._names = dict(self._options.sent_names)
        self._mappers: dict[str, EventMapper] = {}
        self._is_late = case.is_late
        self._is_for_sandbox = case.is_for_sandbox

    def event_of(
        self, record: NamiEvent | NamiUser, profile: UserProfile
    ) -> AmplitudeEvent | None:
        """Return a record's event; None where there is none."""
        try:
            identity = identify(record, profile.external_id, self._options)
            if isinstance(identity, Unnamed):
                return None
            if isinstance(record, NamiUser):
                return self._mapper_of("").map_user(record, identity)
            state = record.state
            if not self._is_for_sandbox:
                state, _ = state_of(record, profile)
            return self._mapper_of(record.event_type).map_event(
                record, identity, state, is_stale=self._is_late
            )
        except UnreadableRecord:
            return None

    def _mapper_of(self, event_type: str) -> EventMapper:
        mapper = self._mappers.get(event_type)
        if mapper is None:
            names = {event_type: self._prefix + event_type, **self._names}
            options = dataclasses.replace(
                self._options, sent_names=tuple(names.items())
            )
            mapper = self._mappers[event_type] = EventMapper(options)
        return mapper


def effects_of_record(case: Case) -> Effects:
    """Return what each part of a record decides, of what is read and of the event."""
    builder = Builder(case)
    nami = case.nami
    event = None if nami is None else builder.event_of(nami, case.known)
    as_it_is = facts.of_event(event)

    def read(record: Mapping[str, t.Any]) -> dict[str, t.Any] | None:
        try:
            nami = case.read(record)
        except Exception:  # noqa: BLE001 - any expression of a stream map may fail
            return None
        if nami is None:
            return None
        event = builder.event_of(nami, case.known)
        # Without an event there are no fields whose source could be found.
        found = as_it_is if event is None else facts.of_event(event)
        return facts.of_record(nami) | found

    return trace(case.record, read, case.size)


def known_behind(case: Case) -> set[str]:
    """Return the fields of the event that earlier records decide."""
    builder, nami = Builder(case), case.nami
    if nami is None:
        return set()
    before = facts.of_event(builder.event_of(nami, case.known))
    behind: set[str] = set()
    for name, value in facts.of_profile(case.known).items():
        for other in changes(value):
            known = facts.with_known(case.known, name, other)
            after = facts.of_event(builder.event_of(nami, known))
            behind.update(differences(before, after))
    return behind


def fields_of(
    event: Mapping[str, t.Any],
    case: Case,
    effects: Effects,
    notes: Mapping[str, str],
) -> tuple[Field, ...]:
    """Return each field of an event with its sources.

    Args:
        event: The event's fields, as they are sent.
        case: The record.
        effects: What its parts decide.
        notes: What there is to say about some fields.
    """
    known = known_behind(case)
    return tuple(
        _field(
            name,
            value,
            case.record,
            paths_of(name, case.record, effects, value),
            is_known=_is_known(facts.EVENT + name, known, effects),
            note=notes.get(name, ""),
        )
        for name, value in event.items()
    )


def _is_known(fact: str, known: set[str], effects: Effects) -> bool:
    """Return whether a field's value is from earlier records, none of it from this."""
    return fact in known and fact not in effects.values


def _field(  # noqa: PLR0913 - all that is known of it
    name: str,
    value: object,
    record: Mapping[str, t.Any],
    paths: list[Path],
    *,
    is_known: bool,
    note: str,
) -> Field:
    if not paths and name.startswith("event_properties."):
        column = name.partition(".")[2]  # of a record too large to be taken apart
        paths = [(column,)] if column in record else []
    how: How
    if name == _SKIP:
        how, paths = "setting", []
    elif is_known:
        how, paths = "known", []
    elif paths:
        how = _how(name, value, record, paths)
    else:
        how = "setting"
    return Field(name, text_of(value), how, sources_of(record, paths), note)


def paths_of(
    name: str, record: Mapping[str, t.Any], effects: Effects, value: object
) -> list[Path]:
    """Return the parts of a record that a field of its event comes from.

    Those that hold its very value, if there are such: without them another one may
    stand in, as the Nami user id for an External ID, which others decide as well.
    """
    paths = effects.sources(facts.EVENT + name)
    text = text_of(value)
    same = [path for path in paths if text_of(value_at(record, path)) == text]
    return same or paths


def sources_of(record: Mapping[str, t.Any], paths: list[Path]) -> tuple[Source, ...]:
    """Return parts of a record as people see them."""
    return tuple(
        Source(shown(path), text_of(value_at(record, path), cut=True)) for path in paths
    )


def _how(
    name: str, value: object, record: Mapping[str, t.Any], paths: list[Path]
) -> How:
    if len(paths) > 1:
        return "derived"
    [path] = paths
    if text_of(value_at(record, path)) != text_of(value):
        return "renamed" if name == "event_type" else "derived"
    last = next((step for step in reversed(path) if step is not TEXT), "")
    own = name.rpartition("properties.")[2]
    return "copied" if folded(str(last)) == folded(own) else "renamed"


def text_of(value: object, *, cut: bool = False) -> str:
    """Return a value as JSON text, readable, and cut if it may be."""
    text: str = simplejson.dumps(
        value, use_decimal=True, allow_nan=True, ensure_ascii=False
    )
    if cut and len(text) > _LONGEST_SHOWN:
        return f"{text[:_LONGEST_SHOWN]}…"
    return text
