"""Maps a Nami record to an Amplitude event: pure functions of record and settings."""

from __future__ import annotations

import fnmatch
import functools
import typing as t

import msgspec

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.amplitude.event import AmplitudeEvent, target_of
from target_amplitude_nami.nami import purchase
from target_amplitude_nami.pipeline.insert_ids import hash_of, insert_id_of
from target_amplitude_nami.pipeline.user_properties import user_properties

if t.TYPE_CHECKING:
    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.pipeline.identity import Identity
    from target_amplitude_nami.settings.options import MappingOptions


class _EventType(t.NamedTuple):
    """What the settings make of the events of one type."""

    name: str
    """Under which they are sent."""
    carries_state: bool
    may_count_revenue: bool


class EventMapper:
    """Maps records as the settings say."""

    def __init__(self, options: MappingOptions) -> None:
        """Take the settings that decide what an event holds."""
        counts_revenue = options.revenue == "transactions"
        self._types = {
            event_type: _EventType(
                name,
                carries_state(event_type),
                counts_revenue and event_type == purchase.TRANSACTION,
            )
            for event_type, name in options.sent_names
        }
        self._extra_user_properties = options.extra_user_properties
        self._excluded = options.exclude_properties
        self._is_backfill = options.backfill
        self._joins_devices = (
            options.anonymous_users == "device" and options.user_source == "external_id"
        )
        """Whether users are devices first, which Amplitude joins to them later."""

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
        name, sets_state, may_count_revenue = self._types[event.event_type]
        properties = event.properties
        if self._excluded:
            properties = _without(properties, self._excluded)
        mapped = AmplitudeEvent(
            name,
            insert_id_of(event, properties),
            identity.user_id,
            identity.device_id,
            event.time,
            properties,
            user_properties(state, event.user_id, self._extra_user_properties)
            if sets_state
            else {},
            is_stale or self._is_backfill,
        )
        return _with_revenue(mapped, event) if may_count_revenue else mapped

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
            insert_id=hash_of(
                user, properties | {"target": self._first_target(user, identity)}
            ),
            user_id=identity.user_id,
            device_id=identity.device_id,
            time=user.time,
            user_properties={"$set": properties},
        )

    def _first_target(self, user: NamiUser, identity: Identity) -> str:
        """Return whose properties a record sets if nothing was known before it.

        A run that crashed may have sent it to the device alone, what came after it to
        the user, and remember nothing but the user's name. When both come again, this
        one must be as much of a duplicate to Amplitude as the newer ones: else it would
        set an old state that nothing puts right. Amplitude knows an event by its device
        and insert id, whoever its user is.

        Without a time a record holds from now on, whatever was sent before.
        """
        device_id = identity.device_id
        names_device_alone = user.external_id is None and device_id is not None
        if self._joins_devices and names_device_alone and user.time is not None:
            return target_of(None, device_id)
        return identity.target


def _with_revenue(mapped: AmplitudeEvent, event: NamiEvent) -> AmplitudeEvent:
    """Return a transaction as a revenue event; as it was, where it is none.

    The amount goes as `revenue`, digit for digit. Nami does not say whether it is for
    one piece or for all of `quantity`: as `price`, Amplitude would multiply it (HTTP V2
    API, "Keys for the event argument"). `quantity` stays an event property.
    """
    if purchase.is_sandbox(event.properties):
        return mapped
    paid = purchase.purchase_of(event.properties)
    if paid is None:
        return mapped
    return msgspec.structs.replace(
        mapped,
        revenue=paid.amount,
        currency=paid.currency,
        product_id=paid.product,
        revenue_type="Refund" if paid.amount < 0 else "Purchase",
    )


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
