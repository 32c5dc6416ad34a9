"""The real clock."""

from __future__ import annotations

import threading

from target_amplitude_nami.delivery.clock import Clock


def test_the_real_clock_goes_on_while_it_waits_for_a_notice() -> None:
    clock, condition = Clock(), threading.Condition()
    before = clock.now()
    with condition:
        clock.wait(condition, 0.01)
    assert clock.now() >= before + 0.01
