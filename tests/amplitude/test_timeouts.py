"""Every wait for Amplitude ends, and no answer is too much, whatever comes."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
import typing as t
import zlib

import pytest

from target_amplitude_nami.amplitude import client as client_module
from target_amplitude_nami.amplitude.answers import Answer, Delivered, Fatal, Unknown
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.connection import MOST_ANSWER_BYTES
from tests.support.asking import EVENTS, ask, destination
from tests.support.server import Reply, ScriptedServer, accepted, reply

if t.TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from pathlib import Path

OK = b'{"code":200,"events_ingested":3}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(OK)
WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PATIENCE = 0.5
"""The timeout of a request here, in seconds; what is to end must end in four of it."""


def timed(url: str, **changes: t.Any) -> tuple[Answer, float]:
    """Return what a request comes to, and after how many seconds."""
    before = time.monotonic()
    answer = ask(url, read_timeout=PATIENCE, **changes)
    return answer, time.monotonic() - before


def byte_by_byte(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


# Slow answers

TRICKLES: dict[str, Iterable[bytes]] = {
    "status line": byte_by_byte(HEAD),
    "headers": [HEAD, *(b"X-Header-%d: 1\r\n" % n for n in range(90))],
    "body": [HEAD, b"\r\n", *byte_by_byte(OK)],
    "chunks": [CHUNKED, *(b"1\r\n%c\r\n" % byte for byte in OK)],
    "one chunk's size": [CHUNKED, *itertools.repeat(b"0", 90)],
    "trailer": [CHUNKED, b"0\r\n", *itertools.repeat(b"X: 1\r\n", 90)],
    "interim answers": itertools.repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", 90),
    "interim headers": [b"HTTP/1.1 103 Early Hints\r\n", *[b"Link: a\r\n"] * 90],
}


@pytest.mark.parametrize("wire", TRICKLES.values(), ids=TRICKLES)
def test_an_answer_that_trickles_has_no_more_time_than_another(
    wire: Iterable[bytes],
) -> None:
    with ScriptedServer(Reply(wire=wire, seconds=PATIENCE / 5)) as server:
        answer, seconds = timed(server.url)
        assert answer == Unknown(f"no answer from {server.address} in time")
    assert PATIENCE <= seconds < 4 * PATIENCE


def test_an_answer_that_trickles_over_tls_has_no_more_time_either(
    self_signed: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of loopback the environment is not asked: the name is another one for it.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    monkeypatch.setattr(client_module, "trusts_environment", lambda _url: True)
    wire = [HEAD, b"\r\n", *byte_by_byte(OK)]
    trickle = Reply(wire=wire, seconds=PATIENCE / 5)
    with ScriptedServer(accepted(3), trickle, tls=self_signed) as server:
        assert timed(server.url)[0] == Delivered(3)
        answer, seconds = timed(server.url)
        assert answer == Unknown(f"no answer from {server.address} in time")
    assert PATIENCE <= seconds < 4 * PATIENCE


def test_an_answer_may_come_in_pieces_within_its_time() -> None:
    wire = [HEAD, b"Retry-After: 1\r\n", b"\r\n", OK[:5], OK[5:]]
    with ScriptedServer(Reply(wire=wire, seconds=PATIENCE / 20)) as server:
        assert timed(server.url)[0] == Delivered(3)


@pytest.mark.parametrize("interim", [100, 102, 103, 199])
@pytest.mark.parametrize("times", [1, 3])
def test_an_interim_answer_is_not_the_answer(interim: int, times: int) -> None:
    hint = b"HTTP/1.1 %d Wait\r\nLink: </a>\r\n\r\n" % interim
    reply_twice = [Reply(wire=[hint * times + HEAD + b"\r\n" + OK])] * 2
    with ScriptedServer(*reply_twice) as server:
        client = Client(destination(server.url))
        for _ in reply_twice:
            assert client.post(client.encode(EVENTS), 3) == Delivered(3)
        client.close()
        assert server.connections == 1


def test_a_proxy_that_trickles_has_the_time_for_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{_port(listener)}")
        monkeypatch.delenv("https_proxy", raising=False)
        proxy = threading.Thread(target=_trickle_to_first, args=[listener])
        proxy.start()
        before = time.monotonic()
        answer = ask("https://relay.invalid/", connect_timeout=PATIENCE)
        seconds = time.monotonic() - before
    proxy.join()
    assert isinstance(answer, Unknown)
    assert PATIENCE <= seconds < 4 * PATIENCE


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _trickle_to_first(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            for byte in byte_by_byte(b"HTTP/1.1 200 Connection established" * 9):
                connection.sendall(byte)
                time.sleep(PATIENCE / 5)
        except OSError:
            return


# Slow uploads


def test_an_upload_that_moves_on_may_take_longer_than_the_timeout() -> None:
    # Few of its bytes are on their way at a time, as on a slow line: the answer's time
    # begins when the last ones are.
    slow = Reply(fault="slow to read", seconds=PATIENCE / 10, pieces=40)
    with ScriptedServer(slow, buffer_bytes=20_000) as server:
        client = Client(destination(server.url, read_timeout=PATIENCE))
        event = b'{"event_type":"%s"}' % (b"x" * 4_000_000)
        before = time.monotonic()
        assert client.post(client.encode([event]), 1) == Delivered(1)
        assert time.monotonic() - before > 3 * PATIENCE
        client.close()


def test_an_upload_that_stands_still_ends() -> None:
    stuck = Reply(fault="slow to read", seconds=30)
    with ScriptedServer(stuck, buffer_bytes=20_000) as server:
        client = Client(destination(server.url, read_timeout=PATIENCE))
        event = b'{"event_type":"%s"}' % (b"x" * 16_000_000)
        before = time.monotonic()
        answer = client.post(client.encode([event]), 1)
        seconds = time.monotonic() - before
        client.close()
    assert answer == Unknown(f"sending to {server.address} made no progress for 0.5 s")
    assert PATIENCE <= seconds < 4 * PATIENCE


# Answers without end

_MEGABYTE = b" " * 1_000_000
BOMB = gzip.compress(_MEGABYTE * 100)
_packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW_BOMB = _packer.compress(_MEGABYTE * 100) + _packer.flush()

ENDLESS: dict[str, Reply] = {
    "without length": Reply(
        wire=itertools.chain([WITHOUT_LENGTH], itertools.repeat(_MEGABYTE))
    ),
    "in chunks": Reply(
        wire=itertools.chain(
            [CHUNKED], itertools.repeat(b"F4240\r\n%s\r\n" % _MEGABYTE)
        )
    ),
    "in one chunk": Reply(
        wire=itertools.chain([CHUNKED, b"F" * 15, b"\r\n"], itertools.repeat(_MEGABYTE))
    ),
    "in a chunk of minus one": Reply(
        wire=itertools.chain([CHUNKED, b"-1\r\n"], itertools.repeat(_MEGABYTE))
    ),
    "headers": Reply(
        wire=itertools.chain(
            [HEAD], itertools.repeat(b"X: %s\r\n" % _MEGABYTE[:60_000])
        )
    ),
    "interim answers": Reply(
        wire=itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
    ),
    "trailer": Reply(
        wire=itertools.chain([CHUNKED, b"0\r\n"], itertools.repeat(b"X: 1\r\n" * 1000))
    ),
    "100 MB of JSON": Reply(
        wire=[
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000019\r\n\r\n",
            *(b'{"code":200,"x":"', *[_MEGABYTE] * 100, b'"}'),
        ]
    ),
    "gzip": reply(200, BOMB, Content_Encoding="gzip"),
    "gzip within gzip": reply(200, gzip.compress(BOMB), Content_Encoding="gzip, gzip"),
    "deflate": reply(200, RAW_BOMB, Content_Encoding="deflate"),
    "gzip in a chunk": Reply(
        wire=[
            CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n",
            b"%X\r\n%s\r\n0\r\n\r\n" % (len(BOMB), BOMB),
        ]
    ),
    "error": reply(400, _MEGABYTE * 2),
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
def test_of_an_answer_without_end_no_more_than_a_megabyte_is_read(
    endless: Reply,
) -> None:
    with ScriptedServer(endless) as server:
        client = Client(destination(server.url, read_timeout=20))
        tracemalloc.start()
        before = time.monotonic()
        try:
            answer = client.post(client.encode(EVENTS), 3)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert time.monotonic() - before < 10
        # Where the connection is of no more use, there is another one.
        assert client.post(client.encode(EVENTS), 3) == Delivered(3)
        client.close()
    assert isinstance(answer, Unknown)
    assert peak < 12 * MOST_ANSWER_BYTES


def test_an_answer_of_less_than_a_megabyte_is_read_whole() -> None:
    body = b'{"code":200,"events_ingested":3,"x":"%s"}' % (b"x" * 1_000_000)
    packed = reply(200, gzip.compress(body), Content_Encoding="gzip")
    with ScriptedServer(reply(200, body), packed) as server:
        assert ask(server.url) == Delivered(3)
        assert ask(server.url) == Delivered(3)


@pytest.mark.parametrize("location", ["http://a.invalid/", "\xff", "http://[", "//"])
def test_of_a_redirect_nothing_but_the_status_counts(location: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n".encode("latin-1")
    short = Reply(wire=[head + b"Content-Length: 0\r\n\r\n"])
    endless = Reply(wire=itertools.chain([head + b"\r\n"], itertools.repeat(_MEGABYTE)))
    with ScriptedServer(short, endless) as server:
        answer = ask(server.url)
        assert isinstance(answer, Fatal)
        assert "redirects" in answer.message
        assert isinstance(ask(server.url), Unknown)
