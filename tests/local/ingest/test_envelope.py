"""What is judged about a request as a whole."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.bench import BATCH, HTTP_V2, JSON_TYPE, Bench, event

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

GZIP = {**JSON_TYPE, "content-encoding": "gzip"}
GOOD = json.dumps({"api_key": "key-1", "events": [event()]}).encode()
ZIPPED = gzip.compress(GOOD, mtime=0)

EMPTY = {
    "nothing": (b"", JSON_TYPE),
    "nothing of no type": (b"", {}),
    "nothing said to be gzip": (b"", GZIP),
    "gzip of nothing": (gzip.compress(b"", mtime=0), GZIP),
}

NOT_JSON = {
    "no content type": (GOOD, {}),
    "another content type": (GOOD, {"content-type": "text/plain"}),
    "another encoding": (GOOD, {**JSON_TYPE, "content-encoding": "br"}),
    "gzip that is none": (GOOD, GZIP),
    "gzip cut short": (ZIPPED[:-9], GZIP),
    "gzip and more": (ZIPPED + b"more", GZIP),
    "gzip not said to be": (ZIPPED, JSON_TYPE),
    "an open brace": (b"{", JSON_TYPE),
    "a list": (b"[]", JSON_TYPE),
    "a text": (b'"text"', JSON_TYPE),
    "null": (b"null", JSON_TYPE),
    "a brace too many": (GOOD + b"}", JSON_TYPE),
    "NaN": (GOOD.replace(b"1700000000000", b"NaN"), JSON_TYPE),
    "-Infinity": (GOOD.replace(b"1700000000000", b"-Infinity"), JSON_TYPE),
    "a number too large": (GOOD.replace(b"1700000000000", b"1e400"), JSON_TYPE),
    "bytes that are no text": (GOOD.replace(b"user-1", b"\xff\xfe"), JSON_TYPE),
    "a very deep list": (
        GOOD.replace(b'"user-1"', b"[" * 9_999 + b"]" * 9_999),
        JSON_TYPE,
    ),
}


def refusal(status: int, error: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return status, {"code": status, "error": error, **more}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", HTTP_V2), ("PUT", BATCH), ("POST", "/httpapi"), ("POST", "/")],
)
def test_only_a_post_to_a_known_path_is_a_request(
    bench: Bench,
    method: str,
    path: str,
) -> None:
    """HTTP V2 API, 400: Invalid request path."""
    answer = bench.post(GOOD, method=method, path=path)

    assert answer == refusal(400, "Invalid request path")


@pytest.mark.parametrize(("path", "limit"), [(HTTP_V2, 10**6), (BATCH, 20 * 10**6)])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_body_may_be_as_large_as_the_limit_and_no_larger(
    bench: Bench,
    path: str,
    limit: int,
    *,
    compressed: bool,
) -> None:
    """HTTP V2 API and Batch Event Upload API, Limits: 1 MB and 20 MB."""
    for size, expected in ((limit, 200), (limit + 1, 413)):
        body = GOOD + b" " * (size - len(GOOD))

        status, _ = (
            bench.post(gzip.compress(body), path=path, headers=GZIP)
            if compressed
            else bench.post(body, path=path)
        )

        assert status == expected


def test_the_size_limit_can_be_set(make_bench: MakeBench) -> None:
    bench = make_bench(max_bytes=len(GOOD))

    assert bench.post(GOOD)[0] == 200
    assert bench.post(GOOD + b" ") == refusal(413, "Payload too large")


@pytest.mark.parametrize(("body", "headers"), EMPTY.values(), ids=EMPTY)
def test_an_empty_body_is_missing(
    bench: Bench,
    body: bytes,
    headers: dict[str, str],
) -> None:
    """HTTP V2 API, 400: Missing request body."""
    assert bench.post(body, headers=headers) == refusal(400, "Missing request body")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"],
)
def test_the_content_type_may_carry_parameters(
    bench: Bench,
    content_type: str,
) -> None:
    """HTTP V2 API, Headers; official clients send a charset."""
    assert bench.post(GOOD, headers={"content-type": content_type})[0] == 200


@pytest.mark.parametrize(("body", "headers"), NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(
    bench: Bench,
    body: bytes,
    headers: dict[str, str],
) -> None:
    """HTTP V2 API, 400: Invalid JSON request body."""
    answer = bench.post(body, headers=headers)

    assert answer == refusal(400, "Invalid JSON request body")


def test_a_gzip_body_is_read(bench: Bench) -> None:
    """HTTP API batching and retries: bodies may be compressed with gzip."""
    answer, document = bench.post(ZIPPED, headers=GZIP)

    assert answer == 200
    assert document["payload_size_bytes"] == len(GOOD)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"events": [event()]}, "api_key"),
        ({"api_key": "", "events": [event()]}, "api_key"),
        ({"api_key": None, "events": [event()]}, "api_key"),
        ({}, "api_key"),
        ({"api_key": "key-1"}, "events"),
        ({"api_key": "key-1", "Events": [event()]}, "events"),
        ({"api_key": "key-1", "events": []}, "events"),
        ({"api_key": "key-1", "events": {}}, "events"),
        ({"api_key": "key-1", "events": None}, "events"),
    ],
)
def test_a_key_and_events_are_required(
    bench: Bench,
    document: dict[str, Any],
    field: str,
) -> None:
    """HTTP V2 API, 400: missing_field; names are case-sensitive."""
    answer = bench.post(json.dumps(document).encode())

    assert answer == refusal(
        400,
        "Request missing required field",
        missing_field=field,
    )


@pytest.mark.parametrize("path", [HTTP_V2, BATCH])
def test_two_thousand_events_are_the_most(make_bench: MakeBench, path: str) -> None:
    """HTTP V2 API and Batch Event Upload API, Limits: 2,000 events."""
    bench = make_bench(throttling=False)

    assert bench.send(*[event()] * 2_000, path=path)[0] == 200
    assert bench.send(*[event()] * 2_001, path=path) == refusal(
        413,
        "Payload too large",
    )


def test_an_unknown_key_is_named_in_the_answer(make_bench: MakeBench) -> None:
    """HTTP V2 API, 400: Invalid API key."""
    bench = make_bench(keys=frozenset({"key-1", "key-2"}))

    assert bench.send(event(), api_key="key-2")[0] == 200
    assert bench.send(event(), api_key="key-3") == refusal(
        400,
        "Invalid API key: key-3",
    )


def test_the_key_is_judged_before_the_events(make_bench: MakeBench) -> None:
    bench = make_bench(keys=frozenset({"key-1"}))

    _, document = bench.send({}, api_key="key-3")

    assert document["error"] == "Invalid API key: key-3"


def test_a_refused_request_leaves_nothing_but_its_line_in_the_log(
    bench: Bench,
) -> None:
    """HTTP V2 API, 400: none of the events was ingested."""
    bench.send(event(), event(user_id="abc"))

    summary = bench.read.summary()
    assert (summary.total, summary.users, summary.refused) == (0, 0, 1)
    [logged] = bench.read.requests()
    assert (logged.status, logged.events) == (400, 2)
