"""One request, one Answer: with a function in place of the network."""

from __future__ import annotations

import dataclasses
import gzip
import json
import pickle
import sys
import typing as t

import pytest
import requests

from target_amplitude_nami.amplitude import client as client_module
from target_amplitude_nami.amplitude.answers import Answer, Delivered, Fatal, Unknown
from target_amplitude_nami.amplitude.client import Client, HttpSession
from target_amplitude_nami.amplitude.responses import Response
from tests.support.asking import (
    EVENTS,
    HTML,
    KEY,
    FunctionSession,
    answer_to,
    answer_to_failure,
    destination,
)
from tests.support.server import reply


def sent(**changes: t.Any) -> bytes:
    """Return the body of a request with all of EVENTS."""
    bodies: list[bytes] = []

    def respond(body: bytes) -> Response:
        bodies.append(body)
        return Response(200, {}, b'{"code":200,"events_ingested":3}')

    client = Client(destination(**changes), FunctionSession(respond))
    assert client.post(client.encode(EVENTS), len(EVENTS)) == Delivered(3)
    (body,) = bodies
    return body


def test_a_body_holds_the_key_and_the_events_as_they_are() -> None:
    assert sent() == b'{"api_key":"%s","events":[%s]}' % (
        KEY.encode(),
        b",".join(EVENTS),
    )


def test_a_compressed_body_is_the_same_when_unpacked() -> None:
    assert gzip.decompress(sent(gzip=True)) == sent()


def test_the_shortest_id_length_is_passed_on() -> None:
    assert json.loads(sent(min_id_length=1))["options"] == {"min_id_length": 1}


def test_a_key_with_odd_characters_is_valid_json() -> None:
    assert json.loads(sent(api_key='a"\\é\ud800'))["api_key"] == 'a"\\é\ud800'


def test_the_same_events_have_the_same_bytes_each_time() -> None:
    client = Client(destination(gzip=True))
    assert client.encode(EVENTS) == client.encode(EVENTS)


@pytest.mark.parametrize("lacks_isal", [False, True])
def test_a_body_is_compressed_also_where_the_fast_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, *, lacks_isal: bool
) -> None:
    if lacks_isal:
        monkeypatch.setitem(sys.modules, "isal", None)
    compress = client_module.compressor()
    packed = compress(b"text " * 1000)
    assert gzip.decompress(packed) == b"text " * 1000
    assert packed == compress(b"text " * 1000)


def test_a_destination_can_move_to_another_address() -> None:
    here = destination("http://127.0.0.1:1/", gzip=True)
    there = here.at("http://127.0.0.1:2/")
    assert there == dataclasses.replace(here, url="http://127.0.0.1:2/")


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [b"", HTML, {"error": "Busy"}])
def test_nobody_knows_what_became_of_the_events(status: int, body: object) -> None:
    answer = answer_to(reply(status, body, Retry_After="7"))
    assert isinstance(answer, Unknown)
    assert answer.seconds == 7
    assert answer.message.startswith(f"HTTP {status}: ")


def test_a_json_body_that_is_too_deep_is_no_json() -> None:
    assert isinstance(answer_to(reply(200, b"[" * 100_000)), Unknown)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (
            requests.ConnectTimeout(),
            Unknown("no connection to relay.invalid within 10 s"),
        ),
        (requests.ReadTimeout(), Unknown("no answer from relay.invalid in time")),
        (
            requests.ConnectionError(TimeoutError("timed out")),
            Unknown("no answer from relay.invalid: timed out"),
        ),
        (requests.exceptions.SSLError("EOF"), Unknown("TLS failed with relay.invalid")),
        (
            requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"),
            Fatal(
                "the certificate of relay.invalid cannot be trusted: a proxy may stand "
                "between; give its certificate in the variable REQUESTS_CA_BUNDLE"
            ),
        ),
        (requests.exceptions.InvalidURL(), Fatal("`endpoint` is not a valid URL")),
        (
            FileNotFoundError(2, "No such file", "ca.pem"),
            Fatal("the request cannot be made: [Errno 2] No such file: 'ca.pem'"),
        ),
        (
            ValueError("odd line"),
            Unknown("relay.invalid does not answer with valid HTTP: odd line"),
        ),
        # A failure without a message is called by its name.
        (
            requests.ConnectionError(),
            Unknown("no answer from relay.invalid: ConnectionError"),
        ),
    ],
    ids=repr,
)
def test_a_request_without_a_response_is_explained(
    error: Exception, answer: Answer
) -> None:
    assert answer_to_failure(error) == answer


def test_the_key_is_not_repeated_from_an_error() -> None:
    answer = answer_to_failure(requests.ConnectionError(f"lost {KEY}"))
    assert answer == Unknown("no answer from relay.invalid: lost ***")


def test_a_destination_does_not_show_its_key() -> None:
    shown = repr(destination(gzip=True))
    assert KEY not in shown
    assert "url='http://relay.invalid/'" in shown
    assert "gzip=True" in shown
    assert pickle.loads(pickle.dumps(destination())) == destination()  # noqa: S301


def test_the_session_is_closed_with_the_client() -> None:
    session = FunctionSession(lambda _: Response(200, {}, b""))
    Client(destination(), session).close()
    assert session.is_closed


def test_a_session_that_was_never_used_can_be_closed() -> None:
    HttpSession(destination()).close()
