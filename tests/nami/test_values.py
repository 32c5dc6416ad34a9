"""Single values, in every form that a tap or warehouse gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.values import (
    NO_ID,
    boolean,
    epoch_ms,
    external_id,
    identifier,
    json_text,
    shown,
    time_ms,
    trimmed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1716944231227
"""29 May 2024, 00:57:11.227 UTC."""
SECOND = MS // 1000 * 1000
MIDNIGHT = 1716940800000


def refused(read: Callable[[Any, str], object], value: object) -> UnreadableRecord:
    with pytest.raises(UnreadableRecord) as caught:
        read(value, "some_field")
    assert caught.value.field == "some_field"
    assert "some_field" in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # ISO 8601
        ("2024-05-29T00:57:11.227760+00:00", MS),
        ("2024-05-29T00:57:11.227Z", MS),
        ("2024-05-29T00:57:11Z", SECOND),
        ("2024-05-29t00:57:11z", SECOND),
        ("2024-05-29T02:27:11.227+01:30", MS),
        ("2024-05-28T15:27:11.227-09:30", MS),
        ("2024-05-29T00:57:11.227760+0000", MS),
        ("2024-05-29T00:57:11.227760123Z", MS),
        ("2024-05-29T00:57:11.227999Z", MS),
        ("2024-05-29T00:57:11,227Z", MS),
        ("20240529T005711Z", SECOND),
        ("2024-05-29T00:57:11.227760", MS),
        ("2024-05-29", MIDNIGHT),
        # with a space
        ("2024-05-29 00:57:11.227760", MS),
        ("2024-05-29 00:57:11.227760+00", MS),
        ("2024-05-29 00:57:11.227 UTC", MS),
        ("2024-05-29 00:57:11 UTC", SECOND),
        ("2024-05-29 00:57:11.227 +0000", MS),
        ("2024-05-28 17:57:11.227 -0700", MS),
        ("  2024-05-29T00:57:11.227Z\n", MS),
        # epoch
        (1716944231, SECOND),
        (1716944231227, MS),
        (Decimal("1716944231.227760"), MS),
        (Decimal("1.716944231227E+12"), MS),
        (1716944231.5, SECOND + 500),
        ("1716944231", SECOND),
        ("1716944231227", MS),
        ("1716944231.227", MS),
        (" 1716944231227 ", MS),
        ("/Date(1716944231227+0000)/", MS),
        ("/Date(1716944231227)/", MS),
        (0, 0),
        (Decimal("0E+999999999999"), 0),
        (Decimal("1E-999999999999"), 0),
        (10**11 - 1, (10**11 - 1) * 1000),
        (10**11, 10**11),
        ("20240529", 20240529000),
        # a stream map's
        (datetime(2024, 5, 29, 0, 57, 11, 227760, tzinfo=UTC), MS),
        (datetime(2024, 5, 29, 0, 57, 11, 227760), MS),  # noqa: DTZ001
        (
            datetime(2024, 5, 29, 2, 57, 11, 227760, timezone(timedelta(hours=2))),
            MS,
        ),
    ],
    ids=repr,
)
def test_a_timestamp_is_milliseconds_in_every_form(
    value: object, expected: int
) -> None:
    milliseconds = epoch_ms(value, "created_date")

    assert milliseconds == expected
    assert type(milliseconds) is int


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2024-05-29T25:00:00Z",
        "2024-05-29 00:57:11.227 PM",
        "29.05.2024",
        "Wed, 29 May 2024 00:57:11 GMT",
        "UTC",
        " UTC",
        " +0000",
        "/Date()/",
        "/Date(soon)/",
        "-1716944231",
        "1_716_944_231",
        "1.7.1",
        ".",
        "²",
        "١٧١٦٩٤٤٢٣١",
        "9" * 5000,
        10**20,
        -(10**20),
        Decimal("NaN"),
        float("inf"),
        True,
        None,
        [],
        {},
        ["2024-05-29"],
    ],
    ids=repr,
)
def test_what_is_no_timestamp_is_refused(value: object) -> None:
    assert refused(epoch_ms, value).reason == "time_unreadable"


def test_the_refusal_of_a_time_shows_a_good_form() -> None:
    detail = refused(epoch_ms, "05/06/2024").detail

    assert "'05/06/2024'" in detail
    assert "2024-05-29T00:57:11Z" in detail


@pytest.mark.parametrize("value", [None, "", "  ", "\t\r\n"], ids=repr)
def test_no_time_and_blank_text_are_no_time(value: object) -> None:
    assert time_ms(value, "updated_at") is None


def test_a_time_that_may_be_missing_is_read_as_any_other() -> None:
    assert time_ms(" 2024-05-29T00:57:11.227Z ", "updated_at") == MS
    assert refused(time_ms, "yesterday").reason == "time_unreadable"


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_any_moment_is_read_from_its_text(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert epoch_ms(moment.isoformat(), "created_date") == expected


@given(text=st.text(max_size=30))
def test_any_text_is_a_timestamp_or_refused(text: str) -> None:
    try:
        assert type(epoch_ms(text, "created_date")) is int
    except UnreadableRecord as error:
        assert error.reason == "time_unreadable"  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "value",
    [
        True,
        "true",
        "True",
        "TRUE",
        "t",
        "T",
        "yes",
        "y",
        "on",
        "1",
        " true ",
        1,
        1.0,
        Decimal("1.0"),
        "1.0",
    ],
    ids=repr,
)
def test_what_means_true(value: object) -> None:
    assert boolean(value, "flag") is True


@pytest.mark.parametrize(
    "value",
    [
        False,
        "false",
        "False",
        "FALSE",
        "f",
        "F",
        "no",
        "n",
        "off",
        "0",
        " false ",
        0,
        0.0,
        Decimal("0.0"),
        "0.0",
    ],
    ids=repr,
)
def test_what_means_false(value: object) -> None:
    assert boolean(value, "flag") is False


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_blank_flag_is_none(value: object) -> None:
    assert boolean(value, "flag") is None


@pytest.mark.parametrize(
    "value",
    ["maybe", 2, -1, Decimal("0.5"), Decimal("NaN"), [], {}, [True], "truefalse"],
)
def test_what_is_no_flag_is_refused_and_never_guessed(value: object) -> None:
    assert refused(boolean, value).reason == "not_a_boolean"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("b1f6c0de", "b1f6c0de"),
        ("00123", "00123"),
        ("padded    ", "padded"),
        ("\tdragged along\r\n", "dragged along"),
        ("\u00a0typed\u00a0", "\u00a0typed\u00a0"),
        ("   ", None),
        ("nami_device_id_not_set  ", None),
        ("1042.0", "1042.0"),
        (1042, "1042"),
        (1042.0, "1042"),
        (Decimal("1042.0"), "1042"),
        (Decimal("1.042E+3"), "1042"),
        (Decimal("1E+20"), "100000000000000000000"),
        (1e20, "100000000000000000000"),
        (2**70, "1180591620717411303424"),
        (0, "0"),
        (Decimal("0E+999999999999"), "0"),
        (-7, "-7"),
        (None, None),
        ("", None),
        ("nami_device_id_not_set", None),
    ],
    ids=repr,
)
def test_an_id_is_text_whatever_it_came_as(value: object, expected: str | None) -> None:
    assert identifier(value, "user_id") == expected


@pytest.mark.parametrize(
    "value",
    [True, False, 10.5, Decimal("0.1"), Decimal("NaN"), float("inf"), [], {}, ["id"]],
)
def test_what_is_no_id_is_refused(value: object) -> None:
    assert refused(identifier, value).reason == "not_an_id"


@pytest.mark.parametrize(
    "value",
    ["(null)", "\\N", "<NA>", "nan", "NaN", " NaN ", "", "  ", None, NO_ID],
    ids=repr,
)
def test_a_null_marker_as_external_id_is_nobody(value: object) -> None:
    assert external_id(value, "external_id") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("035b30e2-faf4", "035b30e2-faf4"),
        (" 035b30e2-faf4\r", "035b30e2-faf4"),
        (1042, "1042"),
        # What Amplitude forbids is refused where that is known, not here.
        ("none", "none"),
        ("null", "null"),
        ("NULL", "NULL"),
        ("unknown", "unknown"),
    ],
    ids=repr,
)
def test_any_other_external_id_is_what_it_is(value: object, expected: str) -> None:
    assert external_id(value, "external_id") == expected


@pytest.mark.parametrize("value", [Decimal("NaN"), float("nan"), True, ["id"]])
def test_what_is_no_external_id_is_refused(value: object) -> None:
    assert refused(external_id, value).reason == "not_an_id"


def test_text_loses_what_pads_it_and_nothing_else() -> None:
    assert trimmed(" \t\va b\r\n\f ") == "a b"
    assert trimmed("\u00a0a\u2003") == "\u00a0a\u2003"


def test_json_text_nested_without_end_is_refused() -> None:
    assert refused(json_text, "[" * 100_000).reason == "too_deep"


def test_a_value_in_a_message_is_quoted_and_short() -> None:
    assert shown("abc") == "'abc'"
    assert shown("x" * 10**6) == f"'{'x' * 60}…'"
