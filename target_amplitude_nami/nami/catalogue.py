"""The event types of Nami, and the patterns that choose among them.

Sources: Nami's webhook documentation, "Event Types" (which types exist), and its
page on the Amplitude integration (which of them Amplitude is offered).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from target_amplitude_nami.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMI_FORM: Final = re.compile(r"(?:device|user|purchase)(?:\.[a-z][a-z0-9_]*)+")
_MAGIC: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class EventType:
    """One documented event type: its name, and what has happened when it comes."""

    name: str
    meaning: str
    offered: bool = True
    """Whether Nami offers the type to Amplitude."""


EVENT_TYPES: Final = (
    EventType("device.impression", "A paywall was shown."),
    EventType("device.transaction", "A purchase was made on the device."),
    EventType("device.session.start", "A session of the app began.", offered=False),
    EventType("device.session.end", "A session of the app ended.", offered=False),
    EventType("purchase.updated", "Something in a purchase changed.", offered=False),
    EventType("user.journey.trial.started", "A free trial began."),
    EventType("user.journey.trial.converted", "The trial is over; the user now pays."),
    EventType(
        "user.journey.trial.did_not_convert",
        "The trial is over; the user did not become a payer.",
    ),
    EventType("user.subscription.purchased", "A purchase opened a new entitlement."),
    EventType("user.subscription.renewed", "An active entitlement was paid again."),
    EventType(
        "user.subscription.cancelled",
        "The subscription will not renew; access lasts until it expires.",
    ),
    EventType("user.subscription.expired", "Access is over."),
    EventType(
        "user.subscription.in_grace_period",
        "A payment failed; the store goes on trying.",
    ),
    EventType(
        "user.subscription.renewal_in_grace_period",
        "The failed payment came through after all.",
    ),
    EventType("user.subscription.paused", "The subscription is paused (Android)."),
    EventType("user.subscription.resumed", "The pause is over (Android)."),
)
"""Every documented event type."""

NAMES: Final = tuple(kind.name for kind in EVENT_TYPES)
OFFERED: Final = tuple(kind.name for kind in EVENT_TYPES if kind.offered)
"""The names of the types that Nami offers to Amplitude; patterns expand over these."""


@dataclass(frozen=True, slots=True)
class EventSelection:
    """The event types that a list of names and patterns stands for.

    Attributes:
        chosen: The event types, each once, in the order in which they were named.
        problems: A sentence for each entry that stands for nothing.
        warnings: A sentence for each entry that is taken, but looks suspicious.
    """

    chosen: tuple[str, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def choose(entries: Iterable[str]) -> EventSelection:
    """Expand exact names and patterns (`*`, `?`, `[]`) into event types.

    A pattern expands over the types that Nami offers to Amplitude. Every other type
    is chosen by its exact name only, types that Nami may add later among them.
    """
    chosen: dict[str, None] = {}
    problems: dict[str, None] = {}
    warnings: dict[str, None] = {}
    for entry in entries:
        if not _MAGIC.isdisjoint(entry):
            matches = [name for name in OFFERED if fnmatchcase(name, entry)]
            chosen.update(dict.fromkeys(matches))
            if not matches:
                problems[_matches_nothing(entry)] = None
        elif problem := problem_with(entry):
            problems[problem] = None
        else:
            chosen[entry] = None
            if entry not in NAMES:
                warnings[_unknown(entry)] = None
    return EventSelection(tuple(chosen), tuple(problems), tuple(warnings))


def problem_with(name: str) -> str | None:
    """Return why a name cannot be an event type of Nami; None if it can."""
    if name in NAMES or _NAMI_FORM.fullmatch(name):
        return None
    return f'"{name}" is not a Nami event type.{did_you_mean(name, NAMES)}'


def _unknown(name: str) -> str:
    return (
        f'"{name}" is not among the documented Nami event types; '
        f"events of that type are sent if they come.{did_you_mean(name, NAMES)}"
    )


def _matches_nothing(pattern: str) -> str:
    by_name_only = [
        f'"{name}"'
        for name in NAMES
        if name not in OFFERED and fnmatchcase(name, pattern)
    ]
    if by_name_only:
        return (
            f'"{pattern}" matches no event type that Nami offers to Amplitude; '
            f"to send {' and '.join(by_name_only)} give the exact name."
        )
    return f'"{pattern}" matches no event type.{did_you_mean(pattern, _prefixes())}'


def _prefixes() -> list[str]:
    """Return the patterns that people mean: `user.*`, `user.subscription.*`, …."""
    parts = [name.split(".") for name in OFFERED]
    return sorted({".".join([*p[:n], "*"]) for p in parts for n in range(1, len(p))})
