"""Which events make Amplitude refuse a request, and how it names them."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.ingest.validation import complaints_of
from target_amplitude_nami.local.model import Upload
from tests.local.bench import BATCH, HTTP_V2, Bench, event, without

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

MISSING = "Request missing required field"
INVALID = "Invalid field values on some events"
SHORT = "Invalid id length for user_id or device_id"


def nested(levels: int) -> Any:
    """Return properties of so many levels, objects and lists in turn."""
    value: Any = "leaf"
    for level in range(levels - 1, -1, -1):
        value = [value] if level % 2 else {"k": value}
    return value


@pytest.mark.parametrize("bad", ["text", 1, None, [], [event()]])
def test_an_event_is_an_object(bench: Bench, bad: object) -> None:
    """HTTP V2 API, 400: Invalid event JSON."""
    answer = bench.send(event(), bad)

    assert answer == (400, {"code": 400, "error": "Invalid event JSON"})


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (without("event_type"), "event_type"),
        (event(event_type=None), "event_type"),
        (event(event_type=""), "event_type"),
        (without("user_id", device_id=None), "user_id"),
    ],
)
def test_a_missing_field_is_named_with_its_event(
    bench: Bench,
    bad: dict[str, Any],
    field: str,
) -> None:
    """HTTP V2 API, 400: events_with_missing_fields."""
    answer = bench.send(event(), bad)

    assert answer == (
        400,
        {"code": 400, "error": MISSING, "events_with_missing_fields": {field: [1]}},
    )


@pytest.mark.parametrize("name", ["user_id", "device_id"])
def test_one_id_is_enough(bench: Bench, name: str) -> None:
    """HTTP V2 API, `user_id` and `device_id`: one of the two is required."""
    assert bench.send(without(name))[0] == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", "2023-11-14T22:13:20Z"),
        ("time", "1700000000000"),
        ("time", 1_700_000_000_000.0),
        ("time", 1_700_000_000_000.5),
        ("time", True),
        ("time", 10**18),
        ("session_id", "1"),
        ("session_id", 2**63),
        ("event_id", 1.5),
        ("quantity", "2"),
        ("quantity", 1.5),
        ("price", "9.99"),
        ("revenue", "9.99"),
        ("location_lat", "37.7"),
        ("location_lng", "-122.3"),
        ("event_properties", "text"),
        ("event_properties", []),
        ("user_properties", []),
        ("groups", "text"),
        ("group_properties", 1),
        ("insert_id", 7),
        ("event_type", 7),
        ("user_id", 1.5),
        ("device_id", ["device-1"]),
        ("event_type", "[Amplitude] Start Session"),
        ("event_type", "[Amplitude] End Session"),
        ("event_type", "[Amplitude] Revenue"),
        ("event_type", "[Amplitude] Revenue (Verified)"),
        ("event_type", "[Amplitude] Revenue (Unverified)"),
        ("event_type", "[Amplitude] Merged User"),
        ("event_properties", nested(41)),
        ("user_properties", nested(41)),
        ("user_properties", {"$set": {"a": 1}, "b": 2}),
        ("user_properties", {"$set": "text"}),
    ],
)
def test_an_invalid_value_is_named_with_its_event(
    bench: Bench,
    field: str,
    value: object,
) -> None:
    """HTTP V2 API, Keys for the event argument; 400: events_with_invalid_fields."""
    answer = bench.send(event(), event(**{field: value}))

    assert answer == (
        400,
        {"code": 400, "error": INVALID, "events_with_invalid_fields": {field: [1]}},
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"time": 1_700_000_000},
        {"time": -1},
        {"session_id": -1},
        {"event_id": 0},
        {"price": 9, "quantity": 2, "revenue": 18.0},
        {"price": 2**63, "location_lat": -(2**64)},
        {"location_lat": 37.7, "location_lng": -122},
        {"event_properties": nested(40)},
        {"event_properties": {"a": [], "b": {}, "c": None, "d": [1, [2, [3]]]}},
        {"user_properties": {}},
        {"groups": {"team": ["a", "b"]}},
        {"user_id": 12_345},
        {"time": None, "event_properties": None, "insert_id": None},
        {"a field that nobody knows": [1]},
    ],
)
def test_what_is_only_unusual_is_accepted(
    bench: Bench,
    fields: dict[str, Any],
) -> None:
    """HTTP V2 API, Keys for the event argument; nesting depth of 40."""
    assert bench.send(event(**fields))[0] == 200


@pytest.mark.parametrize("field", ["user_id", "device_id"])
def test_a_short_id_is_refused_even_beside_a_good_one(
    bench: Bench,
    field: str,
) -> None:
    """Seen of servers, although the HTTP V2 API page says the id is only dropped."""
    answer = bench.send(event(), event(**{field: "1234"}))

    assert answer == (
        400,
        {"code": 400, "error": SHORT, "events_with_invalid_id_lengths": {field: [1]}},
    )


@pytest.mark.parametrize(("length", "status"), [(1, 200), (3, 200), (4, 400)])
def test_the_least_id_length_is_an_option_of_the_request(
    bench: Bench,
    length: int,
    status: int,
) -> None:
    """HTTP V2 API, `options.min_id_length`."""
    sent = event(user_id="abc")

    assert bench.send(sent, options={"min_id_length": length})[0] == status


@pytest.mark.parametrize(
    "forbidden",
    [
        "anonymous",
        "nil",
        "none",
        "null",
        "n/a",
        "na",
        "undefined",
        "unknown",
        "",
        "00000000-0000-0000-0000-000000000000",
        "{}",
        "lmy47d",
        "0",
        "-1",
        "UNKNOWN",
        "Anonymous",
        "LMY47D",
    ],
)
@pytest.mark.parametrize("field", ["user_id", "device_id"])
def test_a_forbidden_id_is_refused_without_its_index(
    bench: Bench,
    field: str,
    forbidden: str,
) -> None:
    """HTTP V2 API, Device IDs and User IDs: invalid ids, in any case."""
    sent = event(**{field: forbidden})

    answer = bench.send(event(), sent, options={"min_id_length": 0})

    assert answer == (400, {"code": 400, "error": "Invalid user_id or device_id"})


def test_forbidden_ids_are_listed_if_switched_on(make_bench: MakeBench) -> None:
    _, document = make_bench(name_forbidden_ids=True).send(
        event(),
        event(user_id="unknown"),
    )

    assert document["events_with_invalid_fields"] == {"user_id": [1]}


@pytest.mark.parametrize(
    ("path", "mode", "named"),
    [
        (HTTP_V2, None, {"time": [1], "price": [2]}),
        (BATCH, None, {"time": [1, 3], "price": [2, 3]}),
        (HTTP_V2, "all", {"time": [1, 3], "price": [2, 3]}),
        (BATCH, "first", {"time": [1], "price": [2]}),
        (HTTP_V2, "none", None),
    ],
)
def test_http_v2_names_the_first_bad_event_per_field_and_batch_all(
    make_bench: MakeBench,
    path: str,
    mode: str | None,
    named: dict[str, list[int]] | None,
) -> None:
    """HTTP V2 API and Batch Event Upload API, response format of a 400."""
    bad = [event(time="x"), event(price="x"), event(time="x", price="x")]

    _, document = make_bench(index_mode=mode).send(event(), *bad, path=path)

    assert document.get("events_with_invalid_fields") == named


def test_missing_fields_come_before_invalid_ones_and_those_before_short_ids(
    bench: Bench,
) -> None:
    missing, invalid, short = without("event_type"), event(time=1.5), event(user_id="a")

    found = [
        bench.send(*events)[1]["error"]
        for events in ([short, invalid, missing], [short, invalid], [short])
    ]

    assert found == [MISSING, INVALID, SHORT]


def test_all_kinds_are_listed_at_once_if_switched_on(make_bench: MakeBench) -> None:
    _, document = make_bench(maps_together=True).send(
        without("event_type"),
        event(time=1.5),
        event(user_id="a"),
    )

    assert document == {
        "code": 400,
        "error": MISSING,
        "events_with_missing_fields": {"event_type": [0]},
        "events_with_invalid_fields": {"time": [1]},
        "events_with_invalid_id_lengths": {"user_id": [2]},
    }


def test_checking_all_events_at_once_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values: list[Any] = [
        *(None, True, 0, 7, -1, 2**63, -(2**63), 10**16, 1.0, 1e300, [], {}, [[1]]),
        *("", "abcd", " abcde", "  None ", "anonymous", "$identify", "UNKNOWN"),
        *("[Amplitude] Revenue", {"a": 1}, {"$set": {"a": 1}}, {"$set": {}, "a": 1}),
        *({"$clearAll": "-"}, {"$add": 1}, nested(40), nested(41), nested(60)),
    ]
    names = [
        *("event_type", "user_id", "device_id", "time", "price", "quantity", "groups"),
        *("user_properties", "event_properties", "insert_id", "library", "revenue"),
    ]
    odd = [event(**{name: value}) for name, value in product(names, values)]
    odd += [without(name) for name in ("event_type", "user_id", "device_id", "time")]
    odd += [event(user_id=None, device_id=None), {}]
    uploads = [
        Upload("key-1", 5, both, [json.dumps(e).encode() for e in both])
        for one in odd
        for both in ([one], [event(), one], [one, without("user_id")])
    ]
    found = [complaints_of(upload) for upload in uploads]
    name = "target_amplitude_nami.local.ingest.validation._is_flawless"
    monkeypatch.setattr(name, lambda _: False)

    assert found == [complaints_of(upload) for upload in uploads]
