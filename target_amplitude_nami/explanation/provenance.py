"""Finds where each field of an event comes from, by experiment.

In two steps: from the record to what was read of it, and from that to the event.
"""

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
from target_amplitude_nami.explanation.tracing import Effects, differences
from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.pipeline.event_builder import state_of
from target_amplitude_nami.pipeline.identity import Unnamed, identify
from target_amplitude_nami.pipeline.mapping import EventMapper

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.explanation.case import Case
    from target_amplitude_nami.store.profiles import UserProfile

_LONGEST_SHOWN: t.Final = 120
_SKIP: t.Final = "$skip_user_properties_sync"


class Builder:
    """Makes events of what was read, also of types that the settings leave out."""

    def __init__(self, case: Case) -> None:
        """Take the settings, and what is known of the record's user."""
        settings = case.settings
        options = settings.mapping
        names = {name: settings.event_prefix + name for name in catalogue.NAMES}
        self._options = dataclasses.replace(
            options, sent_names=tuple((names | dict(options.sent_names)).items())
        )
        self._mapper = EventMapper(self._options)
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
                return self._mapper.map_user(record, identity)
            state = record.state
            if not self._is_for_sandbox:
                state, _ = state_of(record, profile)
            return self._mapper.map_event(
                record, identity, state, is_stale=self._is_late
            )
        except (UnreadableRecord, KeyError):
            return None


def effects_of_facts(
    record: NamiEvent | NamiUser, profile: UserProfile, builder: Builder
) -> Effects:
    """Return what each fact that was read, or is known, decides of the event.

    A path is the name of the fact.
    """
    effects = Effects()
    before = facts.of_event(builder.event_of(record, profile))
    read, known = facts.of_record(record), facts.of_profile(profile)
    for name, value in {**read, **known}.items():
        if value is None:
            continue
        made: set[str] = set()
        lost: set[str] = set()
        for other in _other_facts(name, value):
            if name in known:
                event = builder.event_of(record, facts.with_known(profile, name, other))
            else:
                event = builder.event_of(facts.with_fact(record, name, other), profile)
            if event is None:
                continue
            after = facts.of_event(event)
            for changed in differences(before, after):
                if before.get(changed) is None:
                    continue
                is_value = after.get(changed) is not None and other is not None
                (made if is_value else lost).add(changed)
        for changed in made | lost:
            effects.note(changed, (name,), is_value=changed in made)
    return effects


def _other_facts(name: str, value: object) -> t.Iterator[object]:
    if name != "event_type":
        yield from changes(value)
        return
    family = str(value).partition(".")[0]
    yield from (
        other
        for other in catalogue.NAMES
        if other != value and other.partition(".")[0] == family
    )


def fields_of(
    event: Mapping[str, t.Any],
    record: Mapping[str, t.Any],
    of_record: Effects,
    of_facts: Effects,
    notes: Mapping[str, str],
) -> tuple[Field, ...]:
    """Return each field of an event with its sources.

    Args:
        event: The event's fields, as they are sent.
        record: The record.
        of_record: What its parts decide of what was read.
        of_facts: What that decides of the event.
        notes: What there is to say about some fields.
    """
    origins = _Origins(of_record, of_facts, notes)
    return tuple(_field(*each, record, origins) for each in event.items())


class _Origins(t.NamedTuple):
    of_record: Effects
    of_facts: Effects
    notes: Mapping[str, str]


def _field(
    name: str,
    value: object,
    record: Mapping[str, t.Any],
    origins: _Origins,
) -> Field:
    paths = paths_of(name, origins.of_record, origins.of_facts)
    if not paths and name.startswith("event_properties."):
        column = name.partition(".")[2]
        paths = [(column,)] if column in record else []
    facts_behind = origins.of_facts.sources(name)
    how: How
    if name == _SKIP:
        how, paths = "setting", []
    elif paths:
        how = _how(name, value, record, paths)
    elif any(str(path[0]).startswith(facts.KNOWN) for path in facts_behind):
        how = "known"
    else:
        how = "setting"
    note = origins.notes.get(name, "")
    return Field(name, text_of(value), how, sources_of(record, paths), note)


def paths_of(name: str, of_record: Effects, of_facts: Effects) -> list[Path]:
    """Return the parts of a record that a field of its event comes from."""
    names = (str(path[0]) for path in of_facts.sources(name))
    return list(dict.fromkeys(p for each in names for p in of_record.sources(each)))


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
