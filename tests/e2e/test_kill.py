"""Kill -9 at any moment: what STATE covers is safe, and all the rest comes again."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.run_target import API_KEY
from tests.support.story import about, as_of, at, change
from tests.support.zygote import Running, Zygote

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import RunHarness

KILLS_PER_SEED = 25
MOST_SECONDS_TO_LIVE = 0.45
RECORDS = 1_500
RECORDS_PER_STATE = 7
USERS = 61
RECORDS_PER_BAD_ONE = 50
LOGINS = 120
SETTINGS = {
    "api_key": API_KEY,
    "batch_size_rows": 20,
    "parallel_requests": 4,
    "batch_wait_seconds": 1,
}


@dataclass(frozen=True)
class Stream:
    """A stream that can be replayed from any position on, as a tap does."""

    number: int

    @property
    def bad(self) -> set[str]:
        """The ids of the records that must be rejected."""
        return {self._id(n) for n in range(0, RECORDS, RECORDS_PER_BAD_ONE)}

    @property
    def good(self) -> set[str]:
        """The ids of the records that must be delivered."""
        return self.before(RECORDS) - self.bad

    def before(self, position: int) -> set[str]:
        """Return the ids of the records that a STATE of this position covers."""
        return {self._id(n) for n in range(position)}

    def after(self, position: int) -> bytes:
        """Return what the tap writes when it starts at this position."""
        lines = [singer.schema("events")]
        for n in range(position, RECORDS):
            lines.append(singer.record("events", self._record(n)))
            if (n + 1) % RECORDS_PER_STATE == 0:
                lines.append(singer.state({"position": n + 1}))
        return b"".join([*lines, singer.state({"position": RECORDS})])

    def _id(self, n: int) -> str:
        return nami.event_id(self.number * RECORDS + n)

    def _record(self, n: int) -> dict[str, object]:
        device = nami.device_id(n % USERS) if n % RECORDS_PER_BAD_ONE else "tiny"
        return nami.impression(n, id=self._id(n), device_id=device)


def _troubles(seed: int, *, refuses: bool) -> Faults:
    """Return how the server misbehaves; a refusal may make a reject of a good event."""

    def sometimes(probability: float, do: Do) -> Fault:
        return Fault(do=do, when=When(probability=probability, seed=seed))

    refusals = (
        sometimes(0.05, Do(status=400, raw="<html>bad</html>")),
        sometimes(0.02, Do(status=413, json={"code": 413})),
    )
    return Faults(
        (
            sometimes(0.05, Do(reset="before")),
            sometimes(0.05, Do(reset="after")),
            sometimes(0.05, Do(cut=True)),
            sometimes(0.05, Do(status=503, raw="<html>busy</html>")),
            *(refusals if refuses else ()),
            sometimes(0.5, Do(delay=0.03)),
        )
    )


def _start(zygote: Zygote, folder: Path, local: LocalAmplitude, text: bytes) -> Running:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "input").write_bytes(text)
    descriptor = os.open(folder / "input", os.O_RDONLY)
    try:
        settings = SETTINGS | {"endpoint": local.endpoint("http_v2")}
        return zygote.run(folder, settings, descriptor)
    finally:
        os.close(descriptor)


def _delivered(local: LocalAmplitude) -> list[str]:
    return [event.sent["insert_id"] for event in local.events()]


def _rejected(folder: Path) -> set[str]:
    """Return the ids in the rejects file; the last line may be half a one."""
    path = folder / "output" / "rejects.singer"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    records = [_record_in(line) for line in lines]
    return {str(record["id"]) for record in records if record is not None}


def _record_in(line: bytes) -> dict[str, object] | None:
    try:
        record: dict[str, object] | None = json.loads(line).get("record")
    except ValueError:
        return None  # half a line, completed by the run that came next
    return record


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))]
)
def test_kill_9_at_any_moment_neither_loses_nor_duplicates(
    seed: int, tmp_path: Path
) -> None:
    refuses = seed % 2 == 1
    dice = random.Random(seed)  # noqa: S311
    kills = 0
    number = 0
    with Zygote() as zygote:
        while kills < KILLS_PER_SEED:
            stream, folder = Stream(number), tmp_path / str(number)
            with LocalAmplitude(
                folder / "amplitude.db", faults=_troubles(seed, refuses=refuses)
            ) as local:
                position = 0
                while kills < KILLS_PER_SEED:
                    run = _start(zygote, folder, local, stream.after(position))
                    code = run.wait(dice.uniform(0, MOST_SECONDS_TO_LIVE))
                    if code is None:
                        run.kill(signal.SIGKILL)
                        code = run.wait(10)
                    position = _position(run, position)
                    settled = {*_delivered(local), *_rejected(folder)}
                    assert stream.before(position) <= settled, f"seed {seed}"
                    if code == 0:
                        break
                    assert code == -signal.SIGKILL, run.log
                    kills += 1
                local.set_faults(Faults())
                last = _start(zygote, folder, local, stream.after(position))
                assert last.wait(60) == 0, last.log
                assert last.states[-1] == {"position": RECORDS}
                delivered = _delivered(local)
                assert len(delivered) == len(set(delivered))
                assert set(delivered) | _rejected(folder) == stream.before(RECORDS)
                assert not stream.bad & set(delivered)
                if not refuses:
                    assert set(delivered) == stream.good
            number += 1


def _position(run: Running, before: int) -> int:
    states = run.stdout.splitlines(keepends=True)
    whole = [json.loads(line)["position"] for line in states if line.endswith("\n")]
    assert whole == sorted(whole)
    newest: int = max([before, *whole])
    return newest


# With a memory, and users who log in meanwhile


def _wait_for_what_is_on_its_way(local: LocalAmplitude) -> None:
    """Wait until the server has done what a killed client has sent.

    What came later than the requests of the next run might set older state: no client
    could tell. A busy server may not even have accepted the connection yet, but it does
    so in the order in which clients connect: once it has answered another one, it knows
    of all that were killed before.
    """
    with urlopen(local.url):  # noqa: S310
        pass
    state = local._server.server_state
    for _ in range(3_000):
        if not (state.connections or state.tasks):
            return
        threading.Event().wait(0.01)
    raise AssertionError("a killed client is still connected")


@dataclass(frozen=True)
class Logins:
    """Users whose records come in any order, with one that names them among the rest.

    It can be replayed from any position on.
    """

    records: list[dict[str, object]]
    newest: dict[int, str]
    """Each user's SKU at the end."""

    @classmethod
    def shuffled(cls, dice: random.Random) -> Logins:
        """Return a new order of records, with times in another one."""
        records: list[dict[str, object]] = []
        newest: dict[int, str] = {}
        for user in range(LOGINS):
            first = user * 100
            days = dice.sample(range(1, 28), 4)
            story = [
                *(nami.impression(first + n, created_date=at(n)) for n in range(1, 9)),
                change(first + 10, days[0], f"sku-{days[0]}", external_ids=[]),
                change(first + 11, days[1], f"sku-{days[1]}"),
                as_of(days[2], f"sku-{days[2]}", external_ids=[]),
                as_of(days[3], f"sku-{days[3]}"),
            ]
            records += [about(user, record) for record in story]
            newest[user] = f"sku-{max(days)}"
        dice.shuffle(records)
        return cls(records, newest)

    @property
    def ids(self) -> list[str]:
        """The ids of the events, sorted."""
        return sorted(str(r["id"]) for r in self.records if "event_type" in r)

    def after(self, position: int) -> list[bytes]:
        """Return what the tap writes when it starts at this position."""
        lines = [singer.schema("events"), singer.schema("users")]
        for n, record in enumerate(self.records[position:], position + 1):
            stream = "events" if "event_type" in record else "users"
            lines.append(singer.record(stream, record))
            if n % RECORDS_PER_STATE == 0 or n == len(self.records):
                lines.append(singer.state({"position": n}))
        return lines


