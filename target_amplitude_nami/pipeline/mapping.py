"""Maps a Nami record to an Amplitude event: pure functions of record and settings."""

from __future__ import annotations

import fnmatch
import functools
import typing as t

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.amplitude.event import AmplitudeEvent
from target_amplitude_nami.nami import purchase
from target_amplitude_nami.pipeline.insert_ids import hash_of, insert_id_of
from target_amplitude_nami.pipeline.user_properties import user_properties

if t.TYPE_CHECKING:
    from decimal import Decimal

    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.pipeline.identity import Identity
    from target_amplitude_nami.settings.options import MappingOptions

_Revenue: t.TypeAlias = "tuple[Decimal | None, str | None, str | None, str | None]"
"""An event's `revenue`, `currency`, `product_id` and `revenue_type`."""
_NO_REVENUE: t.Final = (None, None, None, None)


class EventMapper:
    """Maps records as the settings say."""

    def __init__(self, options: MappingOptions) -> None:
        """Take the settings that decide what an event holds."""
        self._sent_names = dict(options.sent_names)
        self._extra_user_properties = options.extra_user_properties
        self._excluded = options.exclude_properties
        self._counts_revenue = options.revenue == "transactions"
        self._is_backfill = options.backfill

    def map_event(
        self,
        event: NamiEvent,
        identity: Identity,
        state: UserState,
        *,
        is_stale: bool = False,
    ) -> AmplitudeEvent:
        """Map an event of Nami.

        `user.*` events carry the user's state as `namiml_*` user properties, the others
        never do (Nami docs, "Amplitude"); what is left of the record becomes the event
        properties.

        Args:
            event: The event.
            identity: Its user and device in Amplitude.
            state: The user's state: the event's own, or else the one that is known.
            is_stale: Whether a newer state of the user was sent before.

        Raises:
            UnreadableRecord: When it should count as revenue and its amount,
                currency or product makes no sense. Amplitude never changes an event
                that it has; a reject can be corrected.
        """
        event_type = event.event_type
        properties = event.properties
        if self._excluded:
            properties = _without(properties, self._excluded)
        amount = currency = product = revenue_type = None
        if self._counts_revenue and event_type == purchase.TRANSACTION:
            amount, currency, product, revenue_type = _revenue(event)
        return AmplitudeEvent(
            self._sent_names[event_type],
            insert_id_of(event, properties),
            identity.user_id,
            identity.device_id,
            event.time,
            properties,
            user_properties(state, event.user_id, self._extra_user_properties)
            if carries_state(event_type)
            else {},
            is_stale or self._is_backfill,
            amount,
            currency,
            product,
            revenue_type,
        )

    def map_user(self, user: NamiUser, identity: Identity) -> AmplitudeEvent | None:
        """Map a user record to a `$identify` that sets its state.

        Args:
            user: The user record.
            identity: Its user and device in Amplitude.

        Returns:
            The `$identify`; None for a record without a state.
        """
        properties = user_properties(
            user.state, user.user_id, self._extra_user_properties
        )
        if not properties:
            return None
        return AmplitudeEvent(
            event_type=IDENTIFY,
            # An update that sets something else must not pass for the same one.
            insert_id=hash_of(user, properties | {"target": identity.target}),
            user_id=identity.user_id,
            device_id=identity.device_id,
            time=user.time,
            user_properties={"$set": properties},
        )


def _revenue(event: NamiEvent) -> _Revenue:
    """Return what makes a transaction a revenue event; nothing where it is none.

    The amount goes as `revenue`, digit for digit. Nami does not say whether it is for
    one piece or for all of `quantity`: as `price`, Amplitude would multiply it (HTTP V2
    API, "Keys for the event argument"). `quantity` stays an event property.
    """
    if purchase.is_sandbox(event.properties):
        return _NO_REVENUE
    paid = purchase.purchase_of(event.properties)
    if paid is None:
        return _NO_REVENUE
    revenue_type = "Refund" if paid.amount < 0 else "Purchase"
    return paid.amount, paid.currency, paid.product, revenue_type


def _without(
    properties: dict[str, t.Any], patterns: tuple[str, ...]
) -> dict[str, t.Any]:
    return {
        name: value
        for name, value in properties.items()
        if not is_excluded(name, patterns)
    }


def carries_state(event_type: str) -> bool:
    """Return whether events of a type set user properties (Nami docs, "Amplitude")."""
    return event_type.startswith("user.")


@functools.lru_cache(maxsize=4096)
def is_excluded(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether `exclude_properties` keeps an event property from being sent."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
