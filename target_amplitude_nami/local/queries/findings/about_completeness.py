"""Findings about how complete user properties are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.completeness import FLAGS, LISTS
from target_amplitude_nami.local.queries.findings.finding import (
    Finding,
    Good,
    Severity,
    percent,
    quoted,
    section,
    verb,
)
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.local.queries.findings.completeness import Completeness
    from target_amplitude_nami.local.queries.findings.evidence import Evidence

_ENOUGH_EVENTS = 50
"""Of fewer events it says little that all have the same value."""

_COMPLETENESS = section("completeness")


def about_completeness(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about the eight user properties."""
    rows = evidence.completeness
    events = rows[0].events
    if not events:
        if evidence.events:
            yield _no_user_events(evidence.events)
        return
    found = [
        *_never(rows),
        *_partly(rows),
        *_wrong_types(rows),
        *_always_empty(rows),
    ]
    yield from found
    yield from _always_equal(rows)
    if not found:
        yield Good(
            "complete",
            f"{_every(events)} carries all eight `namiml_*` user properties, each as "
            f"the list or boolean that it has to be.",
        )


def _no_user_events(events: int) -> Finding:
    return Finding(
        key="no_user_events",
        severity=Severity.WARNING,
        text=(
            f"None of {counted(events, 'event')} is a `user.*` event: nothing says who "
            f"is in a trial, subscribes or cancels, and users get no `namiml_*` "
            f"properties."
        ),
        advice=(
            "Look whether the input has such events, and whether `events` leaves them "
            "out."
        ),
        count=events,
        of=events,
        evidence="#/overview",
    )


def _never(rows: Sequence[Completeness]) -> Iterator[Finding]:
    never = [row.name for row in rows if not row.present]
    if never:
        yield Finding(
            key="user_properties_never_sent",
            severity=(
                Severity.PROBLEM if len(never) == len(rows) else Severity.WARNING
            ),
            text=(
                f"{quoted(never)} {verb(len(never), 'is', 'are')} in no user event: "
                f"Amplitude cannot tell users apart by "
                f"{verb(len(never), 'it', 'them')}."
            ),
            advice=(
                "The columns that they are made of are missing or empty in the input. "
                "`amplitude-nami explain` shows for one record what was found, and "
                "`amplitude-nami check --input FILE` which columns are not used."
            ),
            count=len(never),
            of=len(rows),
            evidence=_COMPLETENESS,
        )


def _partly(rows: Sequence[Completeness]) -> Iterator[Finding]:
    partly = sorted(
        (row for row in rows if 0 < row.present < row.events),
        key=lambda row: row.present,
    )
    if partly:
        worst = partly[0]
        missing = worst.events - worst.present
        others = ""
        if len(partly) > 1:
            more = [row.name for row in partly[1:]]
            missing_too = verb(len(more), "is missing", "are missing")
            others = f"; {quoted(more)} {missing_too} from some, too"
        yield Finding(
            key="user_properties_missing",
            severity=Severity.WARNING,
            text=(
                f"`{worst.name}` is missing from "
                f"{percent(missing, worst.events).lower()} of user events "
                f"({missing:,} of {worst.events:,}){others}. Users keep the value of "
                f"an earlier event."
            ),
            advice=(
                "Records that do not say it leave it out; nothing is made up. Find "
                "such a record and see with `amplitude-nami explain` what it holds."
            ),
            count=missing,
            of=worst.events,
            evidence=_COMPLETENESS,
        )


def _wrong_types(rows: Sequence[Completeness]) -> Iterator[Finding]:
    wrong = [row for row in rows if row.wrong_type]
    if wrong:
        count = max(row.wrong_type for row in wrong)
        most = "" if min(row.wrong_type for row in wrong) == count else "up to "
        each = "" if len(wrong) == 1 else ", each"
        yield Finding(
            key="user_properties_of_wrong_type",
            severity=Severity.PROBLEM,
            text=(
                f"{quoted([row.name for row in wrong])} "
                f"{verb(len(wrong), 'is', 'are')} of the wrong type{each} in {most}"
                f"{counted(count, 'user event')}: flags have to be booleans, and the "
                f"others lists. Amplitude treats the text `true` and the boolean as "
                f"different values."
            ),
            advice=(
                "The target sends the right types; look for another sender, or for a "
                "`stream_maps` entry that changes them."
            ),
            count=count,
            of=wrong[0].events,
            evidence=_COMPLETENESS,
        )


def _always_empty(rows: Sequence[Completeness]) -> Iterator[Finding]:
    empty = [
        row.name
        for row in rows
        if row.name in LISTS and row.present == row.empty >= _ENOUGH_EVENTS
    ]
    if empty:
        yield Finding(
            key="user_properties_always_empty",
            severity=Severity.WARNING,
            text=(
                f"{quoted(empty)} {verb(len(empty), 'is', 'are')} empty in every user "
                f"event: nobody seems to have any."
            ),
            advice=(
                "If people do subscribe, the column that they are made of holds empty "
                "lists: compare a record with `amplitude-nami explain`."
            ),
            count=len(empty),
            of=len(rows),
            evidence=_COMPLETENESS,
        )


def _always_equal(rows: Sequence[Completeness]) -> Iterator[Finding]:
    equal = [
        row
        for row in rows
        if row.name in FLAGS
        and row.is_constant
        and row.present >= _ENOUGH_EVENTS
        and not row.wrong_type
    ]
    if equal:
        named = [f"{row.name} = {str(bool(row.true)).lower()}" for row in equal]
        yield Finding(
            key="user_properties_always_equal",
            severity=Severity.NOTE,
            text=(
                f"{quoted(named)} in every user event that carries "
                f"{verb(len(named), 'it: it tells', 'them: they tell')} no two users "
                f"apart."
            ),
            advice=(
                "Check that it may be so. An app without trials or introductory offers "
                "has nobody in one."
            ),
            count=len(equal),
            of=len(rows),
            evidence=_COMPLETENESS,
        )


def _every(events: int) -> str:
    return "The only user event" if events == 1 else f"Each of {events:,} user events"
