"""The endless input of the soak test, and the faults and settings that it meets."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import random
import threading
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.model import project_of
from tests.support import nami, singer
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

SANDBOX_KEY = "fedcba9876543210fedcba9876543210"
_BEGIN = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
RENAMED, SILENCED, _ANONYMOUS, _USERS = 40, 45, 100, 600
_RECORDS_PER_STATE = 50
_LOGIN_EVERY = 400
_ALTERED = 0.04
"""So many records have the id of one before them."""
Key = tuple[str, str, str]
"""An event as Amplitude knows it: project, insert id, device."""


@dataclasses.dataclass(frozen=True)
class Tap:
    """An endless input that can be read from any position on."""

    seed: int

    def record(self, n: int) -> dict[str, Any]:
        """Return the record of a position: new, or one whose id was there before."""
        chance = self._chance(n)
        if chance >= _ALTERED:
            return self._new(n)
        first = max(0, n - 1 - int(chance * 1e6) % 60)
        while first and self._chance(first) < _ALTERED:
            first -= 1
        old, new = self._new(first), self._new(n)
        if chance < _ALTERED / 2:  # a copy
            return old
        if chance < _ALTERED * 3 / 4:  # Amplitude keeps one of the two
            new["device_id"] = old["device_id"]
        return new | {"id": old["id"]}

    def _chance(self, n: int) -> float:
        return random.Random(self.seed << 40 | n).random()  # noqa: S311

    def _new(self, n: int) -> dict[str, Any]:
        dice = random.Random(self.seed << 41 | n)  # noqa: S311
        is_of_busy = n // 500 % 9 == 4 and dice.random() < 0.5
        user = _USERS if is_of_busy else dice.randrange(_USERS)
        name: int | None = user
        if user < RENAMED:  # names go from one to the next
            name = (user + n // 700) % RENAMED
        elif SILENCED <= user < _ANONYMOUS:
            user += 1000 + n // _LOGIN_EVERY * _USERS
            name = user if n % _LOGIN_EVERY >= _LOGIN_EVERY // 2 else None
        more: dict[str, Any] = {}
        if dice.random() < 0.15:
            more["purchase_env"] = "sandbox"
        if n % 701 == 5:
            more["notes"] = ["x" * 1000] * 500
        if n % 5003 == 7:
            more["note"] = "y" * 5_000_000
        return self._of(n, user, name) | more

    def _of(self, n: int, user: int, name: int | None) -> dict[str, Any]:
        return nami.impression(
            user,
            id=nami.event_id(n),
            created_date=(_BEGIN + dt.timedelta(seconds=n)).isoformat(),
            sequence=n,
            external_id=None if name is None else f"name-of-{nami.identifier(2, name)}",
        )

    def lines(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield what the tap writes from one position to another."""
        yield singer.schema("events")
        for n in range(begin, end):
            yield singer.record("events", self.record(n))
            if (n + 1) % _RECORDS_PER_STATE == 0:
                yield singer.state({"position": n + 1})

    def logins(self, end: int) -> list[dict[str, Any]]:
        """Return records that come last and name all who have been anonymous."""
        records = map(self.record, range(end))
        users = {each["user_id"]: each for each in records if "external_id" not in each}
        return [
            each
            | {"id": nami.event_id(n), "sequence": n, "external_id": f"name-of-{user}"}
            for n, (user, each) in enumerate(users.items(), end)
        ]


def key_of(record: dict[str, Any]) -> Key:
    """Return how Amplitude knows a record's event."""
    project = SANDBOX_KEY if record.get("purchase_env") == "sandbox" else API_KEY
    return project_of(project), record["id"], record["device_id"]


def some_faults(dice: random.Random) -> Faults:
    """Return how the server misbehaves for some seconds."""

    def sometimes(probability: float, do: Do, times: int | None = None) -> Fault:
        when = When(probability=probability, seed=dice.randrange(1 << 30))
        return Fault(do=do, when=when, times=times)

    def slow_down(**named: Any) -> Do:
        body = {"code": 429, "error": "Too many requests for some devices and users"}
        return Do(status=429, json=body | named)

    user = dice.randrange(_USERS)
    name, device = f"name-of-{nami.identifier(2, user)}", nami.device_id(user)
    of_user = When(user_id=name)
    wrong = {"code": 400, "error": "Invalid"}
    choices = [
        sometimes(0.1, Do(reset="before")),
        sometimes(0.1, Do(reset="after")),
        sometimes(0.1, Do(cut=True)),
        sometimes(0.2, Do(status=500)),
        sometimes(0.2, Do(status=503, raw="<html>busy</html>")),
        sometimes(0.5, Do(delay=dice.uniform(0.02, 0.4))),
        sometimes(0.1, Do(delay=3)),  # longer than the target waits
        sometimes(0.1, Do(delay=3, reset="after")),
        sometimes(0.3, Do(read_rate=300_000), times=2),
        sometimes(0.03, Do(status=400, raw="<html>bad</html>")),
        sometimes(0.05, Do(status=413, json={"code": 413})),
        sometimes(
            0.02,
            Do(status=400, json=wrong | {"events_with_invalid_fields": {"t": [0]}}),
        ),
        sometimes(
            0.05,
            Do(
                status=400,
                json=wrong | {"events_with_missing_fields": {"t": [1 << 20]}},
            ),
        ),
        sometimes(0.02, Do(status=429, json={"code": 429}), times=1),
        sometimes(0.05, slow_down(throttled_events=[0, 1]), times=2),
        Fault(do=slow_down(throttled_users={name: 31}), when=of_user, times=2),
        Fault(do=slow_down(throttled_devices={device: 31}), when=of_user, times=2),
        Fault(do=slow_down(throttled_users={name: 31}), when=of_user),
    ]
    return Faults(tuple(dice.sample(choices, dice.randrange(9))))


def some_settings(dice: random.Random) -> dict[str, object]:
    """Return settings of one run; none of them may matter."""
    most = dice.choice([None, None, None, 500])
    return {
        "api": dice.choice(["http_v2", "http_v2", "batch"]),
        "parallel_requests": dice.choice([1, 4, 4, 16, 32]),
        "batch_size_rows": dice.choice([3, 50, 500, 2000]),
        "batch_wait_seconds": dice.choice([1, 5]),
        "shutdown_grace": dice.choice([1, 5, 20]),
        "compression": dice.choice(["auto", "gzip", "none"]),
    } | ({} if most is None else {"max_events_per_second": most})


class Feed(threading.Thread):
    """Writes lines into a pipe until there are no more, or nobody who reads them."""

    def __init__(self, writer: int, lines: Iterator[bytes], pause: float) -> None:
        """Take the pipe, which it closes."""
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.stays_open = False
        self._writer = writer
        self._lines = lines
        self._pause = pause

    def run(self) -> None:
        """Write."""
        with (
            contextlib.suppress(BrokenPipeError),
            os.fdopen(self._writer, "wb") as pipe,
        ):
            for number, line in enumerate(self._lines):
                pipe.write(line)
                if number % 200 == 0:
                    pipe.flush()
                    self.stop.wait(self._pause)
            pipe.flush()
            while self.stays_open and not self.stop.wait(1):
                pass
