"""The local Amplitude over real HTTP."""

from __future__ import annotations

import gzip
import json
import logging
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.server import LocalAmplitude
from tests.local.bench import event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.conftest import MakeLocal


def upload(*events: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": "key-1", "events": list(events)}


def faults(*rules: dict[str, Any]) -> Faults:
    return Faults.from_json({"faults": rules})


def raw_request(local: LocalAmplitude) -> tuple[tuple[str, int], bytes]:
    """Return where to connect and the bytes of a good request."""
    host, port = local.url.removeprefix("http://").split(":")
    body = json.dumps(upload(event())).encode()
    head = (
        f"POST /2/httpapi HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (host, int(port)), head.encode() + body


def test_it_listens_on_the_loopback_alone(local: LocalAmplitude) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", local.url)
    assert local.endpoint("http_v2") == local.url + "/2/httpapi"
    assert local.endpoint("batch") == local.url + "/batch"


@pytest.mark.parametrize("api", ["http_v2", "batch"])
def test_it_answers_in_json_as_amplitude_does(
    local: LocalAmplitude,
    session: requests.Session,
    api: str,
) -> None:
    answer = session.post(local.endpoint(api), json=upload(event()))

    assert answer.status_code == 200
    assert answer.json()["events_ingested"] == 1
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_refusal_comes_with_its_status_and_text(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    answer = session.get(local.url + "/anything")

    assert answer.status_code == 400
    assert answer.json() == {"code": 400, "error": "Invalid request path"}


def test_a_compressed_request_is_read_and_logged_with_both_lengths(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    body = json.dumps(upload(*[event()] * 50)).encode()
    packed = gzip.compress(body)

    answer = session.post(
        local.endpoint("batch"),
        data=packed,
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )

    assert answer.status_code == 200
    [logged] = local.requests()
    assert (logged.api, logged.status, logged.events) == ("batch", 200, 50)
    assert (logged.payload_bytes, logged.wire_bytes) == (len(body), len(packed))
    assert logged.body == body
    assert json.loads(logged.answer) == answer.json()


def test_bodies_are_kept_only_when_asked_for(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    local = make_local()

    session.post(local.endpoint("http_v2"), json=upload(event()))

    assert [logged.body for logged in local.requests()] == [None]


def test_it_shows_what_it_took_while_it_runs_and_afterwards(
    tmp_path: Path,
    session: requests.Session,
) -> None:
    sent = event(user_properties={"plan": "paid"}, insert_id="insert-1")
    with LocalAmplitude(tmp_path / "new folder" / "local.db") as local:
        session.post(local.endpoint("http_v2"), json=upload(sent, sent))
        running = local.summary(), list(local.events())

    assert (local.summary(), list(local.events())) == running
    summary, [stored] = running
    assert (summary.events, summary.duplicates) == ({"user.login": 1}, 1)
    assert stored.sent == sent
    assert local.user_properties("user-1") == {"plan": "paid"}


def test_fifty_requests_in_a_row_do_not_wait_for_the_network(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    """With Nagle's algorithm on, each answer would come 40 ms late: 2 s in all."""
    start = time.perf_counter()

    for _ in range(50):
        session.post(local.endpoint("http_v2"), json=upload(event()))

    assert time.perf_counter() - start < 1


def test_a_body_over_the_limit_is_read_to_its_end_and_refused(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    answer = session.post(
        local.endpoint("batch"),
        data=b" " * 30_000_000,
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 413
    assert session.post(local.endpoint("batch"), json=upload(event())).ok


@pytest.mark.parametrize(
    ("do", "body", "content_type"),
    [
        ({"status": 503, "json": {"code": 503}}, b'{"code":503}', "application/json"),
        ({"status": 400, "raw": "<html>no</html>"}, b"<html>no</html>", "text/html"),
        ({"status": 200, "raw": "", "content_type": "text/plain"}, b"", "text/plain"),
    ],
)
def test_the_answer_of_a_fault_replaces_ingestion(
    make_local: MakeLocal,
    session: requests.Session,
    do: dict[str, Any],
    body: bytes,
    content_type: str,
) -> None:
    local = make_local(faults=faults({"name": "scripted", "do": do}))

    answer = session.post(local.endpoint("http_v2"), json=upload(event()))

    assert (answer.status_code, answer.content) == (do["status"], body)
    assert answer.headers["Content-Type"] == content_type
    [logged] = local.requests()
    assert (logged.status, logged.fault, logged.answer) == (
        do["status"],
        "scripted",
        body,
    )
    assert local.summary().total == 0


def test_the_answer_of_a_fault_may_have_headers(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    do = {"status": 429, "json": {}, "headers": {"Retry-After": "7"}}
    local = make_local(faults=faults({"do": do}))

    answer = session.post(local.endpoint("http_v2"), json=upload(event()))

    assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("moment", "status", "kept"),
    [("before", 0, 0), ("after", 200, 1)],
)
def test_a_reset_comes_before_or_after_the_effects(
    make_local: MakeLocal,
    caplog: pytest.LogCaptureFixture,
    moment: str,
    status: int,
    kept: int,
) -> None:
    local = make_local(faults=faults({"do": {"reset": moment}}))
    address, request = raw_request(local)

    with socket.create_connection(address) as line:
        line.sendall(request)
        with pytest.raises(ConnectionResetError):
            line.recv(1)

    [logged] = local.requests()
    assert (logged.status, logged.fault) == (status, f"reset {moment}")
    assert local.summary().total == kept
    assert caplog.records == []


def test_a_client_that_left_before_it_is_reset_leaves_no_traceback(
    make_local: MakeLocal,
    session: requests.Session,
    caplog: pytest.LogCaptureFixture,
) -> None:
    do = {"reset": "after", "delay": 0.1}
    local = make_local(faults=faults({"when": {"requests": [1]}, "do": do}))
    address, request = raw_request(local)
    with socket.create_connection(address) as line:
        line.sendall(request)

    while not list(local.events()):
        session.post(local.endpoint("http_v2"), json=upload())

    assert local.summary().total == 1
    assert caplog.records == []


@pytest.mark.parametrize("scripted", [{}, {"status": 500, "raw": "half a word"}])
def test_a_cut_answer_announces_more_than_it_sends(
    make_local: MakeLocal,
    session: requests.Session,
    caplog: pytest.LogCaptureFixture,
    scripted: dict[str, Any],
) -> None:
    caplog.set_level(logging.WARNING, "uvicorn.error")
    local = make_local(faults=faults({"do": {"cut": True, **scripted}}))

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="Incomplete"):
        session.post(local.endpoint("http_v2"), json=upload(event()))

    assert local.summary().total == (0 if scripted else 1)
    assert caplog.records == []


def test_a_delayed_request_lets_others_pass(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    local = make_local(
        faults=faults({"when": {"user_id": "slow-1"}, "do": {"delay": 0.5}}),
    )
    slow = threading.Thread(
        target=requests.post,
        args=[local.endpoint("http_v2")],
        kwargs={"json": upload(event(user_id="slow-1"))},
    )
    start = time.perf_counter()
    slow.start()
    _wait_for_hits(local, session, 1)

    session.post(local.endpoint("http_v2"), json=upload(event()))
    slow.join()

    assert time.perf_counter() - start >= 0.5
    users = [stored.export["user_id"] for stored in local.events()]
    assert users == ["user-1", "slow-1"]


@pytest.mark.parametrize(("unsent", "hits"), [(0, 1), (1, 0)])
def test_closing_waits_neither_for_delayed_nor_for_half_requests(
    tmp_path: Path,
    session: requests.Session,
    unsent: int,
    hits: int,
) -> None:
    waiting = faults({"when": {"user_id": "user-1"}, "do": {"delay": 3_600}})
    with LocalAmplitude(tmp_path / "local.db", faults=waiting) as local:
        address, request = raw_request(local)
        line = socket.create_connection(address)
        line.sendall(request[: len(request) - unsent])
        session.post(local.endpoint("http_v2"), json=upload())
        _wait_for_hits(local, session, hits)
        start = time.perf_counter()

    assert time.perf_counter() - start < 5
    with line, suppress(ConnectionResetError):
        assert line.recv(1) == b""
    assert local.summary().requests == 1


def test_half_a_request_is_no_request(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    address, request = raw_request(local)
    with socket.create_connection(address) as line:
        line.sendall(request[:-1])

    session.post(local.endpoint("http_v2"), json=upload(event()))

    assert [logged.status for logged in local.requests()] == [200]


def test_a_fault_for_a_user_strikes_only_requests_that_name_them(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    local = make_local(
        faults=faults({"when": {"user_id": "user-2"}, "do": {"status": 403}}),
    )
    url = local.endpoint("http_v2")

    statuses = [
        session.post(url, json=upload(event())).status_code,
        session.post(url, json=upload(event(), event(user_id="user-2"))).status_code,
        session.post(url, data=b"user-2").status_code,
    ]

    assert statuses == [200, 403, 400]


def test_faults_can_be_changed_while_it_runs(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    def status() -> int:
        url = local.endpoint("http_v2")
        return session.post(url, json=upload(event())).status_code

    before = status()
    local.set_faults(faults({"do": {"status": 500}, "times": 1}))

    assert [before, status(), status()] == [200, 500, 200]


def test_parallel_clients_are_served_in_turn(local: LocalAmplitude) -> None:
    def send(client: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in range(10):
                same = event(
                    insert_id=f"insert-{number}", event_properties={"c": client}
                )
                session.post(local.endpoint("http_v2"), json=upload(same))

    clients = [threading.Thread(target=send, args=[client]) for client in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    summary = local.summary()
    assert (summary.requests, summary.total, summary.duplicates) == (80, 10, 70)


def test_a_taken_port_is_an_error_at_once(
    local: LocalAmplitude,
    tmp_path: Path,
) -> None:
    port = int(local.url.rpartition(":")[2])

    with (
        pytest.raises(OSError, match="in use"),
        LocalAmplitude(tmp_path / "other.db", port=port),
    ):
        pytest.fail("two servers on one port")


def test_it_prints_nothing_and_leaves_signals_to_its_host(tmp_path: Path) -> None:
    """The standard output of a Singer target belongs to STATE."""
    code = f"""
import logging, signal
from pathlib import Path
import requests
from target_amplitude_nami.local.server import LocalAmplitude

logging.basicConfig(level=logging.INFO)
logging.getLogger("urllib3").setLevel(logging.WARNING)
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
with LocalAmplitude(Path({str(tmp_path / "local.db")!r})) as local:
    session = requests.Session()
    session.trust_env = False
    assert session.post(local.endpoint("batch"), json={upload(event())!r}).ok
    during = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert during == before
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _wait_for_hits(local: LocalAmplitude, session: requests.Session, hits: int) -> None:
    deadline = time.monotonic() + 10
    url = local.url + "/api/faults"
    while session.get(url).json()["rules"][0]["hits"] < hits:
        assert time.monotonic() < deadline
