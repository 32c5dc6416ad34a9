"""A request as a command: pasted in a shell, it sends the same bytes again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.asking import at

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

KEY = "0123456789abcdef0123456789abcdef"

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="the command runs curl"
)


def paste(command: str, key: str | None = KEY) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell reads it from a terminal."""
    environment = {**os.environ, "no_proxy": "*"}
    environment.pop("TARGET_AMPLITUDE_NAMI_API_KEY", None)
    if key is not None:
        environment["TARGET_AMPLITUDE_NAMI_API_KEY"] = key
    return subprocess.run(
        ["bash", "--norc"],
        input=command,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def command_of(session: requests.Session, local: LocalAmplitude, number: int) -> str:
    answer = session.get(f"{local.url}/api/requests/{number}/curl")
    assert answer.status_code == 200, answer.text
    command: str = answer.json()["command"]
    return command


BODIES = [
    b'{"api_key":"%b","events":[{"event_type":"a"}]}',
    b'{ "events": [{"api_key": "(hidden)", "n": "it\'s $HOME `!`"}],"api_key" : "%b"}',
    '{"api_key":"%b","events":[{"event_type":"ü €","n":1.50}]}'.encode(),
    b'{"api_key":"%b",\n\t"events":[{"event_type":"a\\n\\\\"}]}\r\n',
    b'{"api_key":"%b","events":[{"event_type":"\xff\xfe"}]}',
]


@pytest.mark.parametrize("body", BODIES)
def test_a_refused_request_is_sent_again_byte_by_byte(
    make_local: MakeLocal, session: requests.Session, body: bytes
) -> None:
    sent = body.replace(b"%b", KEY.encode())
    shown, receiver = make_local(), make_local(keep_bodies=True)
    answer = session.post(
        shown.endpoint("batch"), sent, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    command = command_of(session, shown, 1)
    assert KEY not in command
    assert shown.endpoint("batch") in command

    done = paste(command.replace(shown.url, receiver.url))

    assert json.loads(done.stdout) == answer.json(), done.stderr
    assert [request.body for request in receiver.requests()] == [sent]


def test_the_events_of_an_accepted_request_are_sent_again_byte_by_byte(
    make_local: MakeLocal, session: requests.Session
) -> None:
    shown, receiver = make_local(), make_local()
    raws = [
        b'{"event_type": "it\'s",  "user_id":"user-1", "time": 1700000000000}',
        '{"event_type":"ü","user_id":"user-2","event_properties":{"n":1.50}}'.encode(),
    ]
    body = b'{"api_key":"%b","events":[%b]}' % (KEY.encode(), b",".join(raws))
    answer = session.post(
        shown.endpoint("http_v2"), body, headers={"Content-Type": "application/json"}
    )
    assert answer.ok, answer.text

    done = paste(command_of(session, shown, 1).replace(shown.url, receiver.url))

    assert json.loads(done.stdout)["events_ingested"] == 2, done.stderr
    assert [event.raw for event in receiver.events()] == raws


def test_a_body_of_megabytes_fits(
    make_local: MakeLocal, session: requests.Session
) -> None:
    shown, receiver = make_local(), make_local()
    events = [at(n, event_properties={"text": "x" * 1_000}) for n in range(800)]
    upload: dict[str, Any] = {"api_key": KEY, "events": events}
    assert session.post(shown.endpoint("batch"), json=upload).ok

    done = paste(command_of(session, shown, 1).replace(shown.url, receiver.url))

    assert json.loads(done.stdout)["events_ingested"] == 800, done.stderr


def test_without_the_variable_nothing_is_sent(
    make_local: MakeLocal, session: requests.Session
) -> None:
    local = make_local()
    session.post(local.endpoint("batch"), json={"api_key": KEY, "events": [at(0)]})

    done = paste(command_of(session, local, 1), key=None)

    assert "TARGET_AMPLITUDE_NAMI_API_KEY: set it to the API key" in done.stderr
    assert len(list(local.requests())) == 1


def test_a_request_of_which_nothing_is_left_has_no_command(
    make_local: MakeLocal, session: requests.Session
) -> None:
    local = make_local()
    for number in (1, 7):
        answer = session.get(f"{local.url}/api/requests/{number}/curl")
        assert answer.status_code == 404
