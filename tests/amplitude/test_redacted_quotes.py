"""What the log may quote of an answer: its first line, and nothing of the request."""

from __future__ import annotations

import gzip
import json
import typing as t

import msgspec
import pytest

from target_amplitude_nami.amplitude.answers import (
    Answer,
    Fatal,
    Refused,
    RefusedUnattributed,
    Unknown,
)
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.redacted_quotes import RedactedQuotes
from target_amplitude_nami.amplitude.responses import Response
from tests.support.asking import KEY, FunctionSession, answer_to, destination
from tests.support.server import Reply, ScriptedServer, reply

if t.TYPE_CHECKING:
    from collections.abc import Sequence

EVENT = {
    "event_type": "user.subscription.renewed",
    "user_id": 'ada "the first" <ada@example.com>',
    "device_id": "d7",
    "insert_id": "5f0c-77aa",
    "user_properties": {"namiml_device_ids": ["Phone-of-Ada"], "plan": "pro"},
    "event_properties": {
        "e_mail": "lovelace@example.com",
        "name": "Zoë Müller",
        "notes": ["Two\nlines", {"mood": "Smile 😀 \\ !"}],
    },
}
BODY = json.dumps({"api_key": KEY, "events": [EVENT]}).encode()


def answer_about_ada(scripted: Reply, **changes: t.Any) -> Answer:
    """Return what a client makes of the response to a request with Ada's event."""
    return answer_about([json.dumps(EVENT).encode()], scripted, **changes)


def answer_about(events: Sequence[bytes], scripted: Reply, **changes: t.Any) -> Answer:
    """Return what a client makes of the response to a request with these events."""
    response = Response(scripted.status, scripted.headers, scripted.body)
    client = Client(destination(**changes), FunctionSession(lambda _: response))
    return client.post(client.encode(events), len(events))


# The first line of text


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"No such tenant", "No such tenant"),
        (b"\r\n\n  upstream   timed out \nat line 7", "upstream timed out"),
        (b'{\n  "status": "queued"\n}', '{ "status": "queued" }'),
        (
            b"<html><head><title>502\n Bad&nbsp;Gateway</title></head><body>x",
            "502 Bad Gateway",
        ),
        (b"<!doctype html><title> </title><h1>Busy</h1>", "Busy"),
        (b"<style>h1 {}</style><script>a < b</script><p>Stop</p><p>x", "Stop"),
        (b"<?xml version='1.0'?><Error><Code>Denied</Code></Error>", "Denied"),
        (b"<![foo[<b>Odd", "Odd"),
        ("Überlastet".encode(), "Überlastet"),
        (b"x" * 900, "x" * 200),
        (b"a\x1b[31mb\x07\xe2\x80\xaec", r"a\x1b[31mb\x07\u202ec"),
        (b"a\xe2\x80\xa8b", "a"),
        (b"\xff\xfeh\0i\0", ""),
        (bytes(range(128, 256)), ""),
        (b"<p></p>", ""),
        (b"  \n ", ""),
    ],
)
def test_the_first_line_is_what_a_person_would_read(content: bytes, line: str) -> None:
    assert RedactedQuotes(KEY, b'{"events":[]}').first_line(content) == line


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Unknown("{}: this answer is not Amplitude's; check `endpoint`")),
        (202, Fatal("{host} is not Amplitude's event API ({}): check `endpoint`")),
        (400, RefusedUnattributed(400, "{}")),
        (403, RefusedUnattributed(403, "{}")),
        (404, Fatal("{host} is not Amplitude's event API ({}): check `endpoint`")),
        (502, Unknown("{}")),
    ],
)
def test_a_relays_own_words_are_quoted(status: int, answer: Unknown) -> None:
    scripted = reply(status, b"tenant 7 is unknown\nmore", Content_Type="text/plain")
    found = answer_to(scripted)
    quoted = f"HTTP {status}: tenant 7 is unknown"
    expected = answer.message.replace("{host}", "relay.invalid").replace("{}", quoted)
    assert found == msgspec.structs.replace(answer, message=expected)


