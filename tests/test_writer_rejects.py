"""The rejects of a writer, handed over by the thread that uses it."""

from __future__ import annotations

import logging

import pytest

from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.writer_rejects import QueuedRejects, Reject

LOGGER = logging.getLogger("test")
REFUSAL = Refusal("bad", "field", "it is bad")


def test_a_callback_that_fails_is_given_all_rejects_first() -> None:
    seen: list[str] = []

    def fail(reject: Reject) -> None:
        seen.append(reject.stream)
        raise RuntimeError(reject.stream)

    rejects = QueuedRejects(fail, LOGGER)
    for stream in "abc":
        rejects.write(stream, b"{}", REFUSAL)
    with pytest.raises(RuntimeError, match="a"):
        rejects.hand_over()
    assert seen == ["a", "b", "c"]


def test_without_a_callback_the_first_of_each_reason_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rejects = QueuedRejects(None, LOGGER)
    for _ in range(3):
        rejects.write("events", b"{}", REFUSAL)
    rejects.hand_over()
    [message] = caplog.messages
    assert "rejected (bad): it is bad" in message
