"""Answers an analyst's questions about the sample from its own files, by simple code.

It shares no code with the target, the local Amplitude or its page.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.examples.expected import (
    OFFERED,
    Record,
    device_id,
    external_id,
    read_records,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAGS = (
    "former_subscriber",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
)
_PAID = {"user.journey.trial.converted", "user.subscription.purchased"}


class Sample:
    """The sample's records that reach Amplitude, and the users they have there."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Record]] = []
        """Users, each with a record of theirs: a user id, or a device without one."""
        sent: list[tuple[str | None, str | None, Record]] = []
        seen: set[str] = set()
        learnt: dict[str, str] = {}
        for record in read_records():
            is_event = "event_type" in record
            if is_event and record["event_type"] not in OFFERED:
                continue
            user, device = external_id(record), device_id(record)
            user = user or learnt.get(record["user_id"])
            if user:
                learnt[record["user_id"]] = user
            ids = [each for each in (user, device) if each]
            if refusal(record, ids) or (is_event and record["id"] in seen):
                continue
            seen.add(record.get("id", ""))
            sent.append((user, device, record))
        # What a device did before somebody logged in on it is theirs.
        users = {device: user for user, device, _ in reversed(sent) if user and device}
        for user, device, record in sent:
            whose = user or users.get(device or "") or device
            assert whose
            self.events.append((whose, record))

    def of(self, *types: str) -> Iterator[tuple[str, datetime, Record]]:
        """Yield user, time and record of the events of some types."""
        for user, event in self.events:
            if event.get("event_type") in types:
                yield user, when(event), event

    def payers(self) -> set[str]:
        """Return who converted or bought."""
        return {user for user, _, _ in self.of(*_PAID)}

    def payers_without_trial(self) -> set[str]:
        """Return which of them never started a trial."""
        return self.payers() - {u for u, _, _ in self.of("user.journey.trial.started")}

    def conversions(
        self, key: str, event_type: str = "device.impression"
    ) -> dict[str, tuple[int, int]]:
        """Return by value of a key its users, and those who paid then or later."""
        first: dict[tuple[str, str], datetime] = {}
        for user, time, event in self.of(event_type):
            value = event[key]
            first[value, user] = min(time, first.get((value, user), time))
        paid: dict[str, datetime] = {}
        for user, time, _ in self.of(*_PAID):
            paid[user] = max(time, paid.get(user, time))
        met: Counter[str] = Counter(value for value, _ in first)
        pay = Counter(
            value
            for (value, user), time in first.items()
            if user in paid and paid[user] >= time
        )
        return {value: (met[value], pay[value]) for value in met}

    def revenue(self, *, sandbox: bool) -> dict[str, tuple[int, Decimal, Decimal]]:
        """Return by currency the transactions, what was paid, and what was refunded."""
        sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        count: Counter[str] = Counter()
        for _, _, event in self.of("device.transaction"):
            if (event["purchase_env"] != "production") is not sandbox:
                continue
            amount = Decimal(str(event["amount"]))
            sums[event["currency"]][amount < 0] += amount
            count[event["currency"]] += 1
        return {each: (count[each], *sums[each]) for each in sums}  # type: ignore[misc]

    def statuses(self) -> Counter[str]:
        """Return the users by what the newest state of each says."""
        newest: dict[str, Record] = {}
        for user, record in self.events:
            if "customer_journey_state" not in record:
                continue
            if user not in newest or when(record) >= when(newest[user]):
                newest[user] = record
        return Counter(_status(record) for record in newest.values())

    def filled(self) -> dict[str, int]:
        """Return for each of Nami's user properties the user events that have it."""
        found: Counter[str] = Counter()
        for _, event in self.events:
            if event.get("event_type", "").startswith("user."):
                flags = event["customer_journey_state"]
                found.update(f"namiml_{flag}" for flag in FLAGS if flag in flags)
                if "active_entitlements" in event:
                    found.update(("namiml_active_entitlements", "namiml_active_skus"))
                if "devices" in event:
                    found.update(("namiml_device_ids", "namiml_device_platforms"))
        return dict(sorted(found.items()))

    def late(self) -> list[str]:
        """Return the types of the events with a state older than one sent before."""
        newest: dict[str, datetime] = {}
        found: list[str] = []
        for user, record in self.events:
            if "customer_journey_state" not in record:
                continue
            time = when(record)
            if time < newest.get(user, time):
                found.append(record.get("event_type", "$identify"))
            newest[user] = max(time, newest.get(user, time))
        return found


def when(record: Record) -> datetime:
    """Return the time of an event, or of a user record."""
    text = record.get("created_date") or record["updated_at"]
    return datetime.fromisoformat(text)


def _status(record: Record) -> str:
    flags = record["customer_journey_state"]
    if flags["in_grace_period"]:
        return "In grace period"
    if record["active_entitlements"]:
        if flags["in_trial_period"]:
            return "In a trial"
        return "Introductory offer" if flags["in_intro_offer_period"] else "Active"
    if flags["in_pause"]:
        return "Paused"
    return "Former subscriber" if flags["former_subscriber"] else "Not subscribed"
