"""What is erased of a person in the store, and what of others stays."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.errors import OutputUnwritable, StoreUnusable
from target_amplitude_nami.store.erasing import ErasableStore
from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
)
from tests.support.memory import leave, remember, sent_event
from tests.support.people import User, find, left, store_with

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


Rows: TypeAlias = dict[str, list[tuple[Any, ...]]]


def sent(user_id: str, device_id: str, project: int = 1) -> tuple[object, ...]:
    return project, user_id, device_id, 1, 2, "insert", 0, None, 3


def delivered(number: int, user_id: str, device_id: str) -> tuple[object, ...]:
    key = b"%d" % number
    return 1, f"insert-{number}", device_id, user_id, "type", 1, 2, 3, key


def test_all_rows_of_the_person_go_and_all_others_stay(path: Path) -> None:
    store = store_with(
        path,
        User("nami", "external", "device"),
        User("nami-2", "external-2", "device-2"),
        sent_states=[
            sent("external", ""),
            sent("external", "", 2),
            sent("", "device"),
            sent("external-2", ""),
            sent("", "device-2"),
        ],
        delivered=[
            delivered(1, "external", ""),
            delivered(2, "", "device"),
            delivered(3, "nami", ""),
            delivered(4, "external-2", ""),
            delivered(5, "", "device-2"),
        ],
        held=[
            (1, "nami", "stream", "line", "record", 1, "hash-1"),
            (2, "nami-2", "stream", "line", "record", 1, "hash-2"),
        ],
        id_owners=[
            ("external_id", "external", "nami"),
            ("device", "device", "nami"),
            ("external_id", "external-2", "nami-2"),
            ("device", "device-2", "nami-2"),
        ],
    )
    with closing(store):
        counts = store.erase(find(store, user="nami").person)
        assert counts == {
            "users": 1,
            "sent states": 3,
            "delivered events": 3,
            "held records": 1,
            "owners of ids": 2,
            "id conflicts": 0,
        }
        assert left(store, "users", "nami_user_id") == {"nami-2"}
        assert left(store, "sent_states", "user_id") == {"external-2", ""}
        assert left(store, "delivered", "insert_id") == {"insert-4", "insert-5"}
        assert left(store, "held", "nami_user_id") == {"nami-2"}
        assert left(store, "id_owners", "nami_user_id") == {"nami-2"}


def test_conflicts_that_name_them_go_on_either_side(path: Path) -> None:
    store = store_with(
        path,
        User("nami", "external", "device"),
        id_conflicts=[
            (EXTERNAL_ID, "external", "other", "another"),
            (EXTERNAL_ID, "theirs", "other", "nami"),
            (DEVICE, "device", "nami", "another"),
            (DEVICE, "of-others", "other", "another"),
            (SEVERAL_EXTERNAL_IDS, "z", "other", "external"),
            (SEVERAL_EXTERNAL_IDS, "z", "another", "y"),
        ],
    )
    with closing(store):
        store.erase(find(store, user="nami").person)
        assert left(store, "id_conflicts", "nami_user_id || '/' || id") == {
            "other/of-others",
            "another/z",
        }


def test_what_is_known_by_a_shared_device_alone_stays_until_that_is_named(
    path: Path,
) -> None:
    users = User("nami", "external", "shared"), User("other", None, "shared")
    rows: Rows = {
        "sent_states": [sent("", "shared"), sent("external", "")],
        "delivered": [delivered(1, "", "shared"), delivered(2, "external", "")],
        "id_owners": [("device", "shared", "other")],
    }
    with closing(store_with(path, *users, **rows)) as store:
        store.erase(find(store, user="nami").person)
        assert left(store, "sent_states", "device_id") == {"shared"}
        assert left(store, "delivered", "device_id") == {"shared"}


def test_a_shared_device_leaves_its_users(path: Path) -> None:
    users = User("one", None, "shared"), User("two", None, "shared")
    rows: Rows = {
        "sent_states": [sent("", "shared")],
        "delivered": [delivered(1, "", "shared")],
        "id_owners": [("device", "shared", "one")],
    }
    with closing(store_with(path, *users, **rows)) as store:
        counts = store.erase(find(store, device="shared").person)
        assert {name: n for name, n in counts.items() if n} == {
            "sent states": 1,
            "delivered events": 1,
        }


def test_another_user_with_that_external_id_as_nami_id_keeps_all(path: Path) -> None:
    users = User("nami", "x", "a"), User("x", "y", "b")
    rows: Rows = {
        "sent_states": [sent("x", ""), sent("y", "")],
        "delivered": [delivered(1, "", "b"), delivered(2, "x", "")],
        "held": [(1, "x", "stream", "line", "record", 1, "hash")],
        "id_owners": [("external_id", "x", "nami"), ("external_id", "y", "x")],
    }
    with closing(store_with(path, *users, **rows)) as store:
        store.erase(find(store, external_id="x").person)
        assert left(store, "users", "nami_user_id") == {"x"}
        assert left(store, "sent_states", "user_id") == {"y"}
        assert left(store, "delivered", "insert_id") == {"insert-1"}
        assert left(store, "held", "nami_user_id") == {"x"}
        assert left(store, "id_owners", "id") == {"y"}


def test_an_id_that_begins_another_id_is_not_that(path: Path) -> None:
    users = User("user", "e", "d"), User("user-1", "e-1", "d-1")
    with closing(store_with(path, *users)) as store:
        store.erase(find(store, user="user").person)
        assert left(store, "users", "nami_user_id") == {"user-1"}


def _names_somebody(path: Path) -> bool:
    return b"somebody" in path.read_bytes()


def test_no_byte_stays_in_free_pages_or_in_the_log(path: Path) -> None:
    memory = remember(path)
    for number in range(200):
        record = f"record {number}".encode() + b" of somebody" * 500
        memory.hold("somebody", "stream", b"line", record, is_of_now=False)
    memory.commit()
    for held in [*memory.all_held()][:150]:  # freed without being overwritten
        memory.forget_held(held.number)
    memory.commit()
    # As a process leaves it that is killed: the log is not merged.
    copy = path.with_name("copy.db")
    for end in ("", "-wal"):
        copy.with_name(copy.name + end).write_bytes(
            path.with_name(path.name + end).read_bytes()
        )
    memory.close()
    with closing(ErasableStore(copy)) as store:
        person = find(store, user="somebody").person
        counts = store.erase(person)
        assert counts["held records"] == 50
        store.file.commit(ids=person.ids, has_deleted=True)
        # Also if the process is killed now.
        assert not any(map(_names_somebody, copy.parent.glob("copy.db*")))
    assert not any(map(_names_somebody, copy.parent.glob("copy.db*")))
    leave(copy, lambda again: again.hold("a", "s", b"l", b"r", is_of_now=False))


def test_what_is_not_committed_is_taken_back(path: Path) -> None:
    with closing(store_with(path, User("nami"))) as store:
        store.erase(Person(Ids(["nami"])))
    with closing(ErasableStore(path)) as store:
        assert left(store, "users", "nami_user_id") == {"nami"}


def test_it_is_for_one_process_alone(path: Path) -> None:
    store = store_with(path, User("nami"))
    with pytest.raises(StoreUnusable, match="in use by another run"):
        remember(path)
    store.close()
    with closing(sqlite3.connect(path)) as shell:
        shell.execute("SELECT * FROM users").fetchone()
        with pytest.raises(OutputUnwritable, match="open in another program"):
            ErasableStore(path)
    remember(path).close()


def test_what_is_no_store_is_refused(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE others (a)")
    with pytest.raises(StoreUnusable, match="another program made it"):
        ErasableStore(path)


def test_insert_ids_of_their_events_are_distinguished_from_others(path: Path) -> None:
    rows = [delivered(1, "external", ""), delivered(2, "other", "")]
    with closing(store_with(path, User("nami", "external"), delivered=rows)) as store:
        person = find(store, user="nami").person
        asked = ["insert-1", "insert-2", "insert-3"]
        assert store.insert_ids_of(person, asked) == {"insert-1"}


def test_places_of_rejects_follow_the_lines(path: Path) -> None:
    rows = [(f"record-{at}", at, 10, bytes([at]).hex(), 1) for at in (0, 11, 22, 33)]
    with closing(store_with(path, reject_places=rows)) as store:
        store.move_rejects([bytes([11])], [(22, 11), (30, 12)])
    # Also where erasing the person has failed after that.
    with closing(ErasableStore(path)) as store:
        assert left(store, "reject_places", "record_hash || ' ' || byte_offset") == {
            "record-0 0",
            "record-22 11",
            "record-33 21",
        }


def test_an_event_that_is_delivered_again_is_new(path: Path) -> None:
    event = sent_event("event", user_id="external", device_id=None)
    leave(path, lambda memory: memory.settle("main", [event], []))
    with closing(ErasableStore(path)) as store:
        person = Person(external_ids=Ids(["external"]), user_ids=Ids(["external"]))
        assert store.erase(person)["delivered events"] == 1
        store.file.commit(ids=person.ids, has_deleted=True)
    memory = remember(path)
    assert memory.delivered_before("main", event.key) is None
    memory.close()
