"""What Amplitude would refuse is found before it is sent."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude import checks, limits
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.amplitude.event import AmplitudeEvent, encode
from target_amplitude_nami.outcomes import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

TIME: Final = 1716944231227
USER: Final = "035b30e2-faf4-462d-aec3-caa0fbe26c49"
DEVICE: Final = "0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5"


def event(**changes: Any) -> AmplitudeEvent:
    fields: dict[str, Any] = {
        "event_type": "user.subscription.renewed",
        "insert_id": "id-1",
        "user_id": USER,
        "device_id": DEVICE,
        "time": TIME,
    }
    return AmplitudeEvent(**fields | changes)


def check(
    event: AmplitudeEvent, *, min_id_length: int | None = None, room: int = 900_000
) -> bytes | Refusal:
    return Checks(min_id_length=min_id_length, max_event_bytes=room).encode(event)


def accepted(event: AmplitudeEvent, **more: Any) -> bytes:
    body = check(event, **more)
    assert isinstance(body, bytes), body
    return body


def encoded(event: AmplitudeEvent) -> tuple[bytes | Refusal, int]:
    """Return what `Checks.encode` makes of an event, and how many texts it cut."""
    checks = Checks(min_id_length=None, max_event_bytes=900_000)
    return checks.encode(event), checks.texts_cut


def counted(event: AmplitudeEvent) -> tuple[bytes, int]:
    """Return the bytes of an event that is accepted, and how many texts were cut."""
    body, texts_cut = encoded(event)
    assert isinstance(body, bytes), body
    return body, texts_cut


def refused(event: AmplitudeEvent, **more: Any) -> tuple[str, str]:
    refusal = check(event, **more)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.detail
    assert refusal.status is None
    return refusal.reason, refusal.field


def nested(layers: int, kind: type = dict, core: object = 1) -> Any:
    """Make containers within containers: so many layers with the outermost."""
    value = core
    for _ in range(layers):
        value = [value] if kind is list else {"a": value}
    return value


def test_a_good_event_leaves_as_it_is() -> None:
    good = event(event_properties={"a": [1]}, user_properties={"b": []})

    assert counted(good) == (encode(good), 0)


# Ids


def test_an_event_needs_one_of_the_two_ids() -> None:
    assert refused(event(user_id=None, device_id=None)) == ("no_ids", "user_id")
    assert b"user_id" not in accepted(event(user_id=None))
    assert b"device_id" not in accepted(event(device_id=None))


SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "as listed": str,
    "upper case": str.upper,
    "title case": str.title,
    "spaces": lambda id_: f" {id_}\t",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("forbidden", sorted(limits.FORBIDDEN_IDS))
@pytest.mark.parametrize("field", ["user_id", "device_id"])
def test_a_forbidden_id_is_refused_in_any_spelling_whatever_the_other_id(
    field: str, forbidden: str, spelling: str
) -> None:
    bad = event(**{field: SPELLINGS[spelling](forbidden)})

    assert refused(bad) == (f"{field}_forbidden", field)
    assert refused(bad, min_id_length=1) == (f"{field}_forbidden", field)


def test_the_forbidden_ids_are_those_of_the_documentation() -> None:
    assert sorted(limits.FORBIDDEN_IDS) == sorted(
        [
            *["anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown"],
            *["", "00000000-0000-0000-0000-000000000000", "{}", "lmy47d", "0", "-1"],
        ]
    )


@pytest.mark.parametrize("harmless", ["anonymous1", "nonenone", "00000", "null-user"])
def test_what_only_resembles_a_forbidden_id_is_accepted(harmless: str) -> None:
    assert json.loads(accepted(event(user_id=harmless)))["user_id"] == harmless


@pytest.mark.parametrize("field", ["user_id", "device_id"])
@pytest.mark.parametrize(
    ("least", "length", "is_accepted"),
    [
        (None, 4, False),
        (None, 5, True),
        (1, 1, True),
        (3, 2, False),
        (3, 3, True),
        (10, 9, False),
        (10, 10, True),
        (None, 1024, True),
    ],
)
def test_an_id_has_at_least_the_length_that_is_asked(
    field: str, least: int | None, length: int, *, is_accepted: bool
) -> None:
    this = event(**{field: "é" * length})

    if is_accepted:
        accepted(this, min_id_length=least)
    else:
        assert refused(this, min_id_length=least) == (f"{field}_too_short", field)


@pytest.mark.parametrize("field", ["user_id", "device_id"])
def test_an_id_that_would_be_cut_is_refused(field: str) -> None:
    assert refused(event(**{field: "x" * 1025})) == (f"{field}_too_long", field)


def test_a_user_id_that_is_good_makes_no_other_id_good() -> None:
    checks = Checks(min_id_length=None, max_event_bytes=900_000)
    bad, other_device = event(user_id="unknown"), event(device_id="unknown")
    for _ in range(2):
        assert checks.refuse_user_id(USER) is None
        assert checks.refuse_user_id("unknown") is not None
        assert isinstance(checks.encode(event()), bytes)
        assert isinstance(checks.encode(bad), Refusal)
        assert isinstance(checks.encode(other_device), Refusal)


def test_a_long_id_is_not_shown_whole() -> None:
    refusal = check(event(user_id="unknown" + " " * 2000))

    assert isinstance(refusal, Refusal)
    assert len(refusal.detail) < 200


# Names and times


@pytest.mark.parametrize("name", sorted(limits.RESERVED_EVENT_TYPES))
def test_a_name_of_amplitudes_own_is_refused(name: str) -> None:
    assert refused(event(event_type=name)) == ("event_name_reserved", "event_type")


def test_an_identify_that_sets_something_is_amplitudes_own_and_right() -> None:
    identify = event(event_type="$identify", user_properties={"$set": {"a": 1}})

    accepted(identify)
    assert refused(event(event_type="$identify", user_properties={"a": 1})) == (
        "event_name_reserved",
        "event_type",
    )


@pytest.mark.parametrize("length", [1, 1024])
def test_a_name_may_have_up_to_1024_characters(length: int) -> None:
    accepted(event(event_type="🎧" * length))


@pytest.mark.parametrize("length", [0, 1025])
def test_a_name_without_characters_or_with_too_many_is_refused(length: int) -> None:
    assert refused(event(event_type="x" * length)) == (
        "event_name_unusable",
        "event_type",
    )


@pytest.mark.parametrize("time", [946_684_800_000, TIME, 4_102_444_799_999, None])
def test_a_time_of_this_century_is_accepted(time: int | None) -> None:
    accepted(event(time=time))


@pytest.mark.parametrize(
    "time",
    [946_684_799_999, 4_102_444_800_000, TIME // 1000, TIME * 1000, 0, -1, 10**30],
)
def test_any_other_time_is_refused(time: int) -> None:
    assert refused(event(time=time)) == ("time_out_of_range", "time")


# Depth


@pytest.mark.parametrize("kind", [dict, list])
@pytest.mark.parametrize("field", ["event_properties", "user_properties"])
def test_properties_nest_up_to_40_layers(field: str, kind: type) -> None:
    accepted(event(**{field: {"a": nested(39, kind)}}))
    assert refused(event(**{field: {"a": nested(40, kind)}})) == ("too_deep", field)


def test_many_objects_side_by_side_are_not_deep() -> None:
    wide = [nested(3) for _ in range(100)]

    accepted(event(event_properties={"wide": wide, "text": "{[" * 50}))


@pytest.mark.parametrize("kind", [dict, list])
@pytest.mark.parametrize("core", [1, Decimal("NaN"), "x" * 2000], ids=str)
def test_any_depth_that_comes_in_is_refused(kind: type, core: object) -> None:
    for depth in range(40, 220, 20):
        deep = event(event_properties={"a": nested(depth, kind, core)})
        assert refused(deep) == ("too_deep", "event_properties")


# Numbers

NOT_FINITE: Final = (
    Decimal("NaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    float("nan"),
    float("inf"),
    float("-inf"),
)


@pytest.mark.parametrize("number", NOT_FINITE, ids=repr)
@pytest.mark.parametrize("field", ["event_properties", "user_properties"])
def test_a_number_that_json_cannot_hold_is_refused_wherever_it_stands(
    field: str, number: object
) -> None:
    for properties in ({"n": number}, {"n": [1, {"m": [number]}]}):
        assert refused(event(**{field: properties})) == ("number_not_finite", field)
        assert jsontext.holds_not_finite(properties)


@pytest.mark.parametrize(
    ("properties", "place"),
    [
        ({"a": 1, "n": NOT_FINITE[0]}, "event_properties.n"),
        ({"a": [1, {"m": [NOT_FINITE[0]]}]}, "event_properties.a.1.m.0"),
    ],
)
def test_a_number_that_json_cannot_hold_is_named(
    properties: dict[str, Any], place: str
) -> None:
    refusal = check(event(event_properties=properties))

    assert isinstance(refusal, Refusal)
    assert refusal.detail == f"the number in {place} is NaN, infinite or too large"


def test_text_and_null_that_look_like_such_numbers_are_fine() -> None:
    properties = {"NaN": "NaN", "a": ["Infinity", None, "null"], "n": Decimal("1E+300")}

    assert json.loads(accepted(event(event_properties=properties)))
    assert not jsontext.holds_not_finite(properties)


@pytest.mark.parametrize(
    "number", ["9.99", "9.990", "1E+2", "18446744073709551616", "0.10", "-0.0"]
)
def test_numbers_keep_their_digits(number: str) -> None:
    value: object = int(number) if number.isdigit() else Decimal(number)
    for more in ({}, {"text": "x" * 2000}):  # nor does cutting texts change them
        body = accepted(event(event_properties={"n": value, **more}))
        assert f'"n":{number}'.encode() in body


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_revenue_that_is_no_finite_number_is_refused(number: str) -> None:
    endless = event(revenue=Decimal(number))

    assert refused(endless) == ("number_not_finite", "revenue")


# Long texts


@pytest.mark.parametrize("character", ["x", "é", "🎧", '"'])
def test_text_is_cut_after_1024_characters(character: str) -> None:
    body, texts_cut = counted(event(event_properties={"t": character * 1025}))

    assert json.loads(body)["event_properties"] == {"t": character * 1024}
    assert texts_cut == 1


@pytest.mark.parametrize("character", ["x", "é", "🎧", '"'])
def test_text_of_1024_characters_is_whole(character: str) -> None:
    body, texts_cut = counted(event(event_properties={"t": character * 1024}))

    assert json.loads(body)["event_properties"] == {"t": character * 1024}
    assert texts_cut == 0


def test_every_cut_text_counts_once_wherever_it_stands() -> None:
    long = "x" * 3000
    body, texts_cut = counted(
        event(
            event_properties={"a": long, "b": {"c": [long, "short", 1]}, "d": "y"},
            user_properties={"namiml_active_skus": [long]},
        )
    )

    assert texts_cut == 3
    assert json.loads(body) == {
        "event_type": "user.subscription.renewed",
        "insert_id": "id-1",
        "user_id": USER,
        "device_id": DEVICE,
        "time": TIME,
        "event_properties": {
            "a": "x" * 1024,
            "b": {"c": ["x" * 1024, "short", 1]},
            "d": "y",
        },
        "user_properties": {"namiml_active_skus": ["x" * 1024]},
    }


def test_cutting_keeps_all_that_needs_no_cut() -> None:
    fields: dict[str, Any] = {
        "skip_user_properties_sync": True,
        "revenue": Decimal("9.990"),
        "currency": "USD",
        "product_id": "p" * 1025,
        "revenue_type": "Purchase",
    }
    body, texts_cut = counted(event(event_properties={"a": "x" * 1025}, **fields))
    expected = event(
        event_properties={"a": "x" * 1024}, **fields | {"product_id": "p" * 1024}
    )

    assert body == encode(expected)
    assert texts_cut == 2


def test_cutting_leaves_the_event_alone() -> None:
    properties = {"a": ["x" * 2000]}

    accepted(event(event_properties=properties))

    assert properties == {"a": ["x" * 2000]}


# Size


@pytest.mark.parametrize("text", ["plain", "ü🎧"])
def test_an_event_may_fill_the_room_of_a_request_to_the_byte(text: str) -> None:
    this = event(event_properties={"t": text, "many": list(range(500))})
    size = len(encode(this))

    assert len(accepted(this, room=size)) == size
    assert refused(this, room=size - 1) == ("event_too_large", "")


def test_a_text_is_cut_before_the_size_is_measured() -> None:
    accepted(event(event_properties={"t": "x" * 10_000_000}))


# The short ways past a look at every value


def looked_at_everything(event: AmplitudeEvent) -> tuple[bytes | Refusal, int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_count_containers", lambda _body: 1_000_000)
        patch.setattr(checks, "_may_hold_not_finite", lambda _body: True)
        patch.setattr(checks, "_may_hold_long_text", lambda _body: True)
        return encoded(event)


# What makes bytes hard to read: quotes, escapes, brackets, many bytes a character.
PIECES: Final = ["x", '"', "\\", "\n", "é", "🎧", "{[", "NaN", "null", "]},"]
TEXTS: Final = st.lists(
    st.tuples(st.sampled_from(PIECES), st.sampled_from([1, 2, 7, 511, 1022, 1024])),
    max_size=4,
).map(lambda pieces: "".join(piece * count for piece, count in pieces))
NUMBERS: Final = st.sampled_from([0, Decimal("1.50"), 1.5, None, True, *NOT_FINITE])
VALUES: Final = st.recursive(
    TEXTS | NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS, inner, max_size=4)
        | st.builds(
            nested, st.integers(1, 45), st.sampled_from([dict, list]), core=inner
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.none() | TEXTS)
def test_bytes_tell_the_same_as_a_look_at_every_value(
    properties: dict[str, Any], product_id: str | None
) -> None:
    for field in ("event_properties", "user_properties"):
        this = event(product_id=product_id, **{field: properties})
        assert encoded(this) == looked_at_everything(this)


@pytest.mark.parametrize("length", [1024, 1025])
def test_a_long_text_is_found_wherever_it_begins(length: int) -> None:
    for before in range(1025):
        fields = {"a": "b" * before, "c": "x" * length, "d": ["é"]}
        _, texts_cut = counted(event(event_properties=fields))
        assert texts_cut == (length > 1024)


def is_forbidden(value: str) -> bool:
    return value.strip().lower() in limits.FORBIDDEN_IDS


@pytest.mark.parametrize("forbidden", sorted(limits.FORBIDDEN_IDS))
def test_every_spelling_of_a_forbidden_id_is_known(forbidden: str) -> None:
    lookalikes = str.maketrans({"k": "\u212a", "i": "\u0130", "n": "\uff2e"})
    for bare in (forbidden, forbidden.upper(), forbidden.translate(lookalikes)):
        for space in ("", " ", "\u2003\x1f", " " * 40, "\u200b"):
            for value in (space + bare, bare + space, f"{bare}{space}{bare}"):
                refusal = check(event(user_id=value), min_id_length=1)
                is_refused = (
                    isinstance(refusal, Refusal)
                    and refusal.reason == "user_id_forbidden"
                )
                assert is_refused == is_forbidden(value)
