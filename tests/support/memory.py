"""A memory as a run opens it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.memory import Memory, mark_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EVENT = mark_of("event", 1_717_000_000_000)
OTHER = mark_of("other", 1_717_000_000_000)
HALF_AN_EMOJI = "\ud83d"
ODD_TEXTS = ["plain", 'a"b\\c', "ü", "a\0b", HALF_AN_EMOJI, "🎧", "x" * 5000]


def remember(path: Path | None, **changes: Any) -> Memory:
    """Open a memory of two projects."""
    options: dict[str, Any] = {
        "days": 90,
        "projects": {"main": "production", "sandbox": "test"},
    }
    memory = Memory(path, **options | changes)
    memory.open()
    return memory


def leave(path: Path, do: Callable[[Memory], object], **changes: Any) -> None:
    """Do something in a run of its own, and save it."""
    memory = remember(path, **changes)
    do(memory)
    memory.commit()
    memory.close()


@contextlib.contextmanager
def written_meanwhile(memory: Memory) -> Iterator[None]:
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
