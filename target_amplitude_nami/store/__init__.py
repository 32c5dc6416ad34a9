"""What is remembered of earlier records: users, delivered events, held records.

What is small is in RAM, the rest in one SQLite file, at `memory_path` or else a
temporary one: both are the same code, and RAM stays flat. What a STATE covers is
committed before that STATE leaves: a crash between the two repeats nothing and loses
nothing.
"""

from target_amplitude_nami.store.known import UNKNOWN, UNTOLD, Known, Told, digest
from target_amplitude_nami.store.memory import Memory
from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
    Held,
    MemoryFigures,
    Oddity,
    RejectPlace,
)
from target_amplitude_nami.store.shelf import Shelf

__all__ = [
    "DEVICE",
    "EXTERNAL_ID",
    "SEVERAL_EXTERNAL_IDS",
    "UNKNOWN",
    "UNTOLD",
    "Held",
    "Known",
    "Memory",
    "MemoryFigures",
    "Oddity",
    "RejectPlace",
    "Shelf",
    "Told",
    "digest",
]
