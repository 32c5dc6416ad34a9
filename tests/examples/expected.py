"""Counts from the sample's own files what must become of each record in them.

It knows the rules only from the pages of Nami and Amplitude and from the settings'
defaults, and shares no code with the target, the tap or what wrote the sample: where
the target's results equal these, two independent readings of the rules agree.

The records count in the order in which the tap sends them: all events, then all users;
of each the archives by name and the lines of an archive from first to last. Nothing in
the sample depends on whether a record that is filtered or rejected teaches whose its
Nami user id is.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Record: TypeAlias = dict[str, Any]

SAMPLE = Path(__file__).parents[2] / "examples" / "data"

# The events that Nami offers to Amplitude: the default of the setting `events`.
OFFERED = {
    "device.impression",
    "device.transaction",
    "user.journey.trial.converted",
    "user.journey.trial.did_not_convert",
    "user.journey.trial.started",
    "user.subscription.cancelled",
    "user.subscription.expired",
    "user.subscription.in_grace_period",
    "user.subscription.paused",
    "user.subscription.purchased",
    "user.subscription.renewal_in_grace_period",
    "user.subscription.renewed",
    "user.subscription.resumed",
}

# Amplitude's shortest id, and of the ids that it never takes the one that occurs here.
SHORTEST_ID = 5
ZERO_UUID = "00000000-0000-0000-0000-000000000000"
# What Nami's SDKs say where they know no device id.
NO_DEVICE_ID = "nami_device_id_not_set"

# The keys of an entitlement that are sent to Amplitude.
ENTITLEMENT_KEYS = (
    "entitlement_ref_id",
    "sku_ref_id",
    "expiration",
    "purchase_platform",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must become of the records; every record counts once in the first six."""

    delivered: Counter[str] = field(default_factory=Counter)
    """Events to send, by event type: what Amplitude then holds."""
    duplicate: Counter[str] = field(default_factory=Counter)
    """Second copies of these."""
    identified: Counter[str] = field(default_factory=Counter)
    """User records to send, as `$identify`."""
    unchanged: Counter[str] = field(default_factory=Counter)
    """User records that say of a user what the last record has said."""
    filtered: Counter[str] = field(default_factory=Counter)
    """Events that Amplitude is not offered, by event type."""
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records that Amplitude would refuse, by type (or `$identify`) and reason."""
    user_ids: set[str] = field(default_factory=set)
    """User IDs that Amplitude then knows."""
    anonymous_device_ids: set[str] = field(default_factory=set)
    """Devices that Amplitude knows without any user of theirs."""

    @property
    def amplitude_users(self) -> int:
        """Distinct users: those with a User ID, and each device without one."""
        return len(self.user_ids) + len(self.anonymous_device_ids)

    @property
    def read(self) -> int:
        """All records."""
        outcomes = (
            self.delivered,
            self.duplicate,
            self.identified,
            self.unchanged,
            self.filtered,
            self.rejected,
        )
        return sum(outcome.total() for outcome in outcomes)


def read_records(folder: Path = SAMPLE) -> list[Record]:
    """Read the archives of a folder in the tap's order."""
    lines: list[Record] = []
    for path in sorted(
        folder.glob("*.jsonl*"), key=lambda path: path.name.removesuffix(".gz")
    ):
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        lines += map(json.loads, text.splitlines())
    events = [record for record in lines if "event_type" in record]
    users = [record for record in lines if "event_type" not in record]
    return events + users


def external_id(record: Record) -> str | None:
    """Return the External ID that a record itself carries, numbers as text."""
    for entry in record.get("external_ids", []):
        if entry["key"] == "external_id":
            return str(entry["value"])
    return None


def device_id(record: Record) -> str | None:
    """Return a record's own device id, else that of its only device."""
    own = record.get("device_id")
    if own is None:
        devices = record.get("devices", [])
        own = devices[0]["id"] if len(devices) == 1 else None
    return None if own == NO_DEVICE_ID else own


def refusal(record: Record, ids: list[str]) -> str | None:
    """Say why Amplitude would refuse a record with these ids, or None."""
    if not ids:
        return "no id"
    if ZERO_UUID in ids:
        return "forbidden id"
    if any(len(each) < SHORTEST_ID for each in ids):
        return "short id"
    try:
        datetime.fromisoformat(record.get("created_date") or record["updated_at"])
    except ValueError:
        return "no time"
    return None


def state(record: Record) -> list[object]:
    """Return what a record says of its user's state, as it is sent to Amplitude."""
    entitlements = record["active_entitlements"]
    devices = record["devices"]
    flags = record["customer_journey_state"]
    return [
        [dict.fromkeys(e[key] for e in entitlements) for key in ENTITLEMENT_KEYS],
        dict.fromkeys(device["id"] for device in devices),
        dict.fromkeys(device["platform"]["id"] for device in devices),
        flags,
    ]


class SentState:
    """The state that was last sent for each Nami user."""

    def __init__(self) -> None:
        self._states: dict[str, list[object]] = {}
        self._times: dict[str, str] = {}

    def is_news(self, record: Record, who: str | None) -> bool:
        """Note a record's state; return whether it differs from the last one."""
        if record.get("event_type", "").startswith("device."):
            return False
        nami_user = record["user_id"]
        now: list[object] = [who, state(record)]
        is_news = now != self._states.get(nami_user)
        at = record.get("created_date") or record["updated_at"]
        if at >= self._times.get(nami_user, ""):
            self._states[nami_user] = now
            self._times[nami_user] = at
        return is_news


def expect(records: Iterable[Record]) -> Expected:
    """Return what must become of records, in this order, under the default settings."""
    expected = Expected()
    learnt: dict[str, str] = {}  # Nami user id -> External ID, from records read before
    seen: set[str] = set()
    sent_state = SentState()
    devices: set[str] = set()
    named_devices: set[str] = set()
    for record in records:
        kind = record.get("event_type", "$identify")
        if kind not in {*OFFERED, "$identify"}:
            expected.filtered[kind] += 1
            continue
        nami_user = record["user_id"]
        user = external_id(record) or learnt.get(nami_user)
        device = device_id(record)
        if user:
            learnt[nami_user] = user
        reason = refusal(record, [each for each in (user, device) if each])
        if reason:
            expected.rejected[kind, reason] += 1
            continue
        is_news = sent_state.is_news(record, user or device)
        if kind == "$identify" and not is_news:
            expected.unchanged[kind] += 1
            continue
        if user:
            expected.user_ids.add(user)
        if device:
            devices.add(device)
            if user:
                named_devices.add(device)
        if kind == "$identify":
            expected.identified[kind] += 1
            continue
        outcome = expected.duplicate if record["id"] in seen else expected.delivered
        outcome[kind] += 1
        seen.add(record["id"])
    expected.anonymous_device_ids.update(devices - named_devices)
    return expected
