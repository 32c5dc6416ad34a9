"""Requests with both keys of a project, and what becomes of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude.account_api import AccountApi
from target_amplitude_nami.amplitude.account_connection import Account, Answer
from target_amplitude_nami.errors import RequestFailed
from tests.support.server import Reply, ScriptedServer, free_port, reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "fedcba9876543210fedcba9876543210"
PAGE = b"<html><head><title>Blocked</title></head></html>"


class Asked:
    """The account APIs at a scripted server, under a clock that waiting moves."""

    def __init__(self, address: str, **options: Any) -> None:
        self.notes: list[str] = []
        self.now = 0.0
        account = Account(
            base_url=f"http://{address}", api_key=KEY, secret_key=SECRET, **options
        )
        self.api = AccountApi(
            account, note=self.notes.append, sleep=self._sleep, now=lambda: self.now
        )

    def ask(self, **options: Any) -> Any:
        with self.api:
            return self.api.ask("GET", "/api/2/thing", **options)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_request_names_the_project_and_no_key_in_its_address() -> None:
    with ScriptedServer(reply(200, {"fine": True})) as server:
        answer = Asked(server.address).ask(parameters={"start": "20261123T14"})
    assert (answer.status, answer.content) == (200, b'{"fine": true}')
    [request] = server.received
    assert request.path == "/api/2/thing?start=20261123T14"
    scheme, _, pair = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", f"{KEY}:{SECRET}".encode())


@pytest.mark.parametrize(
    "trouble",
    [
        reply(429, {"error": "slow down"}),
        reply(500),
        reply(503, PAGE),
        Reply(fault="reset before"),
        Reply(body=b"x" * 100, fault="cut body"),
    ],
    ids=["429", "500", "a page", "reset", "cut"],
)
def test_what_may_pass_is_asked_for_again(trouble: Reply) -> None:
    with ScriptedServer(trouble, trouble, reply(200, b"fine")) as server:
        asked = Asked(server.address)
        assert asked.ask().content == b"fine"
    assert len(asked.notes) == 2
    assert "asking again in" in asked.notes[0]


@pytest.mark.parametrize("length", ["Content-Length: 9", "Transfer-Encoding: chunked"])
def test_an_answer_that_is_cut_short_is_called_so(length: str) -> None:
    head = f"HTTP/1.1 200 Scripted\r\n{length}\r\nConnection: close\r\n\r\n"
    cut = Reply(wire=[head.encode() + b"4\r\nhalf"], fault="cut body")
    with ScriptedServer(cut) as server:
        asked = Asked(server.address, retry_for=0)
        with pytest.raises(RequestFailed, match=r"the answer from .* is cut short"):
            asked.ask()


def test_what_does_not_pass_in_time_is_given_up() -> None:
    with ScriptedServer(*[reply(503, b"busy")] * 20) as server:
        asked = Asked(server.address, retry_for=30)
        with pytest.raises(
            RequestFailed, match=r"answers 503 \(busy\): try again later"
        ):
            asked.ask()
    assert 15 < asked.now <= 30


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(401, {"error": f"no {SECRET}"}), "refuses the keys"),
        (reply(403), "refuses the keys"),
        (reply(403, PAGE), r"answers 403 with a web page \(Blocked\)"),
        (reply(302, Location="http://elsewhere.example/"), "redirects"),
        (reply(404, b"not here"), r"answers 404 \(not here\): check the address"),
        (reply(418, {"key": KEY, "pair": f"{KEY} {SECRET}"}), "answers 418"),
    ],
)
def test_what_no_repetition_helps_ends_at_once_without_keys(
    answer: Reply, message: str
) -> None:
    with (
        ScriptedServer(answer) as server,
        pytest.raises(RequestFailed, match=message) as caught,
    ):
        Asked(server.address).ask()
    assert len(server.received) == 1
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.status == answer.status


def test_a_status_that_the_caller_acts_on_is_an_answer() -> None:
    with ScriptedServer(reply(404, b"none")) as server:
        answer = Asked(server.address).ask(handled=frozenset({404}))
    assert (answer.status, answer.quote) == (404, "none")


def test_nobody_at_the_address_is_said_without_keys() -> None:
    asked = Asked(f"127.0.0.1:{free_port()}", retry_for=0)
    with pytest.raises(RequestFailed, match="no answer from 127") as caught:
        asked.ask()
    assert SECRET not in str(caught.value)


def test_an_endless_answer_is_cut_off() -> None:
    with (
        ScriptedServer(reply(200, b"x" * (1 << 20) + b"x")) as server,
        pytest.raises(RequestFailed, match="longer than 1,048,576 bytes"),
    ):
        Asked(server.address).ask()


def test_a_password_of_netrc_does_not_replace_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer(reply(200)) as server:
        asked = Asked(server.address)
        asked.api._session.trust_env = True
        asked.ask()
    pair = server.received[0].headers["Authorization"].partition(" ")[2]
    assert base64.b64decode(pair) == f"{KEY}:{SECRET}".encode()


def test_an_account_does_not_show_its_keys() -> None:
    account = Account(base_url="https://amplitude.com", api_key=KEY, secret_key=SECRET)
    assert KEY not in repr(account)
    assert SECRET not in repr(account)
    sent = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert account.without_keys(f"{KEY} {SECRET} {sent}") == "*** *** ***"


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(reply(200, b"by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        asked = Asked("amplitude.example")
        assert asked.ask().content == b"by proxy"
    assert proxy.received[0].path == "http://amplitude.example/api/2/thing"


def test_the_certificate_of_the_other_side_is_checked(
    self_signed: ssl.SSLContext,
) -> None:
    with ScriptedServer(tls=self_signed) as server:
        account = Account(
            base_url=f"https://{server.address}", api_key=KEY, secret_key=SECRET
        )
        with (
            AccountApi(account) as api,
            pytest.raises(RequestFailed, match="cannot be trusted"),
        ):
            api.ask("GET", "/api/2/thing")
    assert server.received == []


def test_an_answer_that_comes_byte_by_byte_is_too_slow() -> None:
    sent = []

    def bytewise() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 Scripted\r\nContent-Length: 60\r\n\r\n"
        for number in range(60):
            sent.append(number)
            yield b"x"

    with ScriptedServer(Reply(wire=bytewise(), seconds=0.05)) as server:
        account = Account(
            base_url=f"http://{server.address}",
            api_key=KEY,
            secret_key=SECRET,
            read_timeout=0.3,
            retry_for=0,
        )
        with (
            AccountApi(account) as api,
            pytest.raises(RequestFailed, match=r"no answer from .* in time"),
        ):
            api.ask("GET", "/api/2/thing")
        assert len(sent) < 60


def test_an_answer_that_fails_after_hours_is_asked_for_again() -> None:
    with ScriptedServer(reply(503), reply(200, b"fine")) as server:
        asked = Asked(server.address, retry_for=30)

        def send() -> Answer:
            asked.now += 7200
            with asked.api.opened("GET", "/api/2/thing") as stream:
                return asked.api.whole(stream)

        with asked.api:
            assert asked.api.exchange(send).content == b"fine"
