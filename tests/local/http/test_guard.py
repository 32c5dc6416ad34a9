"""The page's files, and who may ask for them and change anything."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from target_amplitude_nami.local.page import files
from tests.local.bench import event

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

OURS = {"X-Local-Amplitude": "1"}
SWITCHED_OFF: dict[str, Any] = {"rules": []}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of its own, in place of the one that is shipped."""
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.setattr(files, "FOLDER", folder)
    return folder


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("index.html", "text/html; charset=utf-8"),
    ],
)
def test_files_have_the_types_that_browsers_insist_on(
    page: Path,
    make_local: MakeLocal,
    session: requests.Session,
    name: str,
    media_type: str,
) -> None:
    (page / name).write_text("content")
    url = f"{make_local().url}/page/{name}"

    answer = session.get(url)
    again = session.get(url, headers={"If-None-Match": answer.headers["ETag"]})

    assert (answer.status_code, answer.text) == (200, "content")
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


def test_the_front_page_is_its_index(
    page: Path,
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    (page / "index.html").write_text("<h1>hello</h1>")
    local = make_local()

    answer = session.get(local.url)

    assert answer.text == "<h1>hello</h1>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert session.get(local.url + "/favicon.ico").status_code == 204


@pytest.mark.usefixtures("page")
def test_without_its_files_the_page_says_so_and_events_are_taken(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    local = make_local()
    upload = {"api_key": "key-1", "events": [event()]}

    assert "without its page" in session.get(local.url).text
    assert session.get(local.url + "/page/app.js").status_code == 404
    assert session.post(local.endpoint("http_v2"), json=upload).ok


@pytest.mark.parametrize(
    "path", ["/page/../server.py", "/page/%2e%2e/server.py", "/page/..%2fserver.py"]
)
def test_nothing_but_the_page_is_served(
    local: LocalAmplitude,
    path: str,
) -> None:
    address = urlsplit(local.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as line:
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = line.makefile("rb").read()

    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"import" not in answer


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


def test_a_browser_is_not_told_that_it_may_change_anything(
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
IDENTIFY = "api_key=key-1&identification=%7B%22user_id%22%3A%22user-1%22%7D"


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
def test_events_are_taken_from_this_machine_and_from_no_web_page(
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
    ("request_line", "headers", "status"),
    [
        ("GET /2/httpapi", {}, 400),
        ("HEAD /2/httpapi", {}, 400),
        (f"GET /batch?{IDENTIFY}", {}, 400),
        ("POST /2/httpapi", {"Content-Type": "text/plain"}, 400),
        ("POST /2/httpapi", {"Content-Type": "Text/Plain;charset=utf-8"}, 400),
        ("POST /batch", FORM, 400),
        ("POST /batch", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
        ("POST /anything", FORM, 400),
        ("POST /identify", FORM, 403),
        ("POST /identify", {"Content-Type": "text/plain"}, 403),
        (f"GET /identify?{IDENTIFY}", {}, 403),
    ],
)
def test_what_a_browser_sends_without_asking_leaves_nothing(
    local: LocalAmplitude,
    session: requests.Session,
    request_line: str,
    headers: dict[str, str],
    status: int,
) -> None:
    """The answer is Amplitude's, but for what Amplitude would take."""
    method, path = request_line.split()
    body = IDENTIFY if "identify" in path else '{"api_key":"key-1","events":[{}]}'

    answer = session.request(method, local.url + path, data=body, headers=headers)

    assert answer.status_code == status
    assert list(local.requests()) == []
    assert local.summary().identifies == 0


@pytest.mark.parametrize(
    ("method", "body", "path"),
    [("POST", IDENTIFY, "/identify"), ("GET", None, f"/identify?{IDENTIFY}")],
)
def test_identify_takes_forms_from_who_can_send_a_header(
    local: LocalAmplitude,
    session: requests.Session,
    method: str,
    body: str | None,
    path: str,
) -> None:
    url = local.url + path

    answer = session.request(method, url, data=body, headers={**OURS, **FORM})

    assert (answer.status_code, answer.text) == (200, "success")
    assert local.summary().identifies == 1


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


def test_events_for_other_hosts_are_taken_if_an_address_was_given(
    make_local: MakeLocal, session: requests.Session
) -> None:
    local = make_local(host="127.0.0.1")
    foreign = {"Host": "box.example"}

    taken = session.post(local.endpoint("batch"), json=UPLOAD, headers=foreign)
    foreign["Origin"] = "https://evil.example"
    refused = session.post(local.endpoint("batch"), json=UPLOAD, headers=foreign)

    assert (taken.status_code, refused.status_code) == (200, 403)
