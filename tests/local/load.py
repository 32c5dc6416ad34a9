"""How fast `amplitude-nami local` takes Nami's events over HTTP, and at what cost.

Run as a program, it sends so many events of so many users to a server of its own:

    python -m tests.local.load 1000000 60000

The time of the processor is the honest figure where a machine has other work to do.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import UUID

import requests

from tests.local.bench import BATCH
from tests.local.crowd import DAYS, FIRST_MOMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = 2_000
_MILLISECONDS = DAYS * 86_400_000
_DEVICE_TYPES = ("device.impression", "device.transaction")
_USER_TYPES = (
    "user.journey.trial.started",
    "user.journey.trial.converted",
    "user.subscription.purchased",
    "user.subscription.renewed",
    "user.subscription.cancelled",
    "user.subscription.expired",
)
_HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


def bodies(count: int, users: int) -> Iterator[bytes]:
    """Yield requests as the target sends them; half of the events name user state."""
    dice = random.Random(1)  # noqa: S311
    for _ in range(0, count, _SIZE):
        events = [_event(dice, dice.randrange(users)) for _ in range(_SIZE)]
        document = {"api_key": "key-1", "events": events}
        yield gzip.compress(json.dumps(document, separators=(",", ":")).encode(), 6)


def _event(dice: random.Random, user: int) -> dict[str, Any]:
    device = str(UUID(int=user << 64 | 4711))
    event = {
        "insert_id": _id(dice),
        "user_id": f"{user:08d}",
        "device_id": device,
        "time": FIRST_MOMENT + dice.randrange(_MILLISECONDS),
    }
    if dice.random() < 0.5:
        return {
            **event,
            "event_type": dice.choice(_DEVICE_TYPES),
            "event_properties": {
                "app_env": "production",
                "app_platform_id": "3f2e1d0c-9b8a-4c7d-a6e5-4d3c2b1a0f9e",
                "controller_name": "OnboardingViewController",
                "cta_type": "subscribe",
                "developer_paywall_id": "welcome",
                "event_platform": "google",
                "initiator": "user",
                "launch_id": _id(dice),
                "name": "Welcome to Radio",
                "segment": "7d0f6a52-3b1e-4f8f-a0c2-5e9d8b7a6c51",
                "session": _id(dice),
            },
        }
    paying = dice.random() < 0.4
    return {
        **event,
        "event_type": dice.choice(_USER_TYPES),
        "event_properties": {"event_platform": "apple", "product": "premium_monthly"},
        "user_properties": {
            "namiml_active_entitlements": ["premium"] if paying else [],
            "namiml_active_skus": ["radio_weekly"] if paying else [],
            "namiml_device_ids": [device],
            "namiml_device_platforms": ["3f2e1d0c-9b8a-4c7d-a6e5-4d3c2b1a0f9e"],
            "namiml_former_subscriber": dice.random() < 0.3,
            "namiml_in_grace_period": False,
            "namiml_in_intro_offer_period": False,
            "namiml_in_trial_period": paying,
        },
    }


def _id(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128)))


def measure(file: Path, count: int, users: int) -> tuple[float, float]:
    """Return the seconds it took, and those that the server had of the processor."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = str(Path(sys.executable).with_name("amplitude-nami"))
    server = subprocess.Popen(
        [command, "local", str(file), "--new", "--port", str(port)],
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    spent = 0.0
    with requests.Session() as session:
        session.trust_env = False
        _wait_for(session, url)
        for body in bodies(count, users):
            start = time.perf_counter()
            answer = session.post(url + BATCH, data=body, headers=_HEADERS)
            spent += time.perf_counter() - start
            assert answer.ok, answer.text
    server.send_signal(signal.SIGINT)
    _, _, usage = os.wait4(server.pid, 0)
    return spent, usage.ru_utime + usage.ru_stime


def _wait_for(session: requests.Session, url: str) -> None:
    while True:
        try:
            session.get(url + "/api/state")
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return


def main() -> None:
    """Measure with as many events and users as are asked for, and print the figures."""
    count, users = int(sys.argv[1]), int(sys.argv[2])
    with TemporaryDirectory() as folder:
        seconds, processor = measure(Path(folder) / "load.db", count, users)
    sys.stdout.write(
        f"{count / seconds:,.0f} events/s;"
        f" {processor * 1e6 / count:.1f} s of the processor per 1,000,000 events\n",
    )


if __name__ == "__main__":
    main()
