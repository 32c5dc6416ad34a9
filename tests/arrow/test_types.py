"""Values of every Arrow type become the same bytes of an event, always."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from pyarrow import lib

from tests.support.arrow import sent_of
from tests.support.arrow_values import VALUES

if TYPE_CHECKING:
    import pyarrow as pa

NAMES_ALONE: Final = {"Type_INTERVAL_MONTHS", "Type_INTERVAL_DAY_TIME"}
"""pyarrow knows these types by name, and can neither make nor receive their values."""


@pytest.mark.parametrize(("values", "expected"), VALUES.values(), ids=VALUES)
def test_a_value_of_every_type_is_sent_as_the_page_says(
    values: pa.Array, expected: list[Any]
) -> None:
    assert sent_of(values) == expected


@pytest.mark.parametrize(("values", "expected"), VALUES.values(), ids=VALUES)
def test_a_slice_has_its_own_rows(values: pa.Array, expected: list[Any]) -> None:
    for start in range(len(values) + 1):
        assert sent_of(values[start:]) == expected[start:]
        assert sent_of(values[:start]) == expected[:start]


def test_every_type_of_pyarrow_is_tried() -> None:
    names = {name for name in dir(lib) if name.startswith("Type_")} - NAMES_ALONE
    tried = {values.type.id for values, _ in VALUES.values()}

    assert [name for name in names if getattr(lib, name) not in tried] == []
