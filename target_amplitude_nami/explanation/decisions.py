"""Gives the reasons for what the settings decide: filter, identity, freshness."""

from __future__ import annotations

import datetime as dt
import typing as t

from target_amplitude_nami.explanation.model import Decision, Identity
from target_amplitude_nami.explanation.paths import changes
from target_amplitude_nami.nami import catalogue, purchase
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.state import NO_STATE
from target_amplitude_nami.pipeline import identity as identities

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.explanation.case import Case
    from target_amplitude_nami.settings import Settings


def filter_decisions(
    record: NamiEvent | NamiUser, settings: Settings
) -> Iterator[Decision]:
    """Yield what the settings decide about sending a record, up to the first no."""
    if isinstance(record, NamiUser):
        yield Decision(passed=True, what="user records are sent whatever `events` says")
        return
    for decision in _of_event(record, settings):
        yield decision
        if not decision.passed:
            return


def _of_event(event: NamiEvent, settings: Settings) -> Iterator[Decision]:
    yield choice_of(event.event_type, settings)
    start = settings.start_date
    if settings.start_ms is not None and start is not None:
        is_old = event.time < settings.start_ms
        yield Decision(
            not is_old,
            f"it happened at {moment(event.time)}, "
            f"{'before' if is_old else 'not before'} {moment(settings.start_ms)}",
            "start_date",
        )
    yield from _sandbox(event, settings)


def choice_of(event_type: str, settings: Settings) -> Decision:
    """Return whether an event type is sent, and the pattern that decides it."""
    chosen_by = [
        pattern
        for pattern in settings.events
        if event_type in catalogue.choose([pattern]).chosen
    ]
    if not chosen_by:
        what = f"nothing in `events` ({_quoted(settings.events)}) chooses {event_type}"
        if event_type in catalogue.NAMES and event_type not in catalogue.OFFERED:
            what += ": patterns stand for the types that Nami offers to Amplitude"
        elif event_type not in catalogue.NAMES:
            what += ", a type that Nami's documentation does not name"
        return Decision(passed=False, what=what, setting="events")
    renames = dict(settings.event_names)
    if renames.get(event_type) == "":
        return Decision(
            passed=False,
            what=f"`event_names` gives {event_type} an empty name: do not send",
            setting="event_names",
        )
    what = f"{_quoted(chosen_by)} in `events` chooses {event_type}"
    return Decision(passed=True, what=what, setting="events")


def _sandbox(event: NamiEvent, settings: Settings) -> Iterator[Decision]:
    is_sandbox = purchase.is_sandbox(event.properties)
    if not is_sandbox and settings.sandbox_purchases == "send":
        return
    says = _what_says_so(event, is_sandbox=is_sandbox)
    if not is_sandbox:
        yield Decision(
            passed=True,
            what=f"it is from production{says}",
            setting="sandbox_purchases",
        )
    elif settings.sandbox_purchases == "skip":
        yield Decision(
            passed=False,
            what=f"it is not from production{says}, and `sandbox_purchases` is skip",
            setting="sandbox_purchases",
        )
    else:
        where = "`sandbox_api_key`" if settings.sandbox_api_key else "production"
        yield Decision(
            passed=True,
            what=f"it is not from production{says}: it goes to the project of {where}"
            if settings.sandbox_api_key
            else f"it is not from production{says}, and `sandbox_purchases` is send",
            setting="sandbox_purchases",
        )


def _what_says_so(event: NamiEvent, *, is_sandbox: bool) -> str:
    """Return the properties that decide whether an event is from a sandbox."""
    properties = event.properties
    names = [
        name
        for name, value in properties.items()
        if any(
            purchase.is_sandbox(properties | {name: other}) != is_sandbox
            for other in (*changes(value), "production", "sandbox")
        )
    ]
    says = "says" if len(names) == 1 else "say"
    return f", as {' and '.join(names)} {says}" if names else ""


def identity_of(
    record: NamiEvent | NamiUser, case: Case, device_path: str | None
) -> Identity:
    """Return which Amplitude user a record names, and why.

    Args:
        record: What was read of it.
        case: What is known.
        device_path: Where its device is in it.
    """
    options = case.settings.mapping
    found = identities.identify(record, case.known.external_id, options)
    why = list(_why_user(record, case, found))
    if record.device_id is None:
        why.append("it names no single device, so none is sent")
    elif device_path is not None:
        why.append(f"its device is in {device_path}")
    if isinstance(found, identities.Unnamed):
        return Identity(None, None, tuple(why))
    return Identity(found.user_id, found.device_id, tuple(why))


def _why_user(
    record: NamiEvent | NamiUser,
    case: Case,
    found: identities.Identity | identities.Unnamed,
) -> Iterator[str]:
    settings = case.settings
    if settings.user_source == "nami_user_id":
        yield "`user_source` is nami_user_id: the user is Nami's own user id"
    elif record.external_id is not None:
        yield "`user_source` is external_id, and the record has an External ID"
    elif case.known.external_id is not None:
        yield (
            "`user_source` is external_id, and the record has none; the External ID "
            f"of its Nami user is known from {case.origins.external_id}"
        )
    else:
        yield (
            "`user_source` is external_id, and neither the record nor an earlier one "
            "of its Nami user has an External ID"
        )
        yield f"`anonymous_users` is {settings.anonymous_users}: {_policy(found)}"


def _policy(found: identities.Identity | identities.Unnamed) -> str:
    if isinstance(found, identities.Unnamed):
        return {
            "held": "the record waits until a record of its user brings one",
            "filtered": "the record is left out",
            "rejected": f"the record is rejected, as {found.detail.partition(';')[0]}",
        }[found.outcome]
    if found.user_id is None:
        return "the event names the device alone"
    return "the user is Nami's own user id"


def freshness_of(record: NamiEvent | NamiUser, case: Case) -> Iterator[str]:
    """Yield why the event changes user properties, or why it does not."""
    settings = case.settings
    if isinstance(record, NamiEvent):
        if not record.event_type.startswith("user."):
            yield "it carries no user properties: only user.* events do"
        elif record.state == NO_STATE and case.known.state is not None:
            yield (
                "it has no state of its own"
                + (
                    ": the known one is newer, and is not sent"
                    if case.known.is_newer_than(record.time)
                    else f": it carries the known one, from {case.origins.state}"
                )
            )
    if settings.backfill and isinstance(record, NamiEvent):
        yield "`backfill` is on: no event changes what Amplitude knows about its user"
        return
    time, newest = record.time, case.newest_sent
    if newest is None:
        yield "no state of this user was seen before"
    elif time is None:
        yield f"it has no time: it counts as newer than the state of {moment(newest)}"
    elif time < newest:
        yield (
            f"newer state of this user was seen before: of {moment(newest)} (in "
            f"{case.origins.sent}), and this record is of {moment(time)}"
        )
        if settings.stale_user_properties == "send":
            yield "`stale_user_properties` is send: it is sent like any other"
        elif isinstance(record, NamiEvent):
            yield ("so $skip_user_properties_sync keeps it from replacing newer state")
    else:
        yield (
            f"the newest state seen of this user before is of {moment(newest)} (in "
            f"{case.origins.sent}), not newer than this record"
        )


def moment(milliseconds: int) -> str:
    """Return a time as people read it, or as a number beyond what a calendar has."""
    try:
        time = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return f"{milliseconds} ms"
    return time.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")


def _quoted(patterns: Sequence[str]) -> str:
    return ", ".join(f'"{pattern}"' for pattern in patterns)
