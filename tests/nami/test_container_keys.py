"""The keys of Nami's containers are known in any spelling."""

from __future__ import annotations

import pytest

from target_amplitude_nami.nami import container_keys


@pytest.mark.parametrize(
    ("column", "flag"),
    [
        ("customer_journey_state_in_pause", "in_pause"),
        ("customer_journey_state.in_pause", "in_pause"),
        ("CUSTOMER_JOURNEY_STATE__IN_PAUSE", "in_pause"),
        ("customerJourneyStateIsCancelled", "is_cancelled"),
        ("customer_journey_state", None),
        ("customer_journey_state_new", None),
        ("in_pause", None),
    ],
)
def test_a_flag_is_known_in_a_column_of_its_own(column: str, flag: str | None) -> None:
    assert container_keys.flag_of(column) == flag
