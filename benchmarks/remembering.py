"""How fast the store is by itself, with a memory file: no reading, no sending.

Each record has its user and what was sent of that user looked up and put anew, and its
event noted as delivered, from a second thread, as a lane does.
"""

from __future__ import annotations

import gc
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec

from benchmarks.results import Goal, Result, Row, say
from benchmarks.running import scratch
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.outcomes import SentEvent, dedup_key
from target_amplitude_nami.singer import interpreter
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID
from target_amplitude_nami.store.profiles import SentState, properties_hash
from target_amplitude_nami.store.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measuring import Workshop

_USERS: Final = (10_000, 50_000, 1_000_000)
_AT_ONCE: Final = 200
_A_REQUEST: Final = 1_200
_RECORDS_A_STATE: Final = 10_000
_FIRST_MS: Final = 1_780_000_000_000
_STEP_MS: Final = 15_000
_STATE: Final = UserState(
    active_entitlements=["premium"],
    active_skus=["radio_monthly"],
    device_platforms=["9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"],
    former_subscriber=False,
    in_grace_period=False,
    in_trial_period=False,
    in_intro_offer_period=False,
    in_account_hold=False,
    in_pause=False,
    is_cancelled=False,
    entitlement_expirations=["2026-06-29T00:57:05Z"],
    purchase_platforms=["apple"],
)


@dataclass(frozen=True, slots=True)
class _Step:
    """What the store hears of one record."""

    user: str
    external_id: str
    device: str
    state: UserState
    time: int
    event: SentEvent


def measure(shop: Workshop) -> Result:
    """Measure a first run over many records, and another one over the same users."""
    count = shop.sized(300_000, 10_000)
    interpreter.hand_over_soon()  # as the command has it
    rows: list[Row] = []
    data: list[dict[str, Any]] = []
    for users in _USERS:
        with scratch(shop.folder) as folder:
            for run in ("new", "known"):
                steps = list(_steps(count, users, seed=run))
                gc.freeze()  # They are no part of what is measured.
                memory = SqliteStore(folder / "memory.db", 90, projects={"main": "one"})
                memory.open()
                per_second = count / _seconds(memory, steps)
                memory.close()
                gc.unfreeze()
                say(f"  {users:9,} users, {run:5} {per_second:9,.0f} records/s")
                name = f"memory alone, with a file, {users:,} {run} users"
                rows.append(Row(name, per_second, " records/s", Goal("≥", 50_000)))
                data.append({"users": users, "run": run, "per_second": per_second})
    return Result(
        "remembering",
        f"{count:,} records of users at random, a STATE every {_RECORDS_A_STATE:,}, in "
        f"a memory file that is new, and in the same again.",
        rows,
        {"runs": data},
    )


def _seconds(memory: SqliteStore, steps: Sequence[_Step]) -> float:
    requests: queue.Queue[list[SentEvent] | None] = queue.Queue(8)

    def settle() -> None:
        while (events := requests.get()) is not None:
            memory.delivered_among("main", [event.key for event in events])
            memory.settle("main", events, [])
            if memory.wants_commit or not events:
                memory.commit()

    lane = threading.Thread(target=settle)
    start = time.perf_counter()
    lane.start()
    request: list[SentEvent] = []
    for first in range(0, len(steps), _AT_ONCE):
        some = steps[first : first + _AT_ONCE]
        if not memory.is_all_in_ram:
            memory.users.prepare(step.user for step in some)
            memory.prepare(
                {step.external_id for step in some}, {step.event.key for step in some}
            )
        for step in some:
            _learn(memory, step)
            request.append(step.event)
        if len(request) >= _A_REQUEST:
            requests.put(request)
            request = []
        if first % _RECORDS_A_STATE == 0:
            requests.put([])  # Whoever settles the last record before a STATE commits.
    requests.put(request)
    requests.put(None)
    lane.join()
    memory.commit()
    return time.perf_counter() - start


def _learn(memory: SqliteStore, step: _Step) -> None:
    known, sent = memory.users.get(step.user), memory.sent_states["main"]
    sent.get(step.external_id)
    if known.external_id is None:
        memory.note_owner(EXTERNAL_ID, step.external_id, step.user)
        memory.note_owner(DEVICE, step.device, step.user)
    memory.delivered_before("main", step.event.key)
    known = known.with_external_id(step.external_id, step.time)
    if step.device != known.device_id:
        known = known.with_device(step.device)
    memory.users.put(step.user, known.with_state(step.state, step.time))
    hashed = properties_hash({"namiml_active_skus": step.state.active_skus})
    event = step.event
    sent.put(
        step.external_id,
        SentState(step.time, hashed, event.insert_id, memory.run, key=event.key),
    )


def _steps(count: int, users: int, *, seed: str) -> Iterator[_Step]:
    dice = Random(seed)
    for number in range(count):
        user = dice.randrange(users)
        own, external_id, device = (
            str(uuid.UUID(int=user << 64 | kind)) for kind in range(3)
        )
        state = msgspec.structs.replace(_STATE, device_ids=[device])
        moment = _FIRST_MS + number * _STEP_MS
        event_id = str(uuid.UUID(int=dice.getrandbits(128)))
        key = dedup_key(event_id, device, external_id)
        event = SentEvent(
            "device.impression", moment, key, event_id, device, external_id
        )
        yield _Step(own, external_id, device, state, moment, event)
