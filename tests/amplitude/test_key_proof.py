"""What requests that store nothing say about the way to Amplitude and the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude.key_proof import (
    Finding,
    ask_for_export,
    ask_without_events,
    reach,
)
from tests.support.asking import KEY, destination
from tests.support.export_server import SECRET, ExportServer
from tests.support.server import ScriptedServer, free_port, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude


@pytest.fixture
def export() -> Iterator[ExportServer]:
    with ExportServer() as server:
        yield server


# The way


def test_a_server_is_reached_and_nothing_is_sent() -> None:
    with ScriptedServer() as server:
        found = reach(destination(server.url))
        assert not isinstance(found, Finding)
        assert (found.tls, found.through) == (None, None)
        assert server.received == []


def test_a_certificate_that_is_trusted_is_reported_with_its_end(
    self_signed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Loopback looks at no variable, so this is a name that stands for it.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    monkeypatch.setattr(
        "target_amplitude_nami.amplitude.key_proof.trusts_environment", lambda _: True
    )
    with ScriptedServer(tls=self_signed) as server:
        found = reach(destination(server.url))
        assert server.received == []
    assert not isinstance(found, Finding)
    assert found.tls is not None
    assert found.tls.version.startswith("TLS")
    assert found.tls.expires


def test_the_trouble_with_a_certificate_is_named(self_signed: Any) -> None:
    with ScriptedServer(tls=self_signed) as server:
        found = reach(destination(server.url))
    assert isinstance(found, Finding)
    assert found.says_what_to_do
    assert "cannot be trusted (self-signed certificate)" in found.message


def test_the_proxy_that_is_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://ann:secret@{proxy.address}")
        found = reach(destination("http://relay.invalid/events"))
        assert proxy.received == []
    assert not isinstance(found, Finding)
    assert found.through == f"http_proxy ({proxy.address})"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://nobody.invalid/", "the host name nobody.invalid cannot be resolved"),
        ("http://127.0.0.1:1/", "Connection refused"),
    ],
)
def test_why_nothing_is_reached_is_explained(url: str, message: str) -> None:
    for ask in (reach, ask_without_events):
        found = ask(destination(url))
        assert isinstance(found, Finding)
        assert (found.verdict, found.is_answer) == ("bad", False)
        assert message in found.message


# The API key alone


@pytest.mark.parametrize("gzip", [True, False])
def test_a_request_without_events_proves_no_key_and_stores_nothing(
    local_amplitude: LocalAmplitude, *, gzip: bool
) -> None:
    found = ask_without_events(
        destination(local_amplitude.endpoint("http_v2"), gzip=gzip)
    )
    assert found.verdict == "unproved"
    assert local_amplitude.summary().total == 0


@pytest.mark.parametrize(
    ("scripted", "message"),
    [
        (
            reply(400, {"code": 400, "error": f"Invalid API key: {KEY}"}),
            "does not know the API key",
        ),
        (reply(200, b"<html>Welcome"), "this answer is not Amplitude's"),
        (reply(200, {"code": 200, "events_ingested": 0}), "without events"),
        (reply(404, b"not here"), "is not Amplitude's event API"),
        (reply(503), "HTTP 503"),
        (reply(400, b"[" * 100_000), "HTTP 400"),
    ],
)
def test_any_other_answer_is_reported_without_the_key(
    scripted: Any, message: str
) -> None:
    with ScriptedServer(scripted) as server:
        found = ask_without_events(destination(server.url))
    assert found.verdict == "bad"
    assert message in found.message
    assert KEY not in found.message


# The pair of keys


@pytest.mark.parametrize("good", [200, 404])
def test_a_pair_is_proved_by_an_export_that_a_wrong_secret_does_not_get(
    export: ExportServer, good: int
) -> None:
    export.good = good
    found = ask_for_export(destination(), SECRET, export.url)
    assert found.verdict == "good"
    assert export.asked == ["/api/2/export?start=20150101T00&end=20150101T00"] * 2


@pytest.mark.parametrize("wrong", [401, 403])
def test_a_wrong_pair_is_found_out(export: ExportServer, wrong: int) -> None:
    export.wrong = wrong
    found = ask_for_export(destination(), "another secret", export.url)
    assert found.verdict == "bad"
    assert f"HTTP {wrong}" in found.message


def test_what_answers_a_wrong_secret_alike_proves_nothing(export: ExportServer) -> None:
    export.wrong = 404
    found = ask_for_export(destination(), SECRET, export.url)
    assert found.verdict == "unproved"
    assert "answers a wrong secret key (HTTP 404) as it does this one" in found.message


@pytest.mark.parametrize("status", [302, 400, 429, 504])
def test_other_answers_of_the_export_prove_nothing(
    export: ExportServer, status: int
) -> None:
    export.good = status
    found = ask_for_export(destination(), SECRET, export.url)
    assert found == Finding(
        "unproved", f"{export.url.split('/')[2]} answers an export with HTTP {status}"
    )


def test_an_export_that_is_not_reached_proves_nothing_and_shows_no_secret() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    found = ask_for_export(destination(), SECRET, url)
    assert (found.verdict, found.is_answer) == ("bad", False)
    assert SECRET not in found.message
