"""Findings about who events name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.finding import (
    Finding,
    Good,
    Severity,
    of_all,
    section,
    verb,
)
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_amplitude_nami.local.queries.findings.evidence import Evidence
    from target_amplitude_nami.local.queries.findings.identity import TypeIdentity

_CROWD = 10
"""A device with more users is no device, but a value that stands for none."""

_IDENTITY = section("identity")


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


def _a(name: str) -> str:
    return f"an {name}" if name == "External ID" else f"a {name}"
