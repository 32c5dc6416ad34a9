"""Findings about who events name, and about what they say of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.completeness import FLAGS, LISTS
from target_amplitude_nami.local.queries.findings.finding import (
    Finding,
    Good,
    Severity,
    of_all,
    percent,
    quoted,
    section,
    verb,
)
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_amplitude_nami.local.queries.findings.completeness import Completeness
    from target_amplitude_nami.local.queries.findings.evidence import Evidence
    from target_amplitude_nami.local.queries.findings.identity import TypeIdentity

_ENOUGH_EVENTS = 50
"""Of fewer events it says little that all have the same value."""
_CROWD = 10
"""A device with more users is no device, but a value that stands for none."""

_IDENTITY = section("identity")
_COMPLETENESS = section("completeness")


def about_identity(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about the ids of events."""
    yield from _user_events(evidence)
    yield from _device_events(evidence)
    yield from _shared_devices(evidence)
    yield from _nami_users(evidence)


def _user_events(evidence: Evidence) -> Iterator[Finding | Good]:
    alone, events = _alone(evidence, lambda each: (each.nami or "").startswith("user."))
    name = "External ID" if evidence.user_source == "external_id" else "user id"
    if not events:
        return
    if not alone:
        yield Good("user_events_with_id", f"Every user event carries {_a(name)}.")
        return
    yield Finding(
        key="user_events_without_id",
        severity=Severity.PROBLEM if alone == events else Severity.WARNING,
        text=(
            f"{of_all(alone, events, 'user events')} "
            f"{verb(events, 'carries', 'carry')} no {name}: Amplitude counts such a "
            f"device as a user of its own, until somebody logs in on it."
        ),
        advice=(
            "People who never log in have none. If yours do log in, check that the app "
            "gives Nami the External ID at login, and set `memory_path`, so that later "
            "events get the one that was learnt. `anonymous_users` decides what is "
            "sent of users without one."
        ),
        count=alone,
        of=events,
        evidence=_IDENTITY,
    )


def _device_events(evidence: Evidence) -> Iterator[Finding | Good]:
    alone, events = _alone(
        evidence, lambda each: (each.nami or "").startswith("device.")
    )
    if not events:
        return
    if not alone:
        yield Good("device_events_with_id", "Every device event names its user.")
        return
    yield Finding(
        key="device_events_without_id",
        severity=Severity.NOTE,
        text=(
            f"{of_all(alone, events, 'device events')} "
            f"{verb(events, 'names', 'name')} a device alone: paywalls and purchases "
            f"from before a login, which Amplitude gives to the user who logs in on "
            f"that device later."
        ),
        advice=(
            "Nothing is wrong if people see paywalls before they log in. Set "
            "`memory_path`, so that device events get the External ID of their Nami "
            "user once it is known."
        ),
        count=alone,
        of=events,
        evidence=_IDENTITY,
    )


def _alone(
    evidence: Evidence, is_meant: Callable[[TypeIdentity], bool]
) -> tuple[int, int]:
    """Return how many events of some types name a device alone, and all of them."""
    meant = [each for each in evidence.identity.types if is_meant(each)]
    return sum(e.device_alone for e in meant), sum(e.events for e in meant)


def _shared_devices(evidence: Evidence) -> Iterator[Finding | Good]:
    found = evidence.identity
    count = found.shared_devices
    if not count:
        if evidence.events:
            yield Good("devices_of_one_user", "No device has several user ids.")
        return
    most = found.devices[0].count
    yield Finding(
        key="devices_of_several_users",
        severity=Severity.PROBLEM if most > _CROWD else Severity.WARNING,
        text=(
            f"{counted(count, 'device has', 'devices have')} several user ids"
            f"{f', one of them {most:,}' if most > _CROWD else ''}: Amplitude gives "
            f"anonymous events to whoever logged in on the device last."
        ),
        advice=(
            "A few are families or testers. A device with many users is a value that "
            "stands for no device: keep it from being sent as `device_id`."
            if most > _CROWD
            else "A few are families or testers, and nothing is wrong with them."
        ),
        count=count,
        evidence=_IDENTITY,
    )


def _nami_users(evidence: Evidence) -> Iterator[Finding | Good]:
    found = evidence.identity
    count = found.nami_users_with_several_ids
    if count:
        yield Finding(
            key="nami_users_with_several_ids",
            severity=Severity.WARNING,
            text=(
                f"{counted(count, 'Nami user was', 'Nami users were')} sent under "
                f"several user ids: Amplitude cannot merge them, so each counts as "
                f"several users."
            ),
            advice=(
                "Check why their External ID changes, such as a login with another "
                "account. With `anonymous_users` set to `nami_user_id`, people have "
                "one id before their login and another one after it."
            ),
            count=count,
            evidence=_IDENTITY,
        )
    elif found.has_nami_ids:
        yield Good("nami_users_with_one_id", "Every Nami user has one user id.")


def about_completeness(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about the eight user properties."""
    rows = evidence.completeness
    events = rows[0].events
    if not events:
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


def _never(rows: Sequence[Completeness]) -> Iterator[Finding]:
    never = [row.name for row in rows if not row.present]
    if never:
        yield Finding(
            key="user_properties_never_sent",
            severity=(
                Severity.PROBLEM if len(never) == len(rows) else Severity.WARNING
            ),
            text=(
                f"{quoted(never)} {verb(len(never), 'comes', 'come')} with no user "
                f"event: Amplitude cannot tell users apart by "
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
            more = counted(len(partly) - 1, "other is", "others are")
            others = f"; {more} missing less often or as often"
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
        yield Finding(
            key="user_properties_of_wrong_type",
            severity=Severity.PROBLEM,
            text=(
                f"{quoted([row.name for row in wrong])} "
                f"{verb(len(wrong), 'is', 'are')} of the wrong type in up to "
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
                f"{quoted(named)} in every user event that carries it: it tells no two "
                f"users apart."
            ),
            advice=(
                "Check that it may be so. An app without trials or introductory offers "
                "has nobody in one."
            ),
            count=len(equal),
            of=len(rows),
            evidence=_COMPLETENESS,
        )


def _a(name: str) -> str:
    return f"an {name}" if name == "External ID" else f"a {name}"


def _every(events: int) -> str:
    return "The only user event" if events == 1 else f"Each of {events:,} user events"
