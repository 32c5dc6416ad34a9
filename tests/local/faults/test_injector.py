"""When a scripted fault strikes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from target_amplitude_nami.local.faults import FaultError, Faults
from target_amplitude_nami.local.faults.injector import FaultInjector

DOWN = {"status": 503, "json": {"code": 503}}


def struck(fault: dict[str, Any], *, requests: int = 12) -> list[int]:
    """Return the numbers of the requests that a fault strikes."""
    injector = FaultInjector(Faults.from_json({"faults": [{"do": DOWN, **fault}]}))
    return [
        number
        for number in range(1, requests + 1)
        if injector.next(number, "/batch", partial(frozenset, [f"user-{number % 4}"]))
    ]


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [
        ({}, list(range(1, 13))),
        ({"times": 2}, [1, 2]),
        ({"when": {"every": 5}}, [5, 10]),
        ({"when": {"requests": [2, 3, 50]}}, [2, 3]),
        ({"when": {"every": 3}, "times": 3}, [3, 6, 9]),
        ({"when": {"user_id": "user-1"}}, [1, 5, 9]),
        ({"when": {"user_id": "user-1", "every": 5}}, [5]),
        ({"when": {"path": "/batch", "every": 6}}, [6, 12]),
        ({"when": {"path": "/2/httpapi"}}, []),
        ({"when": {"probability": 0}}, []),
        ({"when": {"probability": 1}}, list(range(1, 13))),
    ],
)
def test_a_fault_strikes_the_requests_that_meet_all_its_conditions(
    fault: dict[str, Any],
    numbers: list[int],
) -> None:
    assert struck(fault) == numbers


def test_a_probability_strikes_the_same_requests_for_the_same_seed() -> None:
    def with_seed(seed: int) -> list[int]:
        return struck({"when": {"probability": 0.3, "seed": seed}}, requests=1_000)

    assert with_seed(1) == with_seed(1) != with_seed(2)
    assert 230 < len(with_seed(1)) < 370


def test_the_first_fault_that_applies_strikes_alone() -> None:
    injector = FaultInjector(
        Faults.from_json(
            {
                "faults": [
                    {"name": "first", "when": {"every": 2}, "do": DOWN, "times": 1},
                    {"name": "second", "when": {"every": 2}, "do": DOWN},
                ],
            },
        ),
    )

    names = [
        fault.name if (fault := injector.next(number, "/", set)) else None
        for number in range(1, 5)
    ]

    assert names == [None, "first", None, "second"]


def test_users_are_only_looked_up_for_a_fault_that_needs_them() -> None:
    injector = FaultInjector(Faults.from_json({"faults": [{"do": DOWN}]}))

    assert injector.next(1, "/", lambda: pytest.fail("looked up"))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "Expected `object`, got `array`"),
        ({"faults": {}}, "Expected `array`, got `object` - at `$.faults`"),
        ({"fault": []}, "unknown field `fault`"),
        ({"faults": [{}]}, "missing required field `do`"),
        ({"faults": [{"do": {}}]}, "one of `read_rate`, `delay`, `status`"),
        ({"faults": [{"do": {"statsu": 500}}]}, "unknown field `statsu`"),
        ({"faults": [{"do": {"status": 99}}]}, "Expected `int` >= 200"),
        ({"faults": [{"do": {"delay": -1}}]}, "`$.faults[0].do.delay`"),
        ({"faults": [{"do": {"reset": "soon"}}]}, "Invalid enum value 'soon'"),
        ({"faults": [{"do": {"json": {}}}]}, "need a `status`"),
        ({"faults": [{"do": {**DOWN, "raw": ""}}]}, "exclude each other"),
        ({"faults": [{"do": {**DOWN, "reset": "after"}}]}, "`reset` leaves no answer"),
        ({"faults": [{"do": DOWN, "when": {"every": 0}}]}, "`$.faults[0].when.every`"),
        ({"faults": [{"do": DOWN, "when": {"probability": 2}}]}, "<= 1"),
        ({"faults": [{"do": DOWN, "times": "2"}]}, "Expected `int | null`"),
    ],
)
def test_an_invalid_definition_is_refused_with_the_place(
    document: object, message: str
) -> None:
    with pytest.raises(FaultError) as raised:
        Faults.from_json(document)

    assert str(raised.value).startswith("faults: ")
    assert message in str(raised.value)


def test_faults_are_also_read_from_text() -> None:
    assert Faults.from_text(b'{"faults": [{"do": {"cut": true}}]}').faults[0].do.cut
    with pytest.raises(FaultError, match="faults: "):
        Faults.from_text(b"{faults}")
