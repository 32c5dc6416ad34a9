"""What a memory file knows of deliveries, read from outside a run."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import OutputUnwritable, StoreUnusable
from target_amplitude_nami.outcomes import SentEvent, dedup_key
from target_amplitude_nami.store.delivered_reader import (
    DeliveredReader,
    forget_delivered,
)
from target_amplitude_nami.store.profiles import SentState
from target_amplitude_nami.store.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOR_EVER = 1 << 62


def sent(number: int, device: str | None = "device-1") -> SentEvent:
    insert_id = f"event-{number}"
    user = "user-1"
    return SentEvent(
        "device.impression",
        number,
        dedup_key(insert_id, device, user),
        insert_id,
        device,
        user,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A memory file with 2,500 events of one project and an event of another."""
    path = tmp_path / "memory.db"
    for project, count in (("ours", 2_500), ("theirs", 1)):
        store = open_store(path, project)
        store.settle("main", map(sent, range(count)), [])
        state = SentState(5, 7, "event-3", 1, False, sent(3).key)  # noqa: FBT003
        store.sent_states["main"].put("user-1", state)
        store.commit()
        store.close()
    return path


def open_store(path: Path, project: str) -> SqliteStore:
    store = SqliteStore(path, 90, projects={"main": project})
    store.open()
    return store


def forget(path: Path, *numbers: int, first: Callable[[], None] = lambda: None) -> int:
    keys = [sent(number).key for number in numbers]
    return forget_delivered(path, "ours", lambda: [keys], first=first)


def test_the_events_of_one_project_are_read(path: Path) -> None:
    with closing(DeliveredReader(path, "ours")) as reader:
        events = list(reader.events(0, FOR_EVER))
        first = reader.first_delivery()
        assert first is not None
        assert reader.count(0, FOR_EVER, without="$identify") == len(events) == 2_500
        assert reader.count(0, FOR_EVER, without="device.impression") == 0
        assert {event.insert_id for event in events} == {
            f"event-{number}" for number in range(2_500)
        }
        assert events[0].device_id == "device-1"
        assert list(reader.events(0, first)) == []


def test_an_unknown_project_has_none(path: Path) -> None:
    with closing(DeliveredReader(path, "another")) as reader:
        assert reader.first_delivery() is None
        assert list(reader.events(0, FOR_EVER)) == []


def test_keys_are_looked_up_by_the_hundred(path: Path) -> None:
    with closing(DeliveredReader(path, "ours")) as reader:
        found = reader.times(sent(number).key for number in range(2_000, 3_000))
    assert found.keys() == {sent(number).key for number in range(2_000, 2_500)}


def test_it_reads_beside_a_run(path: Path) -> None:
    with (
        closing(open_store(path, "ours")),
        closing(DeliveredReader(path, "ours")) as reader,
    ):
        assert reader.count(0, FOR_EVER, without="$identify") == 2_500


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_file_that_no_run_has_written_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "memory.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreUnusable):
        DeliveredReader(path, "ours")
    assert (path.read_bytes() if path.exists() else None) == content


def test_forgotten_events_and_their_properties_are_sent_again(path: Path) -> None:
    assert forget(path, 3, 4, 9_999) == 2
    with closing(open_store(path, "ours")) as store:
        assert store.delivered_before("main", sent(3).key) is None
        assert store.delivered_before("main", sent(5).key) is not None
        assert store.sent_states["main"].get("user-1").properties_hash is None
        assert store.sent_states["main"].get("user-1").time == 3
    with closing(open_store(path, "theirs")) as store:
        assert store.delivered_before("main", sent(0).key) is not None
        assert store.sent_states["main"].get("user-1").properties_hash == 7


def test_nothing_is_forgotten_while_a_run_uses_the_file(path: Path) -> None:
    done = []
    with (
        closing(open_store(path, "ours")),
        pytest.raises(StoreUnusable, match="in use by another run"),
    ):
        forget(path, 3, first=lambda: done.append("first"))
    assert done == []


def test_nothing_is_forgotten_when_what_comes_first_fails(path: Path) -> None:
    def fail() -> None:
        raise OutputUnwritable("the disk is full")

    with pytest.raises(OutputUnwritable):
        forget(path, 3, first=fail)
    with closing(DeliveredReader(path, "ours")) as reader:
        assert reader.times([sent(3).key])
