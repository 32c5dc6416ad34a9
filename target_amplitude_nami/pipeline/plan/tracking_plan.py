"""Makes the tracking plan of a configuration: each event and property that it sends.

It asks what maps the events wherever that can say, so that the two cannot differ: the
names of the settings, `exclude_properties` and user properties from `pipeline/`, types
and descriptions from `nami/`.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.nami.documented import (
    EVENT_PROPERTIES,
    DocumentedProperty,
    properties_of,
)
from target_amplitude_nami.nami.documented_state import ATTRIBUTES, USER_ID
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.pipeline.mapping import carries_state, is_excluded
from target_amplitude_nami.pipeline.plan.fields import planned_fields
from target_amplitude_nami.pipeline.plan.model import (
    PlannedEvent,
    PlannedProperty,
    TrackingPlan,
    common_kind,
)
from target_amplitude_nami.pipeline.user_properties import PREFIX, PROPERTIES

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_amplitude_nami.nami.documented_state import DocumentedAttribute
    from target_amplitude_nami.pipeline.plan.seen_events import SeenEvents, SeenProperty
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.settings.options import MappingOptions

_MEANINGS: t.Final = {each.name: each.meaning for each in catalogue.EVENT_TYPES}
_ATTRIBUTES: t.Final[dict[str, DocumentedAttribute]] = {
    f"{PREFIX}{each.name}": each for each in (*ATTRIBUTES, USER_ID)
}
_DOCUMENTED: t.Final = {folded(each.name): each for each in EVENT_PROPERTIES}
_OFTEN_MISSING: t.Final = "namiml_entitlement_expirations"
"""An entitlement for life has none; all others Nami documents for every user."""


def tracking_plan(
    settings: Settings, seen: SeenEvents | None = None, *, only_seen: bool = False
) -> TrackingPlan:
    """Return what a configuration sends.

    Args:
        settings: The settings.
        seen: The events of an input: their properties are added, and the examples of
            documented ones are theirs.
        only_seen: Whether to leave out what the input does not have.
    """
    options = settings.mapping
    types_of: dict[str, list[str]] = {}
    for event_type, name in options.sent_names:
        types_of.setdefault(name, []).append(event_type)
    events = [
        _planned_event(name, tuple(sorted(event_types, key=_rank)), options, seen)
        for name, event_types in types_of.items()
    ]
    events.sort(key=lambda event: _rank(event.nami_events[0]))
    events.append(_planned_identify(options, seen))
    user_properties = _user_properties(options, seen)
    if only_seen:
        events = [
            replace(event, event_properties=_only_seen(event.event_properties))
            for event in events
            if event.seen
        ]
        user_properties = _only_seen(user_properties)
    return TrackingPlan(
        events=tuple(events),
        user_properties=user_properties,
        notes=tuple(_notes(settings, has_input=seen is not None)),
        left_out=0 if seen is None else seen.left_out,
    )


def without_examples(plan: TrackingPlan) -> TrackingPlan:
    """Return a plan without the examples, which in an input are somebody's data."""

    def bare(properties: tuple[PlannedProperty, ...]) -> tuple[PlannedProperty, ...]:
        return tuple(replace(each, example=None) for each in properties)

    events = tuple(
        replace(
            event,
            fields=bare(event.fields),
            event_properties=bare(event.event_properties),
        )
        for event in plan.events
    )
    return replace(plan, events=events, user_properties=bare(plan.user_properties))


def _rank(event_type: str) -> tuple[int, str]:
    """Return what puts Nami's event types into the order of its documentation."""
    names = catalogue.NAMES
    return (
        names.index(event_type) if event_type in names else len(names),
        event_type,
    )


def _planned_event(
    name: str,
    nami_events: tuple[str, ...],
    options: MappingOptions,
    seen: SeenEvents | None,
) -> PlannedEvent:
    documented = [
        each
        for each in _merged(nami_events)
        if not is_excluded(each.name, options.exclude_properties)
    ]
    of_input = {} if seen is None else seen.properties_of(name)
    return PlannedEvent(
        name=name,
        nami_events=nami_events,
        description=" ".join(
            _MEANINGS.get(each, f"{each}, which Nami does not document.")
            for each in nami_events
        ),
        sets_user_properties=any(map(carries_state, nami_events))
        and not options.backfill,
        fields=planned_fields(name, nami_events, options),
        event_properties=_with_seen(documented, of_input),
        seen=_count(seen, name),
    )


