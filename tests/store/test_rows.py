"""Users and sent states as their owner reads them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.profiles import SentState, UserProfile
from tests.support.memory import EVENT, leave, sent_event

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore

TIME = 1_717_000_000_123


def test_a_user_is_one_row_of_plain_columns(path: Path) -> None:
    state = UserState(active_skus=["monthly"], in_pause=False)
    profile = UserProfile("anna", TIME, "phone").with_state(state, TIME)
    leave(path, lambda memory: memory.users.put("nami-1", profile))
    with closing(sqlite3.connect(path)) as connection:
        [row] = connection.execute("SELECT * FROM readable_users").fetchall()
    assert row[:4] == ("nami-1", "anna", TIME, "phone")
    assert json.loads(row[4]) == {"active_skus": ["monthly"], "in_pause": False}
    moment = "2024-05-29T16:26:40Z"
    assert row[5:] == (TIME, moment, moment)


@pytest.mark.parametrize(
    ("target", "ids"),
    [
        (target_of("anna", "phone"), ("anna", "")),
        (target_of(None, "phone"), ("", "phone")),
        (target_of(None, "a\0b"), ("", "a\0b")),
    ],
)
def test_a_sent_state_names_its_user_or_its_device(
    path: Path, target: str, ids: tuple[str, str]
) -> None:
    sent = SentState(TIME, 7, "event", TIME * 1_000_000, True, EVENT.key)  # noqa: FBT003

    def learn(memory: SqliteStore) -> None:
        memory.sent_states["main"].put(target, sent)

    leave(path, learn)
    with closing(sqlite3.connect(path)) as connection:
        [row] = connection.execute(
            "SELECT user_id, device_id, time_at, insert_id, is_identify, run_at"
            " FROM readable_sent_states"
        )
    moment = "2024-05-29T16:26:40Z"
    assert row == (*ids, moment, "event", 1, moment)


def test_a_delivered_event_names_its_device_or_else_its_user(path: Path) -> None:
    events = [sent_event("a"), sent_event("b", None, "$identify", device_id=None)]
    leave(path, lambda memory: memory.settle("main", events, []))
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT insert_id, device_id, user_id, event_type, time_at"
            " FROM readable_delivered ORDER BY insert_id"
        ).fetchall()
    assert rows == [
        ("a", "device", "", "device.impression", "2024-05-29T16:26:40Z"),
        ("b", "", "user", "$identify", None),
    ]
