"""The tree of errors, and the one line that each of them is in a log."""

from __future__ import annotations

import pickle
import re

import pytest

from target_amplitude_nami import errors
from target_amplitude_nami.errors import (
    AmplitudeNamiError,
    ConfigurationError,
    DeliveryError,
    StoreUnusable,
    UnreadableRecord,
)

MULTILINE = "a key\nof two lines"


def test_the_drawing_shows_every_error() -> None:
    root, *leaves = re.findall(r"^    \W*([A-Z]\w+)", str(errors.__doc__), re.MULTILINE)
    assert root == AmplitudeNamiError.__name__
    assert leaves == [error.__name__ for error in _errors()]


def _errors() -> list[type[AmplitudeNamiError]]:
    """Return the errors below the root, in the order in which they are defined."""
    return [error for error in vars(errors).values() if _is_below_the_root(error)]


def _is_below_the_root(error: object) -> bool:
    return (
        isinstance(error, type)
        and issubclass(error, AmplitudeNamiError)
        and error is not AmplitudeNamiError
    )


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError([MULTILINE, "zebra"]),
        DeliveryError(MULTILINE),
        StoreUnusable(MULTILINE),
        UnreadableRecord("not_json", "payload", MULTILINE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_one_line_and_survives_pickling(error: AmplitudeNamiError) -> None:
    assert str(error).startswith(r"a key\nof two lines")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made by the test
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_a_configuration_error_has_a_line_for_each_mistake() -> None:
    error = ConfigurationError([MULTILINE, "zebra is not a setting."])
    assert error.problems == (r"a key\nof two lines", "zebra is not a setting.")
    assert str(error) == r"a key\nof two lines zebra is not a setting."


def test_an_unreadable_record_says_why_where_and_of_which_type() -> None:
    error = UnreadableRecord("not_json", "payload", "payload is not JSON")
    assert (error.reason, error.field) == ("not_json", "payload")
    assert error.event_type is None
    assert str(error) == error.detail == "payload is not JSON"
