"""Moments are read in every common form, alike on every Python, and never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_amplitude_nami.nami.times import milliseconds, utc_text

SECOND = 1716944231
"""29 May 2024, 00:57:11 UTC, as seconds since 1970."""
FRACTIONS = [
    ("", 0, ""),
    (".2", 200, ".2"),
    (".22", 220, ".22"),
    (".227", 227, ".227"),
    (".2277", 227, ".2277"),
    (".22776", 227, ".22776"),
    (".227760", 227, ".22776"),
    (".2277601", 227, ".2277601"),
    (".22776012", 227, ".22776012"),
    (".227760123", 227, ".227760123"),
    (".000", 0, ""),
    (".999999999", 999, ".999999999"),
]
"""What may stand after the seconds, its milliseconds, and how it is spelled."""


@pytest.mark.parametrize("zone", ["", "Z", "z", " Z", "UTC", " UTC", " utc", "  UTC"])
@pytest.mark.parametrize("between", ["T", "t", " ", "  "])
@pytest.mark.parametrize("mark", [".", ","])
def test_utc_is_read_with_any_fraction(mark: str, between: str, zone: str) -> None:
    for fraction, ms, spelled in FRACTIONS:
        text = f"2024-05-29{between}00:57:11{fraction.replace('.', mark)}{zone}"

        assert milliseconds(text) == SECOND * 1000 + ms
        assert utc_text(text) == f"2024-05-29T00:57:11{spelled}Z"


@pytest.mark.parametrize(
    ("clock", "offset"),
    [
        ("00:57:11", "+00"),
        ("00:57:11", "-00"),
        ("00:57:11", "+0000"),
        ("00:57:11", "+00:00"),
        ("00:57:11", "-00:00"),
        ("01:57:11", "+01"),
        ("02:27:11", "+0130"),
        ("02:27:11", "+01:30"),
        ("23:57:11", "+23:00"),
    ],
)
@pytest.mark.parametrize("space", ["", " ", "  "])
@pytest.mark.parametrize("between", ["T", " "])
def test_an_offset_is_read_with_any_fraction_and_a_space_before_it(
    between: str, space: str, clock: str, offset: str
) -> None:
    for fraction, ms, spelled in FRACTIONS:
        text = f"2024-05-29{between}{clock}{fraction}{space}{offset}"

        assert milliseconds(text) == SECOND * 1000 + ms
        assert utc_text(text) == f"2024-05-29T00:57:11{spelled}Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-28T15:27:11-09:30", "2024-05-29T00:57:11Z"),
        ("2024-05-28 17:57:11.5 -0700", "2024-05-29T00:57:11.5Z"),
        ("2024-05-29", "2024-05-29T00:00:00Z"),
        ("2024-05-29T00:57", "2024-05-29T00:57:00Z"),
        ("2024-05-29 00:57 UTC", "2024-05-29T00:57:00Z"),
        ("20240529T005711Z", "2024-05-29T00:57:11Z"),
        ("20240529T005711.227+0000", "2024-05-29T00:57:11.227Z"),
        ("2024-05-29T24:00:00Z", "2024-05-30T00:00:00Z"),
        ("2024-12-31 24:00:00.000", "2025-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.9Z"),
        ("  2024-05-29T00:57:11Z\r\n", "2024-05-29T00:57:11Z"),
        ("2024-05-29T00:57:11.1234567890123Z", "2024-05-29T00:57:11.1234567890123Z"),
    ],
)
def test_other_forms_of_iso_8601_are_read(text: str, moment: str) -> None:
    assert utc_text(text) == moment
    assert milliseconds(text) == milliseconds(moment)


@pytest.mark.parametrize(
    "text",
    [
        *("05/06/2024", "05/06/2024 00:57:11", "29.05.2024", "05-06-2024", "24-05-29"),
        "2024-05-29 00:57:11 PM",
        "2024-05-29 00:57:11 CET",
        "2024-05-29 00:57:11 GMT",
        "2024-05-29 00:57:11 Europe/Berlin",
        "2024-05-29T00:57:11Z[Europe/Berlin]",
        "2024-05-29T00:57:11 +02:00 UTC",
        # Some versions of Python read these, in some way.
        "2024-05-29T23:59:360Z",
        "2024-05-29T00:57:116-0700",
        "2024-05-29T00:57:11.-07:00",
        "2024-05-29T00:57:11+01:75",
        "2024-05-29T00:57:11.227760 7Z",
        "2024-W22-3T00:57:11Z",
        "2024-05-29x00:57:11Z",
        # There is no such moment.
        *("2024-13-01T00:00:00Z", "2024-02-30", "0000-01-01", "2023-02-29T00:00:00Z"),
        *("2024-05-29T24:00:01Z", "2024-05-29T24:00:00.1Z", "2024-05-29T25:00:00Z"),
        *("2024-05-29T23:60:00Z", "2024-05-29T23:59:60Z", "2024-05-29T00:57:11+24:00"),
        # These are no digits to anybody else.
        "\u0662\u0660\u0662\u0664-\u0660\u0665-\u0662\u0669",
        "2024-05-29T00:57:1\u0661Z",
        "\ud83d",
        *("", " ", "Z", "UTC", "T", "-", "null", "NaT", "P1M"),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_no_time_is_not_read(text: str) -> None:
    assert milliseconds(text) is None
    assert utc_text(text) is None


@pytest.mark.parametrize("as_text", [False, True], ids=["number", "text"])
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        ("1716944231", "2024-05-29T00:57:11Z"),
        ("1716944231.2", "2024-05-29T00:57:11.2Z"),
        ("1716944231.227760123", "2024-05-29T00:57:11.227760123Z"),
        ("1716944231.0", "2024-05-29T00:57:11Z"),
        ("1716944231227", "2024-05-29T00:57:11.227Z"),
        ("1716944231227.760", "2024-05-29T00:57:11.22776Z"),
        ("1716944231227760", "2024-05-29T00:57:11.22776Z"),
        ("1716944231227760.5", "2024-05-29T00:57:11.2277605Z"),
        ("1716944231227760123", "2024-05-29T00:57:11.227760123Z"),
        ("1.716944231227E+12", "2024-05-29T00:57:11.227Z"),
        ("1.716944231e9", "2024-05-29T00:57:11Z"),
        ("946684800", "2000-01-01T00:00:00Z"),
        ("4102444799", "2099-12-31T23:59:59Z"),
    ],
)
def test_the_size_of_a_number_gives_its_unit(
    number: str, moment: str, *, as_text: bool
) -> None:
    value = f" {number}\r" if as_text else Decimal(number)

    assert milliseconds(value) == milliseconds(moment)
    assert utc_text(value) == moment


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (10**11 - 1, (10**11 - 1) * 1000),
        (10**11, 10**11),
        (10**14 - 1, 10**14 - 1),
        (10**14, 10**11),
        (10**17 - 1, 10**14 - 1),
        (10**17, 10**11),
        (10**20 - 1, 10**14 - 1),
        (10**20, None),
        (-(10**11) + 1, -(10**14) + 1000),
        (-(10**11), -(10**11)),
        (-(10**20), None),
        (Decimal("-0.0001"), -1),
        ("-1716944231", None),
        (1716944231.5, 1716944231500),
        (float("nan"), None),
        (Decimal("Infinity"), None),
        (Decimal("0E+999999999999"), 0),
        (Decimal("1E-999999999999"), 0),
        ("1e999", None),
        ("1e9999999999999999999", None),
        ("9" * 5000, None),
        (True, None),
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_units_meet_without_a_gap_and_no_number_is_too_much(
    number: object, expected: int | None
) -> None:
    assert milliseconds(number) == expected


@pytest.mark.parametrize(
    "number",
    [
        20240529,
        "20240529",
        20240529005711,
        "20240529005711",
        253402300799,  # 9999-12-31, in seconds: of that size are milliseconds of 1978
        253402300799000,
        946684799,
        4102444800,
        0,
        -1716944231,
        Decimal("1716944231.2277601234"),  # beyond nanoseconds
    ],
    ids=repr,
)
def test_a_number_that_may_be_something_else_gets_no_spelling(number: object) -> None:
    assert utc_text(number) is None


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2024, 5, 29, 0, 57, 11, 227760), "2024-05-29T00:57:11.22776Z"),  # noqa: DTZ001
        (datetime(2024, 5, 29, 0, 57, 11, tzinfo=UTC), "2024-05-29T00:57:11Z"),
        (
            datetime(2024, 5, 29, 2, 57, 11, tzinfo=timezone(timedelta(hours=2))),
            "2024-05-29T00:57:11Z",
        ),
        (date(2024, 5, 29), "2024-05-29T00:00:00Z"),
    ],
    ids=repr,
)
def test_what_a_stream_map_makes_is_read(moment: date, expected: str) -> None:
    assert utc_text(moment) == expected
    assert milliseconds(moment) == milliseconds(expected)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"]
)
def test_a_moment_outside_the_calendar_has_no_spelling(text: str) -> None:
    assert utc_text(text) is None


@pytest.mark.parametrize(
    "text", ["2024-05-29T00:57:05Z", "2024-05-29T00:57:10.356795Z"]
)
def test_what_is_spelled_as_nami_does_stays_the_same_text(text: str) -> None:
    assert utc_text(text) is text


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_any_moment_has_one_spelling(moment: datetime) -> None:
    spelled = utc_text(moment.isoformat())

    assert spelled is not None
    assert datetime.fromisoformat(spelled) == moment
    assert utc_text(spelled) == utc_text(moment) == spelled
    assert not spelled.endswith("0Z") or len(spelled) == len("2024-05-29T00:57:10Z")


@given(st.text("0123456789-:.,+TZ UtcE", max_size=36))
@example("2024-05-29T23:59:360Z")
def test_both_ways_of_reading_agree_on_what_is_a_time(text: str) -> None:
    spelled = utc_text(text)

    if spelled is not None:
        assert milliseconds(text) == milliseconds(spelled)
        assert utc_text(spelled) == spelled


@pytest.mark.parametrize("position", range(len("2024-05-29T00:57:11.227760+00:00")))
@pytest.mark.parametrize("character", "059 :.-+TZx\u0663")
def test_one_wrong_character_is_never_read_by_the_quick_way_alone(
    position: int, character: str
) -> None:
    text = "2024-05-29T00:57:11.227760+00:00"
    changed = text[:position] + character + text[position + 1 :]

    # A space before it keeps a text from the quick way.
    assert milliseconds(changed) == milliseconds(f" {changed}")
