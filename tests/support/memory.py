"""A store as a run opens it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.outcomes import SentEvent, dedup_key
from target_amplitude_nami.store.schema import current_schema
from target_amplitude_nami.store.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def sent_event(
    insert_id: str,
    time: int | None = 1_717_000_000_000,
    event_type: str = "device.impression",
    *,
    device_id: str | None = "device",
    user_id: str | None = "user",
) -> SentEvent:
    """Return what an event is remembered by."""
    key = dedup_key(insert_id, device_id, user_id)
    return SentEvent(event_type, time, key, insert_id, device_id, user_id)


SCHEMA = current_schema().create
EVENT = sent_event("event")
OTHER = sent_event("other")
HALF_AN_EMOJI = "\ud83d"
ODD_TEXTS = ["plain", 'a"b\\c', "ü", "a\0b", "a\0c", "🎧", "x" * 5000]


def remember(path: Path | None, **changes: Any) -> SqliteStore:
    """Open a store of two projects."""
    options: dict[str, Any] = {
        "days": 90,
        "projects": {"main": "production", "sandbox": "test"},
    }
    memory = SqliteStore(path, **options | changes)
    memory.open()
    return memory


def leave(path: Path, do: Callable[[SqliteStore], object], **changes: Any) -> None:
    """Do something in a run of its own, and save it."""
    memory = remember(path, **changes)
    do(memory)
    memory.commit()
    memory.close()


@contextlib.contextmanager
def written_meanwhile(memory: SqliteStore) -> Iterator[None]:
    """Have another thread commit, again and again, what is learnt within."""
    is_done = threading.Event()

    def write() -> None:
        while not is_done.is_set():
            memory.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        is_done.set()
        writer.join()
