"""The SQL in docs/memory-file.md does what the page says."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID
from target_amplitude_nami.store.profiles import SentState, UserProfile
from tests.support.memory import leave, remember, sent_event

PAGE = Path(__file__).parents[2] / "docs" / "memory-file.md"
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
IDS = ("NAMI-USER", "EXTERNAL-ID", "DEVICE")


def fill(path: Path, *people: tuple[str, str, str]) -> None:
    """Leave a file that knows some people in every table."""
    memory = remember(path)
    memory.note_owner(DEVICE, "DEVICE", "first")
    for nami_user, external_id, device in people:
        state = UserState(device_ids=[device])
        profile = UserProfile(external_id, 1, device).with_state(state, 2)
        memory.users.put(nami_user, profile)
        for target in (target_of(external_id, device), target_of(None, device)):
            memory.sent_states["main"].put(target, SentState(1, 2, "sent", 3))
        memory.settle(
            "main",
            [
                sent_event(f"a {device[::-1]}", device_id=device),
                sent_event("b", device_id=None, user_id=external_id),
                sent_event("c", device_id=None, user_id=nami_user),
            ],
            [],
        )
        line = f'{{"user_id": "{nami_user}"}}'.encode()
        memory.hold(nami_user, "events", line, line)
        memory.note_owner(EXTERNAL_ID, external_id, nami_user)
        memory.note_owner(DEVICE, device, nami_user)
        memory.note_second_external_id(nami_user, external_id, f"{external_id}-2")
    memory.commit()
    memory.close()


def test_each_question_has_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    fill(path, IDS)
    *questions, _ = BLOCKS
    with closing(sqlite3.connect(path)) as connection:
        for question in questions:
            for statement in filter(str.strip, question.split(";")):
                rows = connection.execute(statement).fetchall()
                assert rows, statement


def test_a_person_who_is_deleted_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    fill(path, IDS, ("other-nami", "other-external", "other-device"))
    assert all(id_.encode() in path.read_bytes() for id_ in IDS)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BLOCKS[-1])
    left = path.read_bytes()
    assert not any(id_.encode() in left for id_ in IDS)
    leave(path, lambda _: None)  # it is still one that a run can use
    memory = remember(path)
    assert memory.users.get("other-nami").external_id == "other-external"
    assert memory.waiting == 1
    memory.close()


def test_every_table_and_view_is_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    fill(path, IDS)
    text = PAGE.read_text("utf-8")
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        for (name,) in connection.execute(sql).fetchall():
            assert f"`{name}`" in text
            connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
