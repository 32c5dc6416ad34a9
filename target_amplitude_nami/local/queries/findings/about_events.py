"""Findings about times, order, event types, copies and properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.finding import (
    Finding,
    Good,
    Severity,
    quoted,
    section,
    verb,
)
from target_amplitude_nami.local.storage.counts.kinds import Scope
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.local.queries.findings.counts import TypeCount
    from target_amplitude_nami.local.queries.findings.evidence import Evidence

_ORDER = section("order")
_TYPES = section("types")


def about_order(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about late events and odd times."""
    found = evidence.timeliness
    if found.overwrote:
        yield Finding(
            key="older_state_won",
            severity=Severity.PROBLEM,
            text=(
                f"{counted(found.overwrote, 'event')} set user properties although a "
                f"newer event of the same user had come before: Amplitude now shows "
                f"an older state for a while, or for good."
            ),
            advice=(
                "Keep `stale_user_properties` at `skip`, and set `memory_path`, so "
                "that the target also knows what earlier runs have sent."
            ),
            count=found.overwrote,
            of=max(found.states, found.overwrote),
            evidence=_ORDER,
        )
    elif found.states:
        late = ""
        if found.late:
            late = f"; {counted(found.late, 'late event')} left them as they were"
        yield Good("newest_state_wins", f"No event set older user properties{late}.")
    yield from _odd_times(evidence)


def _odd_times(evidence: Evidence) -> Iterator[Finding | Good]:
    found = evidence.timeliness
    if found.future:
        yield Finding(
            key="events_in_the_future",
            severity=Severity.PROBLEM,
            text=(
                f"{counted(found.future, 'event is', 'events are')} dated more than a "
                f"day after the newest request: charts show "
                f"{verb(found.future, 'it', 'them')} on days to come."
            ),
            advice=(
                "Look at the column that the time comes from: another time zone, or "
                "another unit than it seems. `amplitude-nami explain` names it."
            ),
            count=found.future,
            of=evidence.events or None,
            evidence=_ORDER,
        )
    if found.too_old:
        yield Finding(
            key="events_before_2008",
            severity=Severity.WARNING,
            text=(
                f"{counted(found.too_old, 'event is', 'events are')} dated before "
                f"2008, when no store sold anything to apps yet."
            ),
            advice=(
                "Look at the column that the time comes from: it may count seconds "
                "where milliseconds are meant. `amplitude-nami explain` names it."
            ),
            count=found.too_old,
            of=evidence.events or None,
            evidence=_ORDER,
        )
    if evidence.events and not found.future and not found.too_old:
        yield Good("likely_times", "No event is dated before 2008 or in the future.")


def about_types(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about event types."""
    unknown = [each for each in evidence.other_types if not each.is_beyond]
    beyond = [each for each in evidence.other_types if each.is_beyond]
    if beyond:
        count = sum(each.events for each in beyond)
        yield Finding(
            key="event_types_beyond_limit",
            severity=Severity.PROBLEM,
            text=(
                f"{counted(count, 'event has', 'events have')} a type beyond the 2,000 "
                f"that a project may have: Amplitude stores "
                f"{verb(count, 'it', 'them')}, but no chart shows "
                f"{verb(count, 'it', 'them')}."
            ),
            advice="Look for ids or names in the event type, and for `event_names`.",
            count=count,
            of=evidence.events,
            evidence=_TYPES,
        )
    if unknown:
        names = [each.type for each in unknown]
        yield Finding(
            key="unknown_event_types",
            severity=Severity.WARNING,
            text=(
                f"{quoted(names)} {verb(len(names), 'is', 'are')} not in Nami's "
                f"catalogue of event types"
                f"{', nor a name from `event_names`' if evidence.has_names else ''}."
            ),
            advice=(
                "Nami may have added a type, or another sender uses this project."
                if evidence.has_names
                else "If you rename types with `event_names`, nothing is wrong. "
                "Otherwise Nami may have added a type, or another sender uses this "
                "project."
            ),
            count=sum(each.events for each in unknown),
            of=evidence.events,
            evidence=_TYPES,
        )
    elif evidence.events:
        yield Good("known_event_types", "Every event type is one of Nami's.")


def about_traffic(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about copies and refused requests."""
    traffic = evidence.traffic
    if traffic.duplicates:
        yield Finding(
            key="duplicates_dropped",
            severity=Severity.NOTE,
            text=(
                f"{counted(traffic.duplicates, 'event')} came again with the same "
                f"insert id and device, and {verb(traffic.duplicates, 'was', 'were')} "
                f"dropped. Amplitude does so for seven days; after that, a copy counts "
                f"twice."
            ),
            advice=(
                "Nothing is wrong if you sent the same input again. With `memory_path` "
                "the target does not send a second time what it has delivered."
            ),
            count=traffic.duplicates,
            of=traffic.duplicates + evidence.events,
            evidence="#/requests",
        )
    elif evidence.events:
        yield Good("no_duplicates", "No event came twice.")
    if traffic.refused:
        yield Finding(
            key="requests_refused",
            severity=Severity.WARNING,
            text=(
                f"{counted(traffic.refused, 'request')} of {traffic.requests:,} "
                f"{verb(traffic.refused, 'was', 'were')} refused."
            ),
            advice=(
                "The list says why. Faults that you switched on are named there, and "
                "the target sends again what Amplitude did not take."
            ),
            count=traffic.refused,
            of=traffic.requests,
            evidence="#/requests?status=refused",
        )
    elif traffic.requests:
        yield Good("no_request_refused", "No request was refused.")


def about_properties(types: Sequence[TypeCount]) -> Iterator[Finding | Good]:
    """Yield what there is to say about the types of event properties."""
    mixed = [
        f"{count.name} of {each.name}"
        for each in types
        for (scope, _), count in each.properties.items()
        if scope is Scope.EVENT and len(count.types) > 1
    ]
    all_of_them = sum(
        scope is Scope.EVENT for each in types for scope, _ in each.properties
    )
    if mixed:
        yield Finding(
            key="properties_of_several_types",
            severity=Severity.WARNING,
            text=(
                f"{quoted(mixed)} {verb(len(mixed), 'comes', 'come')} in several "
                f"types, such as number and text: Amplitude does not add up or compare "
                f"such values."
            ),
            advice=(
                "Give the column one type in the source or in `stream_maps`, or leave "
                "it out with `exclude_properties`."
            ),
            count=len(mixed),
            of=all_of_them,
            evidence=section("properties"),
        )
    elif all_of_them:
        yield Good(
            "properties_of_one_type",
            "Within an event type, the values of a property are all of one type.",
        )
