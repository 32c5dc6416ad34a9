"""The databases that the tests of taps read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.taps.sources import DATABASES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.taps.sources import Source


@pytest.fixture(
    scope="module",
    params=[(database, whole) for database in DATABASES for whole in (True, False)],
    ids=lambda param: f"{param[0]}, {'whole rows' if param[1] else 'keys alone'}",
)
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """An empty database, whose log has deleted rows in whole or as keys alone."""
    name, whole_rows = request.param
    with DATABASES[name](whole_rows=whole_rows) as source:
        yield source
