"""Requests over real HTTP and TLS, and connections that break."""

from __future__ import annotations

import socket
import sys
import typing as t

import pytest

from target_amplitude_nami.amplitude.answers import Delivered, Fatal, Unknown
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.name_lookup import NameLookup
from tests.support.asking import EVENTS, KEY, ask, destination
from tests.support.server import Received, Reply, ScriptedServer, free_port, reply


def received(**changes: t.Any) -> Received:
    with ScriptedServer() as server:
        assert ask(server.url, **changes) == Delivered(len(EVENTS))
    (request,) = server.received
    return request


def test_a_request_holds_the_key_and_the_events_as_they_are() -> None:
    request = received()
    assert request.path == "/2/httpapi"
    assert request.body == b'{"api_key":"%s","events":[%s]}' % (
        KEY.encode(),
        b",".join(EVENTS),
    )
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "target/1.0"
    assert request.headers["Content-Encoding"] is None
    assert request.headers["Authorization"] is None
    assert request.headers["Transfer-Encoding"] is None


def test_a_body_can_be_compressed() -> None:
    request = received(gzip=True)
    assert request.headers["Content-Encoding"] == "gzip"
    assert request.raw != request.body
    assert request.body == received().body


def test_the_connection_is_kept_between_requests() -> None:
    with ScriptedServer() as server:
        client = Client(destination(server.url))
        for _ in range(3):
            assert client.post(client.encode(EVENTS), 3) == Delivered(3)
        client.close()
        assert len(server.received) == 3
        assert server.connections == 1


def test_a_body_may_take_longer_to_leave_than_a_connection_to_begin() -> None:
    slow = Reply(fault="slow to read", seconds=0.3, pieces=4)
    with ScriptedServer(slow) as server:
        client = Client(destination(server.url, connect_timeout=0.6))
        event = b'"%s"' % (b"x" * 16_000_000)
        assert client.post(client.encode([event]), 1) == Delivered(1)
        client.close()


@pytest.mark.parametrize(
    ("fault", "arrived"), [("reset before", 0), ("reset after", 1), ("cut body", 1)]
)
def test_a_broken_connection_leaves_the_outcome_unknown(
    fault: t.Any, arrived: int
) -> None:
    with ScriptedServer(Reply(fault=fault, body=b'{"code":200}')) as server:
        client = Client(destination(server.url))
        assert isinstance(client.post(client.encode(EVENTS), 3), Unknown)
        assert len(server.received) == arrived
        assert client.post(client.encode(EVENTS), 3) == Delivered(3)
        client.close()


def test_a_body_that_is_not_the_gzip_that_it_claims_to_be_is_unknown() -> None:
    with ScriptedServer(reply(200, b'{"code":200}', Content_Encoding="gzip")) as server:
        assert isinstance(ask(server.url), Unknown)


@pytest.mark.parametrize("charset", ["idna", "hex", "undefined", "no-such", "utf-16"])
def test_an_odd_encoding_does_no_harm(charset: str) -> None:
    content_type = f"text/html; charset={charset}"
    odd = reply(500, b"\xffoh and more", Content_Type=content_type)
    with ScriptedServer(odd) as server:
        assert ask(server.url) == Unknown("HTTP 500: \ufffdoh and more")


def test_no_answer_in_time_is_unknown() -> None:
    with ScriptedServer(Reply(fault="silence")) as server:
        answer = ask(server.url, read_timeout=0.2)
        assert answer == Unknown(f"no answer from {server.address} in time")


def test_a_refused_connection_is_unknown() -> None:
    answer = ask(f"http://127.0.0.1:{free_port()}/")
    assert isinstance(answer, Unknown)
    assert "refused" in answer.message


def name_unknown(name: str, by: str) -> Fatal:
    return Fatal(
        f"the host name {name} cannot be resolved: check {by} and this machine's "
        f"network"
    )


@pytest.mark.parametrize(
    ("proxy", "name", "by"),
    [
        (None, "relay.invalid", "`endpoint`"),
        ("http://proxy.invalid:3128", "proxy.invalid", "HTTPS_PROXY"),
    ],
)
def test_a_name_that_is_not_found_from_the_beginning_ends_the_run_within_a_minute(
    proxy: str | None, name: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxy is not None:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    now = 1000.0
    names = NameLookup(lambda: now)
    url = "https://relay.invalid/"
    first = ask(url, names=names)
    assert first == Unknown(f"the host name {name} cannot be resolved", longest_wait=5)
    now += 15
    assert ask(url, names=names) == first
    now += first.longest_wait
    assert ask(url, names=names) == name_unknown(name, by)


def test_once_a_name_was_found_the_resolver_is_waited_for() -> None:
    now = 1000.0
    names = NameLookup(lambda: now)
    with ScriptedServer(reply(503)) as server:
        assert isinstance(ask(server.url, names=names), Unknown)
    now += 1000
    answer = ask("http://relay.invalid/", names=names)
    assert answer == Unknown("the host name relay.invalid cannot be resolved")


def test_a_connection_that_is_refused_has_found_its_name() -> None:
    now = 1000.0
    names = NameLookup(lambda: now)
    ask(f"http://127.0.0.1:{free_port()}/", names=names)
    now += 1000
    assert isinstance(ask("http://relay.invalid/", names=names), Unknown)


@pytest.mark.skipif(sys.platform != "linux", reason="others let the queue be longer")
def test_a_connection_that_does_not_come_about_is_unknown() -> None:
    # A queue of length 0 that is full: further connections get no answer.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            host = f"127.0.0.1:{listener.getsockname()[1]}"
            answer = ask(f"http://{host}/", connect_timeout=0.05)
    assert answer == Unknown(f"no connection to {host} within 0.05 s")


def test_a_certificate_of_unknown_origin_ends_the_run(
    self_signed: t.Any,
) -> None:
    with ScriptedServer(tls=self_signed) as server:
        answer = ask(server.url)
        assert server.received == []
    assert isinstance(answer, Fatal)
    assert "certificate" in answer.message
    assert "REQUESTS_CA_BUNDLE" in answer.message


def test_failing_tls_is_tried_again() -> None:
    with ScriptedServer() as server:
        answer = ask(server.url.replace("http:", "https:"))
    assert answer == Unknown(f"TLS failed with {server.address}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with ScriptedServer() as elsewhere:
        moved = reply(status, b"", Location=elsewhere.url)
        with ScriptedServer(moved) as server:
            answer = ask(server.url)
        assert isinstance(answer, Fatal)
        assert "redirects" in answer.message
        assert elsewhere.received == []
