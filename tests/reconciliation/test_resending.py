"""Records that are written to be sent again, and what the store forgets then."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import OutputUnwritable, StoreUnusable
from target_amplitude_nami.outcomes import SentEvent, dedup_key
from target_amplitude_nami.reconciliation import resending
from target_amplitude_nami.reconciliation.resending import resend
from target_amplitude_nami.reconciliation.workspace import (
    ELSEWHEN,
    TO_COMPARE,
    Expected,
    Workspace,
)
from target_amplitude_nami.store.delivered_reader import DeliveredReader
from target_amplitude_nami.store.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = [dedup_key(f"event-{number}", "device-1", None) for number in range(5)]


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """A memory file that has all events as delivered."""
    path = tmp_path / "memory.db"
    store = SqliteStore(path, 90, projects={"main": "ours"})
    store.open()
    sent = [
        SentEvent("user.x", None, key, f"event-{number}", "device-1", None)
        for number, key in enumerate(KEYS)
    ]
    store.settle("main", sent, [])
    store.commit()
    store.close()
    return path


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """Events of two streams; 1 was seen, and 2 was delivered in other hours."""
    with closing(Workspace()) as workspace:
        for number in (1, 2):
            workspace.add_schema(number, b"schema %d\n" % number)
        workspace.add_lines(
            [(1 + number % 2, b"line %d\n" % number) for number in range(5)]
        )
        workspace.add(
            [
                Expected(
                    key,
                    "user.x",
                    "id",
                    "device-1",
                    None,
                    None,
                    5,
                    ELSEWHEN if number == 2 else TO_COMPARE,
                    b"{}",
                )
                for number, key in enumerate(KEYS)
            ]
        )
        workspace.index()
        workspace.note_seen([2])
        workspace.sort()
        yield workspace


def remembered(memory: Path) -> list[int]:
    with closing(DeliveredReader(memory, "ours")) as reader:
        known = reader.times(KEYS)
    return [number for number, key in enumerate(KEYS) if key in known]


def test_missing_records_are_written_in_order_each_after_its_schema(
    workspace: Workspace, memory: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.singer"
    done = resend(workspace, out, memory, "ours")
    assert out.read_text().splitlines() == [
        "schema 1",
        "line 0",
        "schema 2",
        "line 3",
        "schema 1",
        "line 4",
    ]
    assert (done.records, done.forgotten) == (3, 3)
    assert remembered(memory) == [1, 2]


def test_nothing_is_forgotten_that_is_not_written(
    workspace: Workspace, memory: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputUnwritable):
        resend(workspace, tmp_path / "no" / "folder", memory, "ours")
    assert remembered(memory) == [0, 1, 2, 3, 4]


def test_records_that_somebody_else_wrote_meanwhile_stay(
    workspace: Workspace, memory: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.singer"
    out.write_bytes(b"theirs")
    with pytest.raises(OutputUnwritable, match="meanwhile"):
        resend(workspace, out, memory, "ours")
    assert out.read_bytes() == b"theirs"
    assert remembered(memory) == [0, 1, 2, 3, 4]


def test_nothing_stays_written_that_is_not_forgotten(
    workspace: Workspace,
    memory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Workspace) -> None:
        raise StoreUnusable("the disk is full")

    monkeypatch.setattr(resending, "_keys", fail)
    (tmp_path / "link").symlink_to(tmp_path / "again.singer")
    with pytest.raises(StoreUnusable):
        resend(workspace, tmp_path / "link", memory, "ours")
    assert not (tmp_path / "again.singer").exists()
    assert remembered(memory) == [0, 1, 2, 3, 4]


def test_of_events_with_one_key_the_first_is_expected() -> None:
    one = Expected(KEYS[0], "user.x", "id", None, None, None, None, TO_COMPARE)
    with closing(Workspace()) as workspace:
        workspace.add([one, one._replace(key=KEYS[1]), one, one])
        workspace.index()
        assert {m.place for m in workspace.matches(KEYS).values()} == {1, 2}
