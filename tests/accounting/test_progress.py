"""Progress of a run, again and again until its end."""

from __future__ import annotations

import threading

from target_amplitude_nami.accounting.progress import Progress


def test_progress_is_reported_again_and_again_until_the_end() -> None:
    calls = threading.Semaphore(0)
    progress = Progress(calls.release, every_seconds=0.001)
    for _ in range(3):
        assert calls.acquire(timeout=10)
    progress.end()
    while calls.acquire(blocking=False):
        pass
    assert not calls.acquire(timeout=0.05)


def test_a_short_run_says_nothing_in_between() -> None:
    calls: list[None] = []
    progress = Progress(lambda: calls.append(None))
    progress.end()
    assert calls == []
