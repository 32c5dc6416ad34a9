"""Fills a local Amplitude with very many events, and takes the times that matter.

Run as a program, it measures both for a file of any size:

    python -m tests.local.crowd crowd.db 1000000
"""

from __future__ import annotations

import json
import random
import sys
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from target_amplitude_nami.local.server import LocalAmplitude
from tests.local.bench import BATCH, Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = 90
FIRST_MOMENT = 1_700_006_400_000
_DAY = 86_400_000
_TYPES = {
    "device.impression": 50,
    "device.transaction": 14,
    "user.journey.trial.started": 8,
    "user.journey.trial.converted": 4,
    "user.subscription.purchased": 6,
    "user.subscription.renewed": 10,
    "user.subscription.cancelled": 5,
    "user.subscription.expired": 3,
}


def bodies(count: int, users: int, size: int = 2_000) -> Iterator[bytes]:
    """Yield requests of so many events in all, of so many users and devices."""
    dice = random.Random(1)  # noqa: S311
    for start in range(0, count, size):
        events = [
            _event(dice, number, users)
            for number in range(start, min(start + size, count))
        ]
        yield json.dumps({"api_key": "key-1", "events": events}).encode()


def _event(dice: random.Random, number: int, users: int) -> dict[str, Any]:
    user = dice.randrange(users)
    [event_type] = dice.choices(list(_TYPES), list(_TYPES.values()))
    return {
        "event_type": event_type,
        "user_id": f"user-{user:032x}",
        "device_id": f"device-{user:030x}",
        "time": FIRST_MOMENT + dice.randrange(DAYS * _DAY),
        "insert_id": f"{dice.getrandbits(128):032x}",
        "event_id": number,
        "event_properties": _PROPERTIES[event_type](dice),
        "user_properties": {
            "namiml_user_id": f"nami-{user:032x}",
            "namiml_subscription_status": dice.choice(["trial", "active", "former"]),
            "namiml_active_entitlements": ["premium"],
        },
    }


def _impression(dice: random.Random) -> dict[str, Any]:
    return {
        "developer_paywall_id": f"paywall-{dice.randrange(12)}",
        "event_platform": dice.choice(["apple", "google"]),
        "segment": f"segment-{dice.randrange(5)}",
        "app_env": "production",
    }


def _transaction(dice: random.Random) -> dict[str, Any]:
    return {
        "sku": f"com.example.{dice.choice(['weekly', 'monthly', 'yearly'])}",
        "amount": dice.choice([4.99, 9.99, 59.99, -9.99]),
        "currency": dice.choice(["EUR", "USD", "GBP"]),
        "purchase_env": dice.choice(["production"] * 9 + ["sandbox"]),
    }


def _of_user(dice: random.Random) -> dict[str, Any]:
    return {"event_platform": dice.choice(["apple", "google"])}


_PROPERTIES = dict.fromkeys(_TYPES, _of_user) | {
    "device.impression": _impression,
    "device.transaction": _transaction,
}


def fill(path: Path, count: int, users: int) -> float:
    """Fill a file; return the processor's seconds that it took, events being made."""
    bench = Bench(path, keep_bodies=False, throttling=False)
    spent = 0.0
    for body in bodies(count, users):
        start = time.process_time()
        status, _ = bench.post(body, path=BATCH)
        spent += time.process_time() - start
        bench.now += 1
        assert status == 200
    bench.store.close()
    return spent


_ORDERS = tuple(product(("last", "events", "name", "status"), ("asc", "desc")))


def paths() -> list[str]:
    """Return what the page asks for, in every shape that it has."""
    third = FIRST_MOMENT + DAYS * _DAY // 3
    span = f"from={third}&to={2 * third - FIRST_MOMENT}"
    types = "type=device.impression&type=user.subscription.expired"
    return [
        "/api/state",
        "/api/trust",
        "/api/findings",
        "/api/overview",
        f"/api/overview?{span}",
        f"/api/overview?{span}&{types}",
        "/api/events",
        f"/api/events?{span}&{types}&limit=500",
        "/api/events?type=user.subscription.expired",
        "/api/events?user=7",
        "/api/events?request=3",
        "/api/events/4711",
        "/api/users",
        *(f"/api/users?sort={key}&order={order}" for key, order in _ORDERS),
        f"/api/users?before={third}.500",
        "/api/users?sort=events&before=3.500",
        "/api/users?sort=status&before=5.500",
        "/api/users?sort=name&before=500",
        "/api/users?q=user-000000000000000000000000000001",
        "/api/users?q=no-such-name",
        "/api/users/7",
        "/api/requests",
        "/api/requests?status=refused",
        "/api/requests/3",
        "/api/requests/3/curl",
        "/api/subscriptions",
        f"/api/subscriptions?{span}",
    ]


def seconds_to_answer(path: Path, runs: int = 3) -> dict[str, float]:
    """Return the processor's seconds for each answer, the best of some runs.

    Those of the server and of who asks: what other work on the machine changes little.
    """
    times: dict[str, float] = {}
    with LocalAmplitude(path) as local, requests.Session() as session:
        session.trust_env = False
        for asked in paths():
            for _ in range(runs):
                start = time.process_time()
                answer = session.get(local.url + asked)
                spent = time.process_time() - start
                assert answer.ok, answer.text
                times[asked] = min(spent, times.get(asked, spent))
    return times


def main() -> None:
    """Fill the file that is named, unless it is there, and print the times."""
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    if not path.exists():
        spent = fill(path, count, users=count // 5)
        rate = f"{count / spent:,.0f} events per second of the processor"
        _say(f"{rate}, {path.stat().st_size / 1e6:,.0f} MB")
    for asked, spent in seconds_to_answer(path).items():
        _say(f"{spent * 1_000:8.1f} ms  {asked}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
