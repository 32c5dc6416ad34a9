"""One request over real HTTP, one Answer."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import select
import socket
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from target_amplitude_nami.amplitude import client as client_module
from target_amplitude_nami.amplitude.answers import (
    Delivered,
    Fatal,
    Unknown,
)
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.failures import Failures, FirstName
from target_amplitude_nami.amplitude.quoting import Quotes
from tests.support.asking import EVENTS, HTML, KEY, answer_to, ask, destination
from tests.support.server import Received, Reply, ScriptedServer, reply

if t.TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path


def received(**changes: t.Any) -> Received:
    with ScriptedServer() as server:
        assert ask(server.url, **changes) == Delivered(len(EVENTS))
    (request,) = server.received
    return request


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# What is sent


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


def test_the_shortest_id_length_is_passed_on() -> None:
    assert json.loads(received(min_id_length=1).body)["options"] == {"min_id_length": 1}


def test_a_key_with_odd_characters_is_valid_json() -> None:
    assert json.loads(received(api_key='a"\\é\ud800').body)["api_key"] == 'a"\\é\ud800'


def test_a_body_can_be_compressed() -> None:
    request = received(gzip=True)
    assert request.headers["Content-Encoding"] == "gzip"
    assert request.raw != request.body
    assert request.body == received().body


def test_the_same_events_have_the_same_bytes_each_time() -> None:
    client = Client(destination("http://127.0.0.1:9/", gzip=True))
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


def test_the_connection_is_kept_between_requests() -> None:
    with ScriptedServer() as server:
        client = Client(destination(server.url))
        for _ in range(3):
            assert client.post(client.encode(EVENTS), 3) == Delivered(3)
        client.close()
        assert len(server.received) == 3
        assert server.connections == 1


def test_a_destination_can_move_to_another_address() -> None:
    here = destination("http://127.0.0.1:1/", gzip=True)
    there = here.at("http://127.0.0.1:2/")
    assert there == msgspec.structs.replace(here, url="http://127.0.0.1:2/")


def test_a_body_may_take_longer_to_leave_than_a_connection_to_begin() -> None:
    slow = Reply(fault="slow to read", seconds=0.3, pieces=4)
    with ScriptedServer(slow) as server:
        client = Client(destination(server.url, connect_timeout=0.6))
        event = b'"%s"' % (b"x" * 16_000_000)
        assert client.post(client.encode([event]), 1) == Delivered(1)
        client.close()


# The surroundings


def test_a_proxy_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.address}")
        received()
        assert proxy.received == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_every_name_of_loopback_is_known(host: str) -> None:
    client = Client(destination(f"http://{host}:1/"))
    assert not client._session.trust_env


def test_a_proxy_is_used_elsewhere_and_no_password_is_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine relay.invalid login ann password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        assert ask("http://relay.invalid/events") == Delivered(3)
    (request,) = proxy.received
    assert request.path == "http://relay.invalid/events"
    assert request.headers["Authorization"] is None


BAD_PROXIES = [
    "http://:1",
    "http://",
    "http:///",
    "://x",
    "localhost:1",
    "ftp://127.0.0.1:1",
    "http://ann:secret@h:port",
    "http://ann:secret@h:99999",
    "http://[::1",
    "http://a..b:1",
    "http://ex ample:1",
    "http://h:1\n",
    "http://\udcff:1",
    " ",
]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_the_variable_that_holds_an_unusable_proxy_is_named(
    proxy: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{scheme.upper()}_PROXY"
    monkeypatch.setenv(variable, proxy)
    answer = ask(f"{scheme}://relay.invalid/events")
    assert isinstance(answer, Fatal)
    assert answer.said.startswith(f"{variable} holds no valid URL of a proxy")
    assert "secret" not in answer.said


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
def test_the_variable_that_holds_a_socks_proxy_is_named(
    variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"{scheme}://ann:secret@127.0.0.1:1")
    answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Fatal)
    assert answer.said.startswith(f"{variable} holds a SOCKS proxy")
    assert "secret" not in answer.said


def test_a_proxy_that_does_not_answer_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Unknown)
    assert answer.said.startswith("no answer of the proxy in ALL_PROXY: ")
    assert "refused" in answer.said


@pytest.fixture
def tunnel() -> Iterator[Callable[[str], str]]:
    """A proxy on loopback that leads to where it is told, whatever it is asked for."""
    with contextlib.ExitStack() as open_things:
        pool = open_things.enter_context(ThreadPoolExecutor())

        def begin(address: str) -> str:
            listener = open_things.enter_context(socket.create_server(("127.0.0.1", 0)))
            pool.submit(_tunnel_once, listener, address)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield begin


def _tunnel_once(listener: socket.socket, address: str) -> None:
    host, _, port = address.partition(":")
    near, _ = listener.accept()
    with near, socket.create_connection((host, int(port))) as far:
        while not near.recv(65_536).endswith(b"\r\n\r\n"):
            pass
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while readable := select.select([near, far], [], [], 10)[0]:
            for one in readable:
                piece = one.recv(65_536)
                if not piece:
                    return
                (far if one is near else near).sendall(piece)


def test_requests_go_through_the_tunnel_of_a_proxy(
    tunnel: Callable[[str], str],
    self_signed: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    monkeypatch.setattr(client_module, "_is_loopback", lambda _url: False)
    with ScriptedServer(tls=self_signed) as server:
        monkeypatch.setenv("HTTPS_PROXY", tunnel(server.address))
        monkeypatch.setenv("NO_PROXY", "")
        client = Client(destination(server.url))
        for _ in range(3):
            assert client.post(client.encode(EVENTS), 3) == Delivered(3)
        client.close()
        assert [request.path for request in server.received] == ["/2/httpapi"] * 3
        assert server.connections == 1


def test_a_proxy_that_wants_a_password_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with ScriptedServer(on_connect=refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:secret@{proxy.address}")
        answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Fatal)
    assert "the proxy in HTTPS_PROXY wants another user name" in answer.said
    assert "secret" not in answer.said


def test_a_missing_file_of_certificates_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "missing.pem")
    answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Fatal)
    assert "missing.pem" in answer.said


# Unknown outcomes


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [b"", HTML, {"error": "Busy"}])
def test_nobody_knows_what_became_of_the_events(status: int, body: object) -> None:
    answer = answer_to(reply(status, body, Retry_After="7"))
    assert isinstance(answer, Unknown)
    assert answer.seconds == 7
    assert answer.said.startswith(f"HTTP {status}: ")


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
    answer = answer_to(reply(200, b'{"code":200}', Content_Encoding="gzip"))
    assert isinstance(answer, Unknown)


@pytest.mark.parametrize("charset", ["idna", "hex", "undefined", "no-such", "utf-16"])
def test_an_odd_encoding_does_no_harm(charset: str) -> None:
    content_type = f"text/html; charset={charset}"
    answer = answer_to(reply(500, b"\xffoh and more", Content_Type=content_type))
    assert answer == Unknown("HTTP 500: \ufffdoh and more")


def test_a_json_body_that_is_too_deep_is_no_json() -> None:
    assert isinstance(answer_to(reply(200, b"[" * 100_000)), Unknown)


def test_no_answer_in_time_is_unknown() -> None:
    answer = answer_to(Reply(fault="silence"), read_timeout=0.2)
    assert isinstance(answer, Unknown)
    assert re.fullmatch(r"no answer of 127\.0\.0\.1:\d+ in time", answer.said)


def test_a_refused_connection_is_unknown() -> None:
    answer = ask(f"http://127.0.0.1:{free_port()}/")
    assert isinstance(answer, Unknown)
    assert "refused" in answer.said


# A name that is not found


def name_unknown(name: str, by: str) -> Fatal:
    return Fatal(
        f"the name {name} cannot be found: check {by} and this machine's network"
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
    first_name = FirstName(lambda: now)
    url = "https://relay.invalid/"
    first = ask(url, first_name=first_name)
    assert first == Unknown(f"the name {name} cannot be found", longest_wait=5)
    now += 15
    assert ask(url, first_name=first_name) == first
    now += first.longest_wait
    assert ask(url, first_name=first_name) == name_unknown(name, by)


def test_once_a_name_was_found_the_resolver_is_waited_for() -> None:
    now = 1000.0
    first_name = FirstName(lambda: now)
    with ScriptedServer(reply(503)) as server:
        assert isinstance(ask(server.url, first_name=first_name), Unknown)
    now += 1000
    answer = ask("http://relay.invalid/", first_name=first_name)
    assert answer == Unknown("the name relay.invalid cannot be found")


def test_a_connection_that_is_refused_has_found_its_name() -> None:
    now = 1000.0
    first_name = FirstName(lambda: now)
    ask(f"http://127.0.0.1:{free_port()}/", first_name=first_name)
    now += 1000
    assert isinstance(ask("http://relay.invalid/", first_name=first_name), Unknown)


# Connections


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


def test_a_trouble_without_words_is_told_by_its_name() -> None:
    failures = Failures(
        "http://127.0.0.1:9/",
        FirstName(),
        connect_timeout=1,
        send_timeout=1,
        proxies=False,
    )
    answer = failures.explain(ConnectionAbortedError(), Quotes(KEY, b'{"events":[]}'))
    assert answer == Unknown("no answer of 127.0.0.1:9: ConnectionAbortedError")


# TLS


def test_a_certificate_of_unknown_origin_ends_the_run(
    self_signed: t.Any,
) -> None:
    with ScriptedServer(tls=self_signed) as server:
        answer = ask(server.url)
        assert server.received == []
    assert isinstance(answer, Fatal)
    assert "certificate" in answer.said
    assert "REQUESTS_CA_BUNDLE" in answer.said


def test_failing_tls_is_tried_again() -> None:
    with ScriptedServer() as server:
        answer = ask(server.url.replace("http:", "https:"))
    assert answer == Unknown(f"TLS failed with {server.address}")


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
@pytest.mark.parametrize(
    "url", ["http://*.invalid/", "https://x:99999/", "https://\udcff/"]
)
def test_an_unusable_address_ends_the_run(
    url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert ask(url) == Fatal("`endpoint` is not a valid URL")
