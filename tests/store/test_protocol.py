"""Both stores are what a run asks for, and the one without a file needs no SQLite."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.model import StoreFigures
from target_amplitude_nami.store.null import NullStore
from target_amplitude_nami.store.profiles import (
    NEVER_SENT,
    UNKNOWN_USER,
    SentState,
    UserProfile,
)
from tests.support.memory import EVENT, remember

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.protocol import Store


def stores(path: Path) -> list[Store]:
    """Return one of each, as its type checker sees them."""
    return [remember(path), NullStore(["main", "sandbox"])]


def test_both_stores_take_what_a_run_does(path: Path) -> None:
    for store in stores(path):
        store.users.prepare(["nami-1"])
        store.prepare({"user"}, {EVENT.key})
        assert store.users.get("nami-1") == UNKNOWN_USER
        assert store.sent_states["sandbox"].get("user") == NEVER_SENT
        assert store.delivered_before("main", EVENT.key) is None
        assert store.delivered_among("main", [EVENT.key]) == {}
        store.invalidate("main", "user", EVENT.key)
        store.apply_invalidations()
        store.forget_held(1)
        store.commit(lambda: None)
        assert list(store.all_held()) == list(store.held_of("nami-1")) == []
        assert store.waiting == 0
        assert store.figures() == StoreFigures()
        assert not store.wants_commit
        assert list(store.warnings) == []
        assert store.run > 0
        store.close()


def test_without_a_memory_nothing_is_remembered() -> None:
    store = NullStore(["main"])
    store.open()
    store.users.put("nami-1", UserProfile(external_id="a"))
    store.sent_states["main"].put("user", SentState(1))
    store.settle("main", [EVENT], [])
    store.note_owner("device_of_several_users", "phone", "nami-1")
    store.note_second_external_id("nami-1", "a", "b")
    assert store.is_all_in_ram
    assert store.users.get("nami-1") == UNKNOWN_USER
    assert store.sent_states["main"].get("user") == NEVER_SENT
    assert store.delivered_among("main", [EVENT.key]) == {}
    assert list(store.held_of_identified_users()) == []
    assert store.find_reject(b"key") is None
    assert store.figures() == StoreFigures()


def test_without_a_memory_no_record_is_held_and_lost() -> None:
    with pytest.raises(StoreUnusable, match="`anonymous_users` must not be hold"):
        NullStore(["main"]).hold("nami-1", "events", b"line", b"record")


def test_the_store_without_a_file_loads_nothing_for_files() -> None:
    code = (
        "import sys\n"
        "from target_amplitude_nami.store import model, null, profiles, protocol\n"
        "print({'sqlite3', 'fcntl', 'tempfile', 'singer_sdk'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
