"""Proxies, passwords and certificates that the environment names."""

from __future__ import annotations

import contextlib
import select
import socket
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from target_amplitude_nami.amplitude import client as client_module
from target_amplitude_nami.amplitude.answers import Delivered, Fatal, Unknown
from target_amplitude_nami.amplitude.client import Client, trusts_environment
from tests.support.asking import EVENTS, ask, destination
from tests.support.server import ScriptedServer, free_port

if t.TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_a_proxy_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.address}")
        with ScriptedServer() as server:
            assert ask(server.url) == Delivered(3)
        assert proxy.received == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_for_loopback_the_environment_is_not_asked(host: str) -> None:
    assert not trusts_environment(f"http://{host}:1/")


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
    assert answer.message.startswith(f"{variable} holds no valid URL of a proxy")
    assert "secret" not in answer.message


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
def test_the_variable_that_holds_a_socks_proxy_is_named(
    variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"{scheme}://ann:secret@127.0.0.1:1")
    answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Fatal)
    assert answer.message.startswith(f"{variable} holds a SOCKS proxy")
    assert "secret" not in answer.message


def test_a_proxy_that_does_not_answer_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Unknown)
    assert answer.message.startswith("no answer from the proxy in ALL_PROXY: ")
    assert "refused" in answer.message


@pytest.fixture
def tunnel() -> Iterator[Callable[[str], str]]:
    """A proxy on loopback that leads to one address, whatever it is asked for."""
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
    monkeypatch.setattr(client_module, "trusts_environment", lambda _url: True)
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
    assert "the proxy in HTTPS_PROXY refuses the user name" in answer.message
    assert "secret" not in answer.message


def test_a_missing_file_of_certificates_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "missing.pem")
    answer = ask("https://relay.invalid/events")
    assert isinstance(answer, Fatal)
    assert "missing.pem" in answer.message


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
@pytest.mark.parametrize(
    "url", ["http://*.invalid/", "https://x:99999/", "https://\udcff/"]
)
def test_an_unusable_address_ends_the_run(
    url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert ask(url) == Fatal("`endpoint` is not a valid URL")
