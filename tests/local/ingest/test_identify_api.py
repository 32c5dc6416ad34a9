"""The Identify API: forms in, plain text out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from target_amplitude_nami.local.model import Request
from tests.local.bench import Bench, event

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

FORM = {"content-type": "application/x-www-form-urlencoded"}


def form(identification: object, **more: str) -> bytes:
    if not isinstance(identification, str):
        identification = json.dumps(identification)
    fields = {"api_key": "key-1", "identification": identification, **more}
    return urlencode(fields).encode()


def identify(bench: Bench, body: bytes, *, method: str = "POST") -> tuple[int, str]:
    parts = (body, b"") if method == "POST" else (b"", body)
    reply = bench.take(Request(method, "/identify", FORM, *parts))
    assert reply.media_type == "text/plain"
    return reply.status, reply.body.decode()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_form_changes_a_user_and_is_no_event(bench: Bench, method: str) -> None:
    """Identify API: a POST, or a GET, with `api_key` and `identification`."""
    sent = {"user_id": "user-1", "user_properties": {"$set": {"plan": "pro"}}}

    assert identify(bench, form(sent), method=method) == (200, "success")

    assert bench.read.user_properties("user-1") == {"plan": "pro"}
    summary = bench.read.summary()
    assert (summary.total, summary.identifies, summary.users) == (0, 1, 1)
    [kept] = bench.read.events(listed=False)
    assert kept.sent == sent
    assert kept.export["event_type"] == "$identify"


def test_a_form_may_be_about_several_users(bench: Bench) -> None:
    """Identify API, `identification`: a JSON object or array."""
    sent = [
        {"user_id": f"user-{n}", "user_properties": {"n": n}, "country": "FR"}
        for n in range(3)
    ]

    assert identify(bench, form(sent)) == (200, "success")
    assert bench.read.user_properties("user-2") == {"n": 2}


def test_an_identify_reaches_the_events_after_it(bench: Bench) -> None:
    """Identify API: values appear with the user's next event."""
    identify(bench, form({"user_id": "user-1", "user_properties": {"a": 1}}))
    bench.send(event())

    assert bench.exports()[0]["user_properties"] == {"a": 1}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"api_key=key-1", 400, "missing_event"),
        (form(""), 400, "missing_event"),
        (form([]), 400, "missing_event"),
        (b"identification=%7B%7D", 400, "missing_api_key"),
        (b"", 400, "missing_api_key"),
        (form("{"), 400, "invalid_json"),
        (form("1"), 400, "Invalid event JSON"),
        (form({"user_properties": {}}), 400, "Request missing required field"),
        (
            form({"user_id": "abc"}),
            400,
            "Invalid id length for user_id or device_id",
        ),
        (form({"user_id": "user-1"}, api_key="key-9"), 400, "Invalid API key: key-9"),
        (form({"user_id": "user-1", "x": "x" * 10**6}), 414, "request_too_long"),
    ],
)
def test_a_form_that_says_nothing_is_refused_in_plain_text(
    make_bench: MakeBench,
    body: bytes,
    status: int,
    text: str,
) -> None:
    """Identify API, statuses; `missing_event` was seen of servers."""
    bench = make_bench(keys=frozenset({"key-1"}))

    assert identify(bench, body) == (status, text)
    assert bench.read.summary().users == 0


def test_short_ids_are_allowed_by_an_option(bench: Bench) -> None:
    """Identify API, `options`."""
    body = form({"user_id": "abc"}, options='{"min_id_length": 1}')

    assert identify(bench, body) == (200, "success")


def test_identifies_are_throttled_as_events_are(bench: Bench) -> None:
    """Identify API, 429."""
    many: list[dict[str, Any]] = [{"user_id": "user-1"}] * 901

    assert identify(bench, form(many))[0] == 429
    assert identify(bench, form(many[1:]))[0] == 200
