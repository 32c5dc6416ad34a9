"""Counts of requests."""

from __future__ import annotations

from target_amplitude_nami.delivery.traffic import Traffic


def test_traffic_adds_up() -> None:
    assert Traffic(1, 2, 3, 4, 5) + Traffic(10, 20, 30, 40, 50) == Traffic(
        11, 22, 33, 44, 55
    )
