"""Who may read the page, change anything or send events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.bench import event

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

OURS = {"X-Local-Amplitude": "1"}
SWITCHED_OFF: dict[str, Any] = {"rules": []}


@pytest.mark.parametrize("path", ["/", "/page/none.js", "/api/state", "/api/none"])
def test_every_answer_forbids_foreign_code(
    local: LocalAmplitude,
    session: requests.Session,
    path: str,
) -> None:
    headers = session.get(local.url + path).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8026", 200),
        ("localhost:8026", 200),
        ("LOCALHOST", 200),
        ("[::1]:8026", 200),
        ("evil.example", 403),
        ("evil.example:8026", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/state"])
def test_only_names_of_the_loopback_are_answered_to(
    local: LocalAmplitude,
    session: requests.Session,
    path: str,
    host: str,
    status: int,
) -> None:
    """A foreign page can have its own name point here (DNS rebinding)."""
    answer = session.get(local.url + path, headers={"Host": host})

    assert answer.status_code == status


def test_other_names_are_answered_to_if_an_address_was_given(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    local = make_local(host="127.0.0.1")

    answer = session.get(local.url + "/api/state", headers={"Host": "box.example"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OURS, 200),
        ({**OURS, "Origin": "{url}"}, 200),
        ({}, 403),
        ({"X-Local-Amplitude": "0"}, 403),
        ({"Origin": "{url}"}, 403),
        ({**OURS, "Origin": "https://evil.example"}, 403),
        ({**OURS, "Origin": "null"}, 403),
        ({**OURS, "Origin": "http://127.0.0.1:1"}, 403),
        ({**OURS, "Host": "evil.example", "Origin": "http://evil.example"}, 403),
    ],
)
def test_no_foreign_page_can_switch_faults(
    local: LocalAmplitude,
    session: requests.Session,
    headers: dict[str, str],
    status: int,
) -> None:
    own = {name: value.format(url=local.url) for name, value in headers.items()}

    answer = session.put(local.url + "/api/faults", json=SWITCHED_OFF, headers=own)

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]


def test_no_preflight_allows_a_change(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    answer = session.options(
        local.url + "/api/faults",
        headers={"Origin": "https://evil.example", "Host": "localhost"},
    )

    assert not answer.ok
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


UPLOAD = {"api_key": "key-1", "events": [event()]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8026"}, 200),
        ({"Host": "[::1]"}, 200),
        ({"Host": "127.9.9.9"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "192.168.0.1"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "{url}"}, 200),
        ({"Origin": "{url}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({**OURS, "Origin": "https://evil.example"}, 403),
        # What the `fetch` of a server-side language runtime sends.
        ({"Sec-Fetch-Mode": "cors"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/2/httpapi", "/batch"])
def test_events_are_accepted_from_this_machine_and_from_no_web_page(
    local: LocalAmplitude,
    session: requests.Session,
    path: str,
    headers: dict[str, str],
    status: int,
) -> None:
    sent = {name: value.format(url=local.url) for name, value in headers.items()}

    answer = session.post(local.url + path, json=UPLOAD, headers=sent)

    assert answer.status_code == status
    assert len(list(local.requests())) == (status == 200)
    assert local.summary().total == (status == 200)
    if status == 403:
        assert answer.json()["error"]
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("request_line", "headers"),
    [
        ("GET /2/httpapi", {}),
        ("HEAD /2/httpapi", {}),
        ("GET /batch?api_key=key-1", {}),
        ("POST /2/httpapi", {"Content-Type": "text/plain"}),
        ("POST /2/httpapi", {"Content-Type": "Text/Plain;charset=utf-8"}),
        ("POST /batch", FORM),
        ("POST /batch", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("POST /anything", FORM),
    ],
)
def test_what_a_browser_sends_without_asking_is_refused_and_not_logged(
    local: LocalAmplitude,
    session: requests.Session,
    request_line: str,
    headers: dict[str, str],
) -> None:
    method, path = request_line.split()

    answer = session.request(
        method, local.url + path, data=json.dumps(UPLOAD), headers=headers
    )

    assert answer.status_code == 400
    assert list(local.requests()) == []
    assert local.summary().total == 0


def test_a_web_page_that_asks_whether_it_may_send_events_may_not(
    local: LocalAmplitude, session: requests.Session
) -> None:
    answer = session.options(
        local.endpoint("http_v2"),
        headers={
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_events_for_other_hosts_are_accepted_if_an_address_was_given(
    make_local: MakeLocal, session: requests.Session
) -> None:
    local = make_local(host="127.0.0.1")
    foreign = {"Host": "box.example"}

    taken = session.post(local.endpoint("batch"), json=UPLOAD, headers=foreign)
    foreign["Origin"] = "https://evil.example"
    refused = session.post(local.endpoint("batch"), json=UPLOAD, headers=foreign)

    assert (taken.status_code, refused.status_code) == (200, 403)
