"""Ids that do not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
    IdConflict,
)
from tests.support.memory import ODD_TEXTS, leave, remember, written_meanwhile

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore


def test_an_id_of_several_users_is_a_conflict(memory: SqliteStore) -> None:
    for user_id, kind, value in [
        ("nami-1", DEVICE, "phone"),
        ("nami-2", EXTERNAL_ID, "anna"),
        ("nami-2", DEVICE, "phone"),
        ("nami-2", DEVICE, "phone"),
        ("nami-3", EXTERNAL_ID, "anna"),
        ("nami-1", DEVICE, "anna"),
    ]:
        memory.note_owner(kind, value, user_id)
    figures = memory.figures()
    assert figures.id_conflicts == {DEVICE: 1, EXTERNAL_ID: 1}
    assert sorted(figures.named_id_conflicts, key=lambda conflict: conflict.kind) == [
        IdConflict(DEVICE, "phone", "nami-2", "nami-1"),
        IdConflict(EXTERNAL_ID, "anna", "nami-3", "nami-2"),
    ]


def test_an_id_is_a_conflict_also_when_another_run_saw_it_first(path: Path) -> None:
    leave(path, lambda memory: memory.note_owner(DEVICE, "phone", "nami-1"))
    memory = remember(path)
    memory.note_owner(DEVICE, "phone", "nami-1")
    assert memory.figures().id_conflicts == {}
    memory.note_owner(DEVICE, "phone", "nami-2")
    assert memory.figures().named_id_conflicts == [
        IdConflict(DEVICE, "phone", "nami-2", "nami-1")
    ]
    memory.close()


def test_owners_are_kept_also_when_conflicts_were_counted_before(path: Path) -> None:
    def learn(memory: SqliteStore) -> None:
        memory.note_owner(DEVICE, "phone", "nami-1")
        memory.note_owner(DEVICE, "phone", "nami-2")
        assert memory.figures().id_conflicts == {DEVICE: 1}

    leave(path, learn)
    memory = remember(path)
    assert memory.figures().id_conflicts == {DEVICE: 1}
    memory.note_owner(DEVICE, "phone", "nami-3")
    assert memory.figures().id_conflicts == {DEVICE: 2}
    memory.close()


def test_a_user_of_several_external_ids_is_one_conflict(memory: SqliteStore) -> None:
    for first, second in [("a", "b"), ("b", "a"), ("a", "b")]:
        memory.note_second_external_id("nami-1", first, second)
    assert memory.figures().named_id_conflicts == [
        IdConflict(SEVERAL_EXTERNAL_IDS, "b", "nami-1", "a")
    ]


def test_ten_of_each_kind_are_named_and_all_are_counted(memory: SqliteStore) -> None:
    for number in range(25):
        memory.note_owner(DEVICE, "phone", f"nami-{number}")
    assert memory.figures().id_conflicts == {DEVICE: 24}
    assert len(memory.figures().named_id_conflicts) == 10


@pytest.mark.parametrize("before", ["phone", "tablet"])
def test_who_is_seen_with_an_id_while_it_is_being_written_is_the_second(
    memory: SqliteStore, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    class Owners(dict[str, str]):
        def __delitem__(self, value: str) -> None:
            if value == before:
                memory.note_owner(DEVICE, "phone", "nami-2")
            super().__delitem__(value)

    monkeypatch.setitem(memory._conflicts._owners, DEVICE, Owners())
    memory.note_owner(DEVICE, "phone", "nami-1")
    memory.note_owner(DEVICE, "tablet", "nami-1")
    _write(memory)
    for _ in range(2):
        assert memory.figures().named_id_conflicts == [
            IdConflict(DEVICE, "phone", "nami-2", "nami-1")
        ]


@pytest.mark.parametrize("value", ODD_TEXTS)
def test_the_first_user_of_an_id_is_known_once_it_was_written(
    memory: SqliteStore, value: str
) -> None:
    memory.note_owner(DEVICE, value, "nami-1")
    memory.note_owner(DEVICE, "tablet", value)
    _write(memory)
    memory.note_owner(DEVICE, value, "nami-2")
    memory.note_owner(DEVICE, f"{value}.", "nami-2")
    memory.note_owner(DEVICE, "tablet", "nami-2")
    figures = memory.figures()
    assert figures.id_conflicts == {DEVICE: 2}
    assert sorted(figures.named_id_conflicts, key=lambda conflict: conflict.other) == (
        sorted(
            [
                IdConflict(DEVICE, value, "nami-2", "nami-1"),
                IdConflict(DEVICE, "tablet", "nami-2", value),
            ],
            key=lambda conflict: conflict.other,
        )
    )


def test_no_owner_is_lost_while_another_thread_writes(path: Path) -> None:
    memory = remember(path)
    count = 20_000
    with written_meanwhile(memory):
        for number in range(count):
            memory.note_owner(DEVICE, f"device-{number}", "nami-1")
            memory.note_owner(
                EXTERNAL_ID, f"external-{number // 2}", f"nami-{number % 2}"
            )
    for number in range(count):
        memory.note_owner(DEVICE, f"device-{number}", "nami-2")
    assert memory.figures().id_conflicts == {DEVICE: count, EXTERNAL_ID: count // 2}
    memory.close()


def _write(memory: SqliteStore) -> None:
    memory._conflicts.write(memory._file, memory._committer._calendar)
