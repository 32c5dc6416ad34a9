"""Tunes the interpreter, so that a run takes less time and memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

_M_MMAP_THRESHOLD = -3  # as <malloc.h> has them
_M_ARENA_MAX = -8
_LARGE_BYTES = 1 << 19
_SWITCH_SECONDS = 0.001


def tune() -> None:
    """Tune everything, in a process that does nothing but a run."""
    _collect_garbage_seldom()
    _keep_little_free_memory()
    hand_over_soon()


def hand_over_soon() -> None:
    """Make threads wait 1 ms for the interpreter's lock.

    By default it is five times that, after each thing that it does without the lock.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)


def _collect_garbage_seldom() -> None:
    """Collect cycles of references rarely, as records make none.

    By default it looks at every young object after 700 more of them, and at all that
    was imported now and then: a tenth of a run's time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _keep_little_free_memory() -> None:
    """Have glibc return the buffers of requests to the system when they are free.

    By default it keeps them for the next ones, and all that is small for each thread by
    itself: some 12 MB and 4 MB.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        c_library = ctypes.CDLL(None)
        c_library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        c_library.mallopt(_M_ARENA_MAX, 1)
