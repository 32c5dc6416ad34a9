"""What becomes of an accepted event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.bench import BATCH, NOON, Bench, event, without

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

DAY = 24 * 3_600


@pytest.mark.parametrize("path", ["/2/httpapi", BATCH])
def test_the_answer_counts_the_events_and_the_bytes(bench: Bench, path: str) -> None:
    """HTTP V2 API, 200: events_ingested, payload_size_bytes, server_upload_time."""
    document = {"api_key": "key-1", "events": [event(), event()]}
    body = json.dumps(document).encode()

    assert bench.post(body, path=path) == (
        200,
        {
            "code": 200,
            "events_ingested": 2,
            "payload_size_bytes": len(body),
            "server_upload_time": int(NOON * 1_000),
        },
    )


def test_an_event_is_kept_in_the_shape_of_the_export_api(bench: Bench) -> None:
    """Export API, event fields."""
    bench.send(
        event(
            time=1_700_000_000_123,
            insert_id="insert-1",
            event_id=7,
            session_id=1_700_000_000_000,
            event_properties={"a": [1, None]},
            user_properties={"plan": "paid"},
            app_version="1.2",
            groups={"team": "blue"},
        ),
    )

    assert bench.exports() == [
        {
            "event_type": "user.login",
            "user_id": "user-1",
            "device_id": "device-1",
            "event_time": "2023-11-14 22:13:20.123000",
            "$insert_id": "insert-1",
            "event_properties": {"a": [1, None]},
            "user_properties": {"plan": "paid"},
            "server_upload_time": "2027-01-15 08:00:00.000000",
            "event_id": 7,
            "session_id": 1_700_000_000_000,
            "app_version": "1.2",
            "groups": {"team": "blue"},
        },
    ]


def test_an_event_is_also_kept_byte_for_byte(bench: Bench) -> None:
    raw = b'{ "user_id":"user-1",\t"event_type" : "caf\\u00e9", "price": 9.90,"z":1E2}'

    bench.post(b'{"events": [ %b ,%b], "api_key": "key-1"}' % (raw, raw))

    stored = list(bench.read.events())
    assert [kept.raw for kept in stored] == [raw, raw]
    assert stored[0].export["event_type"] == "café"


def test_an_event_without_time_happened_when_it_was_uploaded(bench: Bench) -> None:
    """HTTP V2 API, `time`."""
    bench.send(without("time"))

    assert bench.exports()[0]["event_time"] == "2027-01-15 08:00:00.000000"


def test_a_missing_device_id_follows_from_the_user_id(bench: Bench) -> None:
    """HTTP V2 API, `device_id`: a hash of the user id."""
    sent = without("device_id")
    bench.send(sent, sent, without("device_id", user_id="user-2"))

    first, second, other = (stored["device_id"] for stored in bench.exports())
    assert first == second != other


def test_spaces_before_an_id_do_not_count(bench: Bench) -> None:
    """Seen of servers: cut off after the length was checked."""
    bench.send(event(user_id="  abc"))

    assert bench.exports()[0]["user_id"] == "abc"


def test_a_number_as_user_id_becomes_text(bench: Bench) -> None:
    """Seen of servers: ids of five digits and more."""
    bench.send(event(user_id=12_345))

    assert bench.exports()[0]["user_id"] == "12345"


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        (event(insert_id="insert-1"), 1),
        (event(insert_id="insert-1", event_type="other", time=5), 1),
        (event(insert_id="insert-1", user_id="user-2"), 1),
        (event(insert_id="insert-2"), 2),
        (event(insert_id="insert-1", device_id="device-2"), 2),
        (without("device_id", insert_id="insert-1"), 2),
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_an_insert_id_of_a_device_is_accepted_once(
    bench: Bench,
    again: dict[str, Any],
    kept: int,
    *,
    together: bool,
) -> None:
    """HTTP V2 API, Event deduplication: by insert_id and device_id."""
    first = event(insert_id="insert-1")
    requests = [[first, again]] if together else [[first], [again]]

    ingested = [bench.send(*events)[1]["events_ingested"] for events in requests]

    assert sum(ingested) == 2
    summary = bench.read.summary()
    assert (summary.total, summary.duplicates) == (kept, 2 - kept)
    assert bench.exports()[0]["event_type"] == "user.login"


def test_a_duplicate_changes_no_user_properties(bench: Bench) -> None:
    bench.send(event(insert_id="insert-1", user_properties={"$add": {"n": 1}}))
    bench.send(event(insert_id="insert-1", user_properties={"$add": {"n": 1}}))

    assert bench.read.user_properties("user-1") == {"n": 1}


def test_each_project_has_its_own_insert_ids(bench: Bench) -> None:
    bench.send(event(insert_id="insert-1"))
    bench.send(event(insert_id="insert-1"), api_key="key-2")

    assert bench.read.summary().total == 2
    assert len({kept.project for kept in bench.read.events()}) == 2


def test_insert_ids_are_forgotten_after_seven_days_of_server_time(
    bench: Bench,
) -> None:
    """HTTP V2 API, Event deduplication: within 7 days."""
    for days, kept in ((0, 1), (7, 1), (0.001, 2), (6.9, 2)):
        bench.now += days * DAY
        bench.send(event(insert_id="insert-1"))

        assert bench.read.summary().total == kept


@pytest.mark.parametrize(("switched", "kept"), [(False, 3), (True, 2)])
def test_events_without_insert_id_are_deduplicated_only_if_switched_on(
    make_bench: MakeBench,
    *,
    switched: bool,
    kept: int,
) -> None:
    """HTTP V2 API, `insert_id`: else by event id, client time and device id."""
    bench = make_bench(dedupe_without_insert_id=switched)

    bench.send(event(), event(), event(event_id=2))

    assert bench.read.summary().total == kept


def test_a_refused_request_does_not_use_up_its_insert_ids(bench: Bench) -> None:
    good = event(insert_id="insert-1")

    assert bench.send(good, event(time="x"))[0] == 400
    assert bench.send(good)[0] == 200
    assert bench.read.summary().total == 1


@pytest.mark.parametrize("character", ["x", "é", "😀", '"', "\\", "\n"])
def test_texts_are_cut_after_1024_characters(bench: Bench, character: str) -> None:
    """HTTP V2 API: character limit of 1,024 for all string values."""
    whole, long = character * 1_024, character * 1_025

    bench.send(
        event(
            event_properties={"whole": whole, "long": long, "deep": [{"a": long}]},
            user_properties={"long": long},
        ),
    )

    [stored] = bench.exports()
    assert stored["event_properties"] == {
        "whole": whole,
        "long": whole,
        "deep": [{"a": whole}],
    }
    assert stored["user_properties"] == {"long": whole}


@pytest.mark.parametrize("item", [1, "text"])
def test_lists_are_cut_after_1024_items(bench: Bench, item: object) -> None:
    """Amplitude limits: array property values."""
    bench.send(event(event_properties={"list": [item] * 1_025}))

    assert len(bench.exports()[0]["event_properties"]["list"]) == 1_024


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"revenue": 9.99}, {"$revenue": 9.99}),
        ({"price": 9.99}, {"$revenue": 9.99, "$price": 9.99}),
        (
            {"price": 2.5, "quantity": 3, "revenue": 100},
            {"$revenue": 7.5, "$price": 2.5, "$quantity": 3},
        ),
        (
            {"price": -4, "currency": "EUR", "productId": "p", "revenueType": "Refund"},
            {
                "$revenue": -4,
                "$price": -4,
                "$currency": "EUR",
                "$productId": "p",
                "$revenueType": "Refund",
            },
        ),
        ({"quantity": 3, "productId": "p"}, {}),
    ],
)
def test_price_times_quantity_beats_revenue(
    bench: Bench,
    sent: dict[str, Any],
    stored: dict[str, Any],
) -> None:
    """HTTP V2 API, `price`, `quantity` and `revenue`."""
    bench.send(event(**sent))

    [kept] = bench.exports()
    assert {name: kept[name] for name in kept if name in stored} == stored
    assert ("$revenue" in kept) == bool(stored)


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\ude00\ud83d"])
def test_half_a_surrogate_pair_breaks_nothing(bench: Bench, half: str) -> None:
    body = json.dumps(
        {
            "api_key": "key-1",
            "events": [
                event(
                    event_type="a-HALF",
                    user_id="user-HALF",
                    device_id="device-HALF",
                    insert_id="insert-HALF",
                    event_properties={"key-HALF": ["value-HALF"]},
                    user_properties={"key-HALF": "value-HALF"},
                ),
            ],
        },
    ).replace("HALF", half)

    for _ in range(2):
        assert bench.post(body.encode())[0] == 200

    [stored] = bench.read.events()
    marks = "�" * (len(half) // 6)
    assert half.encode() in stored.raw
    assert stored.export["event_properties"] == {f"key-{marks}": [f"value-{marks}"]}
    assert bench.read.user_properties(f"user-{marks}") == {
        f"key-{marks}": f"value-{marks}"
    }
    assert bench.read.summary().duplicates == 1


def test_a_whole_surrogate_pair_beside_half_of_one_stays(bench: Bench) -> None:
    body = json.dumps({"api_key": "key-1", "events": [event(event_type="PAIR-HALF")]})
    body = body.replace("PAIR", r"\ud83d\ude00").replace("HALF", r"\ud83d")

    bench.post(body.encode())

    assert bench.exports()[0]["event_type"] == "😀-�"


@pytest.mark.parametrize("number", [9.99, 2**53 + 1, 2**64 - 1, -(2**63), 0.1, 1e22])
def test_numbers_come_out_as_they_went_in(bench: Bench, number: float) -> None:
    bench.send(event(event_properties={"n": number}, user_properties={"n": number}))

    [stored] = bench.exports()
    assert stored["event_properties"] == stored["user_properties"] == {"n": number}
    assert type(stored["event_properties"]["n"]) is type(number)


def test_a_number_of_a_hundred_digits_breaks_nothing(bench: Bench) -> None:
    assert bench.send(event(event_properties={"n": 10**100}))[0] == 200
    assert bench.read.summary().total == 1