def _planned_identify(options: MappingOptions, seen: SeenEvents | None) -> PlannedEvent:
    return PlannedEvent(
        name=IDENTIFY,
        nami_events=(),
        description="A user record: sets user properties, is not an event in charts.",
        sets_user_properties=True,
        fields=planned_fields(IDENTIFY, (), options),
        event_properties=(),
        seen=_count(seen, IDENTIFY),
    )


def _count(seen: SeenEvents | None, name: str) -> int | None:
    return None if seen is None else seen.events.get(name, 0)


def _merged(nami_events: Collection[str]) -> Iterator[PlannedProperty]:
    """Yield the documented properties of event types that are sent under one name."""
    found: dict[str, list[DocumentedProperty]] = {}
    for event_type in nami_events:
        for each in properties_of(event_type):
            found.setdefault(each.name, []).append(each)
    for name, entries in found.items():
        is_in_all = len(entries) == len(nami_events)
        usual = is_in_all and all(each.is_in_every_record for each in entries)
        yield PlannedProperty(
            name=name,
            type=entries[0].kind,
            description=" ".join(dict.fromkeys(each.description for each in entries)),
            example=entries[0].example,
            present="usually" if usual else "sometimes",
            source="nami",
        )


def _user_properties(
    options: MappingOptions, seen: SeenEvents | None
) -> tuple[PlannedProperty, ...]:
    documented = []
    for name in (*PROPERTIES, *options.extra_user_properties):
        attribute = _ATTRIBUTES[name]
        documented.append(
            PlannedProperty(
                name=name,
                type=attribute.kind,
                description=attribute.description,
                example=attribute.example,
                present="sometimes" if name == _OFTEN_MISSING else "usually",
                source="nami",
            )
        )
    return _with_seen(documented, {} if seen is None else seen.user_properties)


def _with_seen(
    documented: list[PlannedProperty], seen: Mapping[str, SeenProperty]
) -> tuple[PlannedProperty, ...]:
    """Return documented properties as the input has them, and those that it adds.

    The spelling of the input stays (`nami/properties.py`): a documented property stands
    under each spelling that was seen, and under Nami's own where none was.
    """
    spellings: dict[str, list[str]] = {}
    for name in seen:
        spellings.setdefault(folded(name), []).append(name)
    planned: list[PlannedProperty] = []
    for each in documented:
        names = spellings.pop(folded(each.name), None)
        if names is None:
            planned.append(each)
            continue
        for name in names:
            example = seen[name].example
            planned.append(
                replace(
                    each,
                    name=name,
                    example=each.example if example is None else example,
                    seen=seen[name].seen(),
                )
            )
    planned += [_learnt(name, seen[name]) for name in seen if folded(name) in spellings]
    return tuple(planned)


def _learnt(name: str, found: SeenProperty) -> PlannedProperty:
    seen = found.seen()
    # What Nami documents for other events is read in the same way in all of them.
    documented = _DOCUMENTED.get(folded(name))
    return PlannedProperty(
        name=name,
        type=documented.kind if documented else common_kind(seen.types),
        description=documented.description if documented else "",
        example=found.example,
        source="input",
        seen=seen,
    )


def _only_seen(
    properties: tuple[PlannedProperty, ...],
) -> tuple[PlannedProperty, ...]:
    return tuple(each for each in properties if each.seen is not None)


def _notes(settings: Settings, *, has_input: bool) -> Iterator[str]:
    if settings.backfill:
        yield (
            "As `backfill` is on, events leave user properties as they are: user "
            "records alone set them."
        )
    if settings.sandbox_purchases == "skip":
        yield (
            "Events that say they are not production (`purchase_env`, or without it "
            "`app_env`) are left out."
        )
    elif settings.sandbox_api_key is not None:
        yield (
            "Events that say they are not production go to the project of "
            "`sandbox_api_key`, and have the same plan."
        )
    if settings.start_date is not None:
        yield f"Events before {settings.start_date.isoformat()} are left out."
    if not has_input:
        yield (
            "Whatever else a record has becomes an event property under its own name; "
            "`--input` adds what an input has."
        )