@pytest.mark.parametrize("policy", ["hold", "device"])
def test_kill_9_with_a_memory_neither_loses_nor_repeats_nor_misnames(
    harness: RunHarness, policy: str
) -> None:
    dice = random.Random(policy)  # noqa: S311
    stream = Logins.shuffled(dice)
    harness.settings |= SETTINGS | {"anonymous_users": policy}
    harness.local.set_faults(_troubles(7, refuses=False))
    position, kills = 0, 0
    while kills < KILLS_PER_SEED:
        run = harness.start(stream.after(position))
        code = run.wait(dice.uniform(0.05, MOST_SECONDS_TO_LIVE / 2))
        if code is None:
            run.kill(signal.SIGKILL)
            code = run.wait(10)
            _wait_for_what_is_on_its_way(harness.local)
        assert code in {0, -signal.SIGKILL}, run.log
        position = _position(run, position)
        if code == 0:
            break
        kills += 1
    harness.local.set_faults(Faults())
    last = harness.run_messages(stream.after(position))
    assert last.report["waiting"] == 0
    assert sorted(harness.ids) == stream.ids
    assert {user: harness.skus(user) for user in stream.newest} == {
        user: [sku] for user, sku in stream.newest.items()
    }
    if policy == "hold":
        names = {
            event.sent["device_id"]: event.sent["user_id"] for event in harness.events
        }
        assert names == {
            nami.device_id(user): nami.external_id(user) for user in range(LOGINS)
        }
