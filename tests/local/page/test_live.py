"""The live stream of what arrives."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from target_amplitude_nami.local.server import LocalAmplitude
from tests.local.bench import Bench, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Listener:
    """Reads server-sent events, one message after the other."""

    def __init__(self, answer: requests.Response) -> None:
        self._lines = answer.iter_lines(chunk_size=1)

    def next(self) -> tuple[str, dict[str, Any]]:
        """Return the id and the content of the next message."""
        message: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.decode().partition(": ")
            if name:
                message[name] = value
            elif "data" in message:
                assert message["event"] == "arrivals"
                return message["id"], json.loads(message["data"])
        raise EOFError

    def has_ended(self) -> bool:
        """Return whether the server ended it without another message."""
        try:
            self.next()
        except (EOFError, requests.exceptions.ChunkedEncodingError):
            return True
        return False


@contextmanager
def listening(
    local: LocalAmplitude,
    query: str = "",
    **headers: str,
) -> Iterator[Listener]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{local.url}/api/live{query}",
            headers=headers,
            stream=True,
            timeout=10,
        )
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield Listener(answer)


def send(local: LocalAmplitude, *events: dict[str, Any]) -> None:
    document = {"api_key": "key-1", "events": list(events)}
    with requests.Session() as session:
        session.trust_env = False
        session.post(local.endpoint("batch"), json=document)


def types(message: dict[str, Any]) -> list[str]:
    return [row["type"] for row in message["events"]]


def test_an_arrival_is_streamed_at_once(local: LocalAmplitude) -> None:
    send(local, event(event_type="before"))
    with listening(local) as listener:
        start = time.monotonic()
        send(local, event(event_type="a"), event(event_type="b"))
        name, message = listener.next()

    assert time.monotonic() - start < 1.5
    assert types(message) == ["b", "a"]
    assert [row["number"] for row in message["requests"]] == [2]
    assert (message["more"], message["version"], name) == (0, 2, "2")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?after=1", {}),
        ("", {"Last-Event-ID": "1"}),
        ("?after=0", {"Last-Event-ID": "1"}),
    ],
)
def test_a_listener_goes_on_where_it_was(
    local: LocalAmplitude,
    query: str,
    headers: dict[str, str],
) -> None:
    for name in ("one", "two", "three"):
        send(local, event(event_type=name))

    with listening(local, query, **headers) as listener:
        _, message = listener.next()

    assert types(message) == ["three", "two"]


def test_a_flood_is_streamed_as_its_newest_rows_and_a_number(
    local: LocalAmplitude,
) -> None:
    send(local, event(event_type="first"))
    send(local, *[event(event_type=f"type-{n}") for n in range(250)])

    with listening(local, "?after=0") as listener:
        _, message = listener.next()

    assert len(message["events"]) == 100
    assert types(message)[0] == "type-249"
    assert message["more"] == 151


def test_refused_requests_arrive_too(local: LocalAmplitude) -> None:
    with listening(local, "?after=0") as listener:
        send(local, event(time="x"))
        _, message = listener.next()

    assert message["events"] == []
    assert [row["status"] for row in message["requests"]] == [400]


def test_what_another_process_writes_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    with LocalAmplitude(path) as local, listening(local) as listener:
        other = Bench(path)
        other.send(event(event_type="from elsewhere"))
        other.store.close()
        _, message = listener.next()

    assert types(message) == ["from elsewhere"]


def test_listeners_do_not_keep_the_server_from_closing(tmp_path: Path) -> None:
    local = LocalAmplitude(tmp_path / "local.db")
    local.__enter__()
    with listening(local) as one, listening(local, "?after=0") as other:
        send(local, event())
        one.next()
        other.next()
        start = time.monotonic()
        local.__exit__(None, None, None)
        spent = time.monotonic() - start
        ended = one.has_ended(), other.has_ended()

    assert spent < 1
    assert ended == (True, True)


def test_a_listener_who_leaves_is_forgotten(local: LocalAmplitude) -> None:
    """Neither its task nor its connection stays behind."""
    address = urlsplit(local.url)
    host, port = address.hostname or "", address.port or 0
    before = len(local._server.server_state.tasks)
    lines = [socket.create_connection((host, port)) for _ in range(5)]
    for line in lines:
        line.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(100)
    assert len(local._server.server_state.tasks) == before + 5

    for line in lines:
        line.close()

    deadline = time.monotonic() + 10
    while len(local._server.server_state.tasks) > before:
        assert time.monotonic() < deadline
        send(local, event())
    assert not local._server.server_state.tasks


def test_listening_costs_the_sender_nothing(local: LocalAmplitude) -> None:
    """A slow reader holds up only itself."""
    with listening(local), listening(local):
        senders = [
            threading.Thread(target=send, args=[local, *[event()] * 50])
            for _ in range(10)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    assert local.summary().requests == 10
