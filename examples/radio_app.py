"""The users of a made-up radio app: 90 days of their lives as Nami records."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

Record: TypeAlias = dict[str, Any]

APP: Record = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
END = FIRST_DAY + timedelta(days=90)
WEEK = timedelta(weeks=1)
LISTENERS = 435


def stamp(moment: datetime) -> str:
    """Write a moment with microseconds and an offset, as webhooks do."""
    return moment.isoformat(timespec="microseconds")


def seconds(moment: datetime) -> str:
    """Write a moment in whole seconds with a `Z`, as stores do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Listener:
    """One user of the app, whose 90 days make the records.

    `deliveries` collects what Nami sends of it, each record with its time of delivery.
    """

    def __init__(
        self, chance: Random, deliveries: list[tuple[datetime, Record]]
    ) -> None:
        self.chance = chance
        self.deliveries = deliveries
        self.agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self.turn = count()
        self.user_id = self.uuid()
        self.external_id: Record | None = None
        self.devices: list[Record] = []
        self.locale = chance.choice(list(APP["locales"]))
        self.sandbox = self.happens(0.03)
        self.store = chance.choice(("apple", "apple", "google"))
        self.product: Record | None = None
        self.transaction = ""
        self.had_trial = False
        self.flags = dict.fromkeys(APP["flags"], False)
        self.expires = self.updated = FIRST_DAY

    def live(self) -> None:
        """Join on some day, then do one thing after the other until the end."""
        joined = FIRST_DAY + timedelta(days=86 * self.chance.random() ** 1.4)
        self.add_device(joined)
        self.visit(joined)
        for _ in range(self.chance.randrange(4)):
            self.plan(joined, self.visit, 0.5, 40)
        if self.happens(0.6):
            self.plan(joined, self.log_in, 0, 1)
        elif self.happens(0.55):  # First seen without a name, for days or weeks.
            self.plan(joined, self.log_in, 3, 40)
        while self.agenda:
            moment, _, action = heappop(self.agenda)
            if moment < END:
                action(moment)

    def plan(
        self,
        now: datetime,
        action: Callable[[datetime], None],
        least: float,
        most: float,
    ) -> None:
        """Plan an action for a moment between two numbers of days from now."""
        moment = now + timedelta(days=self.chance.uniform(least, most))
        heappush(self.agenda, (moment, next(self.turn), action))

    # What the user does.

    def add_device(self, now: datetime) -> None:
        """Get a phone, or one more."""
        self.updated = now
        kind = self.chance.choice(("apple", "google")) if self.devices else self.store
        self.devices.append({"id": self.uuid(), "platform": APP["platforms"][kind]})

    def log_in(self, now: datetime) -> None:
        """Become known by an External ID, which also lets devices be linked."""
        kind = self.chance.choices(("uuid", "sha256", "numeric"), (55, 30, 15))[0]
        number = self.chance.randrange(10**7, 10**8)
        values: dict[str, str | int] = {
            "uuid": self.uuid(),
            "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
            "numeric": number if number % 3 == 0 else str(number),
        }
        self.external_id = {"key": "external_id", "type": kind, "value": values[kind]}
        self.updated = now
        if self.happens(0.25):
            self.plan(now, self.add_device, 1, 30)

    def visit(self, now: datetime) -> None:
        """Open the app, see a paywall, perhaps buy."""
        device = self.chance.choice(self.devices)
        session = {"app_env": self.environment(), "session": self.uuid()}
        if self.happens(0.05):
            times = {"start_time": seconds(now)}
            self.send("device.session.start", now, session | times)
            end = now + timedelta(minutes=self.chance.uniform(2, 40))
            times["end_time"] = seconds(end)
            self.send("device.session.end", end, session | times)
        now += timedelta(seconds=self.chance.uniform(1, 60))
        fields = {
            "event_platform": device["platform"]["platform_type"],
            **session,
            "app_platform_id": device["platform"]["id"],
            **self.chance.choice(APP["paywalls"]),
            "cta_type": "subscribe",
            "initiator": self.chance.choice(("nami_rules", "nami_ml", "user")),
            "device_id": device["id"],
            "segment": self.chance.choice(APP["segments"]),
            "launch_id": self.uuid(),
        }
        if self.external_id:
            fields["external_ids"] = [self.external_id]
        impression = self.send("device.impression", now, fields)
        if self.product is None and self.happens(0.42):
            now += timedelta(seconds=self.chance.uniform(20, 90))
            self.buy(now, device, impression)

    def buy(self, now: datetime, device: Record, impression: str) -> None:
        """Buy a product on a device: for a trial first, or at once."""
        shares = [product["share"] for product in APP["products"]]
        product = self.chance.choices(APP["products"], shares)[0]
        currency = APP["locales"][self.locale]
        self.product, self.store = product, device["platform"]["platform_type"]
        self.transaction = self.store_number()
        fields = {
            "app_env": self.environment(),
            "purchase_env": "sandbox" if self.sandbox else "production",
            "source": self.chance.choice(("user_initiated", "nami_triggered")),
            "original_transaction_id": self.transaction,
            "impression_id": impression,
            "locale": f"{self.locale}@currency={currency}",
            "subscription_interval": product["interval"],
            "subscription_interval_count": 1,
            "transaction_id": self.store_number(),
            "sku": product["sku"],
            "amount": product["amount"],
            "currency": currency,
            "quantity": "1",
            "localized_description": f"1 {product['interval']} of Radio",
            "purchase_date": seconds(now),
            "original_purchase_date": seconds(now),
            "device_id": device["id"],
        }
        self.send("device.transaction", now, fields)
        now += timedelta(seconds=self.chance.uniform(1, 8))
        self.flags["former_subscriber"] = False
        if not self.had_trial and self.happens(0.6):
            self.had_trial = self.flags["in_trial_period"] = True
            self.open_term("user.journey.trial.started", now, 7, self.end_trial, 0.35)
        else:
            self.flags["in_intro_offer_period"] = self.happens(0.25)
            self.pay("user.subscription.purchased", now)

    # What the store does.

    def pay(self, event_type: str, now: datetime) -> None:
        """Begin a paid term."""
        days = self.product["days"] if self.product else 0
        self.open_term(event_type, now, days, self.end_term, 0.16)

    def open_term(
        self,
        event_type: str,
        now: datetime,
        days: int,
        end: Callable[[datetime], None],
        cancel_probability: float,
    ) -> None:
        """Give access for some days, in which the user may cancel."""
        self.expires = now + timedelta(days=days)
        self.tell(event_type, now)
        self.plan(now, end, days, days)
        if self.happens(cancel_probability):
            self.plan(now, self.cancel, 0.1, days * 0.9)

    def cancel(self, now: datetime) -> None:
        """Switch off renewal; the access stays until the term ends."""
        self.flags["is_cancelled"] = True
        self.tell("user.subscription.cancelled", now)

    def end_trial(self, now: datetime) -> None:
        """Turn the trial into the first paid term, or into nothing."""
        self.flags["in_trial_period"] = False
        if self.flags["is_cancelled"] or self.happens(0.12):
            self.lose("user.journey.trial.did_not_convert", now)
        else:
            self.pay("user.journey.trial.converted", now)

    def end_term(self, now: datetime) -> None:
        """Let the term expire, fail, pause or be renewed."""
        self.flags["in_intro_offer_period"] = False
        if self.flags["is_cancelled"]:
            self.expire(now)
        elif self.happens(0.14):
            self.flags["in_grace_period"] = True
            self.expires = now + timedelta(days=6)
            self.tell("user.subscription.in_grace_period", now)
            if self.happens(0.65):
                self.plan(now, self.recover, 0.2, 5.5)
            else:
                self.plan(now, self.expire, 6, 6)
        elif self.store == "google" and self.happens(0.23):
            self.flags["in_pause"] = True
            self.tell("user.subscription.paused", now)
            self.plan(now, self.resume, 7, 21)
        else:
            self.pay("user.subscription.renewed", now)

    def recover(self, now: datetime) -> None:
        """Take the payment that failed before."""
        self.flags["in_grace_period"] = False
        self.pay("user.subscription.renewal_in_grace_period", now)

    def resume(self, now: datetime) -> None:
        """Go on after a pause."""
        self.flags["in_pause"] = False
        self.pay("user.subscription.resumed", now)

    def expire(self, now: datetime) -> None:
        """Revoke the access of a user who has paid before."""
        self.flags |= {"in_grace_period": False, "former_subscriber": True}
        self.lose("user.subscription.expired", now)

    def lose(self, event_type: str, now: datetime) -> None:
        """End the access; some come back and buy again."""
        self.product = None
        self.flags["is_cancelled"] = False
        self.tell(event_type, now)
        if self.happens(0.6):
            self.plan(now, self.visit, 2, 25)

    # What Nami sends.

    def tell(self, event_type: str, now: datetime) -> None:
        """Send a `user.*` event, which holds the user's state."""
        self.updated = now
        self.send(event_type, now, {"event_platform": self.store, **self.state()})
        if self.happens(0.06):
            fields = {
                "collapse_key": f"{self.store}-{self.transaction}",
                "expires_at": seconds(self.expires),
                "is_active": bool(self.state()["active_entitlements"]),
                "is_free_trial_conversion": event_type.endswith("trial.converted"),
            }
            self.send("purchase.updated", now + timedelta(minutes=2), fields)

    def state(self) -> Record:
        """Return what Nami knows of the user."""
        products = [self.product] if self.product and not self.flags["in_pause"] else []
        ids = []
        if self.transaction:
            kind = "original_transaction_id"
            ids.append({"key": kind, "type": kind, "value": self.transaction})
        if self.external_id:
            ids.append(self.external_id)
        active = [
            {
                "entitlement_ref_id": name,
                "sku_ref_id": product["sku"],
                **APP["entitlements"][name],
                "expiration": seconds(self.expires),
                "last_verified": stamp(self.updated).replace("+00:00", "Z"),
                "purchase_platform": self.store,
            }
            for product in products
            for name in product["entitlements"]
        ]
        return {
            "active_entitlements": active,
            "customer_journey_state": dict(self.flags),
            "devices": list(self.devices),
            "external_ids": ids,
        }

    def snapshot(self) -> Record:
        """Return the user record."""
        updated = {"updated_at": stamp(self.updated)}
        return {"user_id": self.user_id, **self.state(), **updated}

    def send(self, event_type: str, now: datetime, fields: Record) -> str:
        """Have an event delivered: mostly at once, now and then late or twice."""
        device = event_type == "device.transaction"
        record = {
            "id": self.uuid(),
            "event_type": event_type,
            "user_id": self.user_id,
            "created_date": seconds(now) if device else stamp(now),
            **fields,
        }
        self.deliver(now, record)
        # A copy read after its user became known would carry other ids than the first.
        named = self.external_id in fields.get("external_ids", ())
        if named and self.happens(0.006):
            self.deliver(now + timedelta(minutes=1), record)
        return str(record["id"])

    def deliver(self, now: datetime, record: Record) -> None:
        """Note a delivery after seconds, hours (after retries) or days."""
        most = self.chance.choices((6, 3 * 3600, 2 * 86400), (93, 5, 2))[0]
        delay = timedelta(seconds=self.chance.uniform(1, most))
        self.deliveries.append((now + delay, record))

    def happens(self, likely: float) -> bool:
        """Throw the dice."""
        return self.chance.random() < likely

    def environment(self) -> str:
        """Return where the app runs."""
        return "beta_testing" if self.sandbox else "production"

    def store_number(self) -> str:
        """Draw a transaction id of the user's store."""
        number = self.chance.randrange(10**15, 10**16)
        return f"GPA.{number}" if self.store == "google" else str(number)

    def uuid(self) -> str:
        """Draw an id."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))


def archives() -> dict[str, list[Record]]:
    """Make the records of each archive: a week of webhooks, or the users."""
    chance = Random("radio app")  # noqa: S311 - no secret is drawn
    deliveries: list[tuple[datetime, Record]] = []
    listeners = [Listener(chance, deliveries) for _ in range(LISTENERS)]
    for listener in listeners:
        listener.live()
    made: dict[str, list[Record]] = {}
    for moment, record in sorted(deliveries, key=lambda delivery: delivery[0]):
        monday = FIRST_DAY + min(moment - FIRST_DAY, 12 * WEEK) // WEEK * WEEK
        made.setdefault(f"webhooks-{monday:%Y-%m-%d}.jsonl.gz", []).append(record)
    snapshots = (listener.snapshot() for listener in listeners)
    made["users.jsonl.gz"] = sorted(snapshots, key=lambda user: user["updated_at"])
    return made