# What is taken out


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.upper(),
        'ada "the first" <ada@example.com>',
        'ADA "the FIRST" <ada@example.com>',
        "ada%20%22the%20first%22%20%3Cada@example.com%3E",
        "ada &quot;the first&quot; &lt;ada@example.com&gt;",
        r"ada \"the first\" <ada@example.com>",
        r"\u0061da \u0022the first\u0022 \u003cada@example.com\u003e",
        "d7",
        "5f0c-77aa",
        "xPhone-of-Adax",
        "lovelace@example.com",
        "Zoë Müller",
        r"Zo\u00eb M\u00fcller",
        "Two lines",
        r"Two\nlines",
        "Smile 😀 \\ !",
        r"Smile \ud83d\ude00 \\ !",
        "Zo%C3%AB%20M%C3%BCller",
    ],
)
def test_the_key_and_the_texts_of_events_are_taken_out(text: str) -> None:
    for body in (BODY, gzip.compress(BODY)):
        quotes = RedactedQuotes(KEY, body)
        quote = quotes.first_line(f"no [{text}], no ({text}): no".encode())
        assert quote in {
            "no [***], no (***): no",
            "no [x***x], no (x***x): no",
        }
        assert quotes.error(f"no [{text}]") in {"no [***]", "no [x***x]"}


def test_half_of_a_cut_character_in_a_request_does_no_harm() -> None:
    event = rb'{"user_id":"ada-\ud83d","event_properties":{"a":"\ud83d secret"}}'
    quotes = RedactedQuotes(KEY, b'{"api_key":"k","events":[' + event + b"]}")
    assert quotes.error(r"no ada-\ud83d, no \ud83d secret") == "no ***, no ***"


def test_many_fields_of_an_answer_take_little_time() -> None:
    fields = {f"field-{number}": [number] for number in range(2000)}
    scripted = reply(400, {"error": "no", "events_with_invalid_fields": fields})
    answer = answer_about([json.dumps(EVENT).encode()] * 2000, scripted)
    assert isinstance(answer, Refused)
    assert len(answer.events) == 2000
    assert answer.events[19].field == "field-19"
    assert answer.events[20].field == ""


def test_other_words_stay_as_they_are() -> None:
    text = "user.subscription.renewed: user_id needs device_id, d77 is no pro"
    assert RedactedQuotes(KEY, BODY).error(text) == text


def test_what_is_cut_off_is_taken_out_before() -> None:
    quote = RedactedQuotes(KEY, BODY).first_line(b"x" * 195 + b"lovelace@example.com")
    assert quote == "x" * 195 + "***"


@pytest.mark.parametrize("status", [200, 202, 400, 403, 404, 413, 429, 500])
@pytest.mark.parametrize("gzip_", [False, True])
@pytest.mark.parametrize(
    "form",
    [
        "text",
        "error",
        "field",
        "missing_field",
        "type",
    ],
)
def test_no_answer_leads_to_a_text_with_an_id(
    status: int, form: str, *, gzip_: bool
) -> None:
    ids = f"{KEY} {EVENT['user_id']} d7 5f0c-77aa lovelace@example.com"
    scripted = {
        "text": reply(status, ids.encode()),
        "error": reply(status, {"error": ids}),
        "field": reply(status, {"events_with_invalid_fields": {ids: [0]}}),
        "missing_field": reply(status, {"missing_field": ids}),
        "type": reply(status, b"\0", Content_Type=ids),
    }[form]
    text = repr(answer_about_ada(scripted, gzip=gzip_))
    for part in (KEY, "ada", "'d7'", " d7 ", "77aa", "lovelace"):
        assert part not in text


def test_a_line_that_is_no_http_is_quoted_without_ids_too() -> None:
    line = b"SSH-2.0 of Phone-of-Ada \x1b[31m\r\n"
    with ScriptedServer(Reply(wire=[line] * 2)) as server:
        client = Client(destination(server.url))
        answer = client.post(client.encode([json.dumps(EVENT).encode()]), 1)
        client.close()
    assert isinstance(answer, Unknown)
    assert "SSH-2.0 of ***" in answer.message
    assert answer.message.isprintable()


def test_an_error_of_amplitude_is_quoted_in_one_line() -> None:
    answer = answer_to(
        reply(400, {"error": "Bad\n2026-11-28 | ERROR | \x1b[31mforged"})
    )
    message = "HTTP 400: Bad 2026-11-28 | ERROR | \\x1b[31mforged"
    assert answer == RefusedUnattributed(400, message)


def test_a_long_error_takes_no_longer_than_a_short_one() -> None:
    quotes = RedactedQuotes("", BODY[:-2] + b"," + BODY[BODY.index(b"[") + 1 :])
    assert quotes.error("no " * 300_000) == ("no " * 100)
