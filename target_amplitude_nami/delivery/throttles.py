"""Sorts the events of a request by whether a throttle concerns them."""

from __future__ import annotations

import typing as t
from http import HTTPStatus

import msgspec

from target_amplitude_nami.outcomes import Refusal

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.answers import Throttle
    from target_amplitude_nami.amplitude.event import EncodedEvent


class ThrottledPart(t.NamedTuple):
    """The events of a request that was throttled."""

    over_quota: list[tuple[EncodedEvent, Refusal]]
    """Those over a daily quota, which waiting within the run does not help."""
    rest: list[EncodedEvent]
    """All others, in order."""
    until: dict[str, float]
    """Until when users among them have to wait, by order key."""


def sort_throttled(
    throttle: Throttle, events: Sequence[EncodedEvent], moment: float, message: str
) -> ThrottledPart:
    """Sort the events of a request by what a throttle says about them.

    Args:
        throttle: The throttle.
        events: The events of the request, in order.
        moment: When the users that it names may go on, in monotonic seconds.
        message: What Amplitude answered.
    """
    sorted_ = ThrottledPart([], [], {})
    for index, event in enumerate(events):
        if event.user_id in throttle.quota_users:
            refusal = _over_quota("user_id", message)
            sorted_.over_quota.append((event, refusal))
            continue
        if event.device_id in throttle.quota_devices:
            refusal = _over_quota("device_id", message)
            sorted_.over_quota.append((event, refusal))
            continue
        if (
            index in throttle.indexes
            or event.user_id in throttle.users
            or event.device_id in throttle.devices
        ):
            sorted_.until.update(dict.fromkeys(event.order_keys, moment))
        sorted_.rest.append(event)
    return sorted_


def at_indexes(throttle: Throttle, indexes: Sequence[int]) -> Throttle:
    """Return a throttle of the events at some indexes, counted among those alone."""
    return msgspec.structs.replace(
        throttle,
        indexes=frozenset(
            new for new, old in enumerate(indexes) if old in throttle.indexes
        ),
    )


def _over_quota(field: str, message: str) -> Refusal:
    return Refusal(
        "amplitude_daily_quota",
        field,
        f"this {field} is over Amplitude's daily quota ({message}); send the record "
        f"again tomorrow",
        HTTPStatus.TOO_MANY_REQUESTS,
    )
