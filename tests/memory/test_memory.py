"""What the target remembers of earlier records, within a run and from run to run."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.errors import MemoryUnusable
from target_amplitude_nami.memory import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
    UNKNOWN,
    Known,
    Memory,
    Oddity,
)
from target_amplitude_nami.nami.state import UserState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_DAY = 86_400
HALF_AN_EMOJI = "\ud83d"


def remember(path: Path | None, **changes: Any) -> Memory:
    """Open a memory of one project."""
    options: dict[str, Any] = {"days": 90, "project": "project"}
    memory = Memory(path, **options | changes)
    memory.open()
    return memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "memory.db"


@pytest.fixture(params=["temporary", "lasting"])
def memory(request: pytest.FixtureRequest, path: Path) -> Iterator[Memory]:
    memory = remember(path if request.param == "lasting" else None)
    yield memory
    memory.close()


# Users


def test_nothing_is_known_of_a_stranger(memory: Memory) -> None:
    assert memory.recall("nami-1") == UNKNOWN


def test_what_was_learnt_last_is_recalled(memory: Memory) -> None:
    memory.learn("nami-1", Known(external_id="old"))
    memory.learn("nami-1", Known(external_id="new"))
    assert memory.recall("nami-1").external_id == "new"
    assert memory.recall("nami-2") == UNKNOWN


EVERYTHING = Known(
    external_id="ünï",
    external_id_time=1,
    device_id="device",
    state=UserState(active_skus=[], in_pause=False, active_entitlements=["a", "b"]),
    state_time=2,
    state_mark="event",
    told_to="ünï",
    told_in=3,
)


@pytest.mark.parametrize(
    "user_id", ["nami-1", 'a"b\\c', "ü", "a\0b", HALF_AN_EMOJI, "x" * 5000]
)
@pytest.mark.parametrize(
    "external_id", ["external", 'a"b\\c', "a\0b", f"x{HALF_AN_EMOJI}", "🎧"]
)
def test_a_later_run_knows_all_that_was_committed(
    path: Path, user_id: str, external_id: str
) -> None:
    known = Known(external_id=external_id, state=EVERYTHING.state, state_time=7)
    first = remember(path)
    first.learn(user_id, known)
    first.learn("other", EVERYTHING)
    first.commit()
    first.close()
    second = remember(path)
    assert second.recall(user_id) == known
    assert second.recall("other") == EVERYTHING
    second.close()


def test_more_users_than_fit_in_ram_are_all_recalled(memory: Memory) -> None:
    count = 50_000
    for number in range(count):
        memory.learn(f"nami-{number}", Known(external_id=f"external-{number}"))
    assert all(
        memory.recall(f"nami-{number}").external_id == f"external-{number}"
        for number in range(0, count, 7)
    )
    assert len(memory._young) + len(memory._old) < count


@pytest.mark.parametrize(
    ("told", "known_as"),
    [
        ([("a", 1), ("b", 2)], "b"),
        ([("b", 2), ("a", 1)], "b"),
        ([("a", 2), ("b", 2)], "b"),
        ([("a", None), ("b", None)], "b"),
        ([("a", 5), ("b", None)], "b"),
        ([("a", None), ("b", 5)], "b"),
        ([("a", 1), ("a", 5), ("b", 3)], "a"),
        ([("a", 5), ("b", None), ("a", 4)], "b"),
    ],
)
def test_the_external_id_of_the_newest_record_counts(
    told: list[tuple[str, int | None]], known_as: str
) -> None:
    known = UNKNOWN
    for external_id, time in told:
        known = known.with_external_id(external_id, time)
    assert known.external_id == known_as


def test_a_newer_state_keeps_what_it_does_not_say() -> None:
    known = Known(state=UserState(active_skus=["a"], in_pause=True))
    merged = known.merged(UserState(active_skus=[], is_cancelled=True))
    assert merged == UserState(active_skus=[], in_pause=True, is_cancelled=True)


# Delivered events


@pytest.mark.parametrize(
    "insert_id", ["event", 'a"b\\', "a\0b", HALF_AN_EMOJI, "ü", ""]
)
def test_a_delivered_event_is_known_again(memory: Memory, insert_id: str) -> None:
    assert memory.delivered_among([insert_id, "other"]) == set()
    memory.settle([insert_id], [])
    assert memory.delivered_among([insert_id, "other"]) == {insert_id}


def test_another_project_does_not_have_what_this_one_has(path: Path) -> None:
    first = remember(path)
    first.settle(["event"], [])
    first.commit()
    first.close()
    other = remember(path, project="other")
    assert other.delivered_among(["event"]) == set()
    other.close()
    again = remember(path)
    assert again.delivered_among(["event"]) == {"event"}
    again.close()


@pytest.mark.parametrize(("days_later", "is_known"), [(89, True), (92, False)])
def test_delivered_events_are_forgotten_after_their_days(
    path: Path, monkeypatch: pytest.MonkeyPatch, days_later: int, *, is_known: bool
) -> None:
    first = remember(path)
    first.settle(["event"], [])
    first.hold("nami-1", "events", b"line", b"record")
    first.learn("nami-1", Known(external_id="a"))
    first.commit()
    first.close()
    now = first._day * _DAY + days_later * _DAY
    monkeypatch.setattr("target_amplitude_nami.memory.time.time", lambda: now)
    later = remember(path)
    assert later.delivered_among(["event"]) == ({"event"} if is_known else set())
    assert len(list(later.held_of("nami-1"))) == 1
    assert later.recall("nami-1").external_id == "a"
    later.close()


# Held records


def test_held_records_come_back_in_order_and_with_every_byte(memory: Memory) -> None:
    count = 1_200  # more than one page
    for number in range(count):
        text = f"{number}\xff\0".encode("latin-1")
        assert memory.hold("nami-1", f"events {HALF_AN_EMOJI}", text, b"r" + text)
        assert memory.hold("nami-2", "events", text, b"other" + text)
    held = list(memory.held_of("nami-1"))
    assert [h.line for h in held] == [
        f"{number}\xff\0".encode("latin-1") for number in range(count)
    ]
    assert {h.record for h in held} == {b"r" + h.line for h in held}
    assert {h.stream for h in held} == {f"events {HALF_AN_EMOJI}"}


def test_the_same_record_is_held_once(memory: Memory) -> None:
    assert memory.hold("nami-1", "events", b"line", b"record")
    assert not memory.hold("nami-1", "events", b"line", b"record")
    assert len(list(memory.all_held())) == 1


def test_held_records_wait_until_they_are_settled(memory: Memory) -> None:
    memory.hold("nami-1", "events", b"1", b"1")
    memory.hold("nami-1", "events", b"2", b"2")
    [first, second] = memory.held_of("nami-1")
    memory.settle(["event"], [first.number])
    assert list(memory.held_of("nami-1")) == [second]
    assert memory.figures().waiting == 1


def test_those_whose_user_has_a_name_meanwhile_are_found(path: Path) -> None:
    first = remember(path)
    for user_id in ("named", "state only", "stranger", "named"):
        text = f"{user_id} {first.figures().waiting}".encode()
        first.hold(user_id, "events", text, text)
    first.learn("named", Known(external_id="external"))
    first.learn("state only", Known(state=UserState()))
    first.commit()
    first.close()
    second = remember(path)
    assert [h.line for h in second.held_of_named_users()] == [b"named 0", b"named 3"]
    assert len(list(second.all_held())) == 4
    second.close()


def test_it_is_told_how_many_wait_and_since_when(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory.figures().waiting_since is None
    moments = iter([1_000, 2_000])
    monkeypatch.setattr("target_amplitude_nami.memory.time.time", lambda: next(moments))
    memory.hold("nami-1", "events", b"1", b"1")
    memory.hold("nami-2", "events", b"2", b"2")
    assert memory.figures().waiting == 2
    assert memory.figures().waiting_since == 1_000


# Odd ids


def test_an_id_of_several_users_is_odd(memory: Memory) -> None:
    for user_id, kind, value in [
        ("nami-1", DEVICE, "phone"),
        ("nami-2", EXTERNAL_ID, "anna"),
        ("nami-2", DEVICE, "phone"),
        ("nami-2", DEVICE, "phone"),
        ("nami-3", EXTERNAL_ID, "anna"),
        ("nami-1", DEVICE, "anna"),
    ]:
        memory.claim(kind, value, user_id)
    figures = memory.figures()
    assert figures.oddities == {DEVICE: 1, EXTERNAL_ID: 1}
    assert sorted(figures.named_oddities, key=lambda oddity: oddity.kind) == [
        Oddity(DEVICE, "phone", "nami-2", "nami-1"),
        Oddity(EXTERNAL_ID, "anna", "nami-3", "nami-2"),
    ]


def test_a_user_of_several_external_ids_is_odd_once(memory: Memory) -> None:
    for first, second in [("a", "b"), ("b", "a"), ("a", "b")]:
        memory.note_second_external_id("nami-1", first, second)
    assert memory.figures().named_oddities == [
        Oddity(SEVERAL_EXTERNAL_IDS, "b", "nami-1", "a")
    ]


def test_ten_of_each_kind_are_named_and_all_are_counted(memory: Memory) -> None:
    for number in range(25):
        memory.claim(DEVICE, "phone", f"nami-{number}{HALF_AN_EMOJI}")
    assert memory.figures().oddities == {DEVICE: 24}
    assert len(memory.figures().named_oddities) == 10


# The file


def test_what_was_not_committed_is_gone(path: Path) -> None:
    first = remember(path)
    first.learn("nami-1", Known(external_id="a"))
    first.settle(["event"], [])
    first.hold("nami-1", "events", b"line", b"record")
    first.close()
    second = remember(path)
    assert second.recall("nami-1") == UNKNOWN
    assert second.delivered_among(["event"]) == set()
    assert list(second.all_held()) == []
    second.close()


def test_a_run_may_leave_no_trace(path: Path) -> None:
    first = remember(path)
    first.settle(["event"], [])
    first.commit()
    first.close()
    before = path.read_bytes()
    rehearsal = remember(path, forgets=True)
    rehearsal.settle(["other"], [])
    rehearsal.learn("nami-1", Known(external_id="a"))
    assert rehearsal.delivered_among(["event", "other"]) == {"event", "other"}
    rehearsal.commit()
    rehearsal.close()
    assert path.read_bytes() == before


def test_without_a_path_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    memory = remember(None)
    memory.settle([f"event-{number}" for number in range(5_000)], [])
    memory.commit()
    assert list(tmp_path.iterdir()) == []
    memory.close()


def test_only_its_owner_can_read_the_file(path: Path) -> None:
    remember(path).close()
    modes = {stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert modes == {0o600}


def test_a_second_run_at_the_same_time_is_refused(path: Path) -> None:
    memory = remember(path)
    with pytest.raises(MemoryUnusable, match="in use by another run"):
        remember(path)
    memory.settle(["event"], [])
    memory.commit()
    memory.close()
    remember(path).close()


def test_a_run_that_was_killed_holds_no_lock(path: Path) -> None:
    code = (
        "import os, signal, pathlib\n"
        "from target_amplitude_nami.memory import Memory\n"
        f"memory = Memory(pathlib.Path({str(path)!r}), 90, project='project')\n"
        "memory.open()\n"
        "memory.settle(['event'], [])\n"
        "memory.commit()\n"
        "memory.settle(['other'], [])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    memory = remember(path)
    assert memory.delivered_among(["event", "other"]) == {"event"}
    memory.close()


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE accounts (id INTEGER)")
    connection.close()


def _newer(path: Path) -> None:
    remember(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def _half(path: Path) -> None:
    memory = remember(path)
    memory.settle([f"event-{number}" for number in range(20_000)], [])
    memory.commit()
    memory.close()
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda path: path.write_text("a letter to a friend\n" * 100),
            "not a database",
        ),
        (_foreign, "another program's"),
        (_newer, "newer version .* upgrade"),
        (_half, "malformed"),
    ],
)
def test_a_file_that_is_not_ours_to_use_is_told_and_left_alone(
    path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(MemoryUnusable, match=said):
        remember(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MemoryUnusable, match="cannot be made"):
        remember(tmp_path / "file" / "memory.db")


def test_an_empty_file_is_a_new_memory(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    remember(path).close()
