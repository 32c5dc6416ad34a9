"""The files of the page."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from target_amplitude_nami.local.page import files
from tests.local.bench import event

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal


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
def test_files_have_the_types_that_browsers_require(
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
def test_without_its_files_the_page_says_so_and_events_are_accepted(
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
