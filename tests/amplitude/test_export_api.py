"""Archives of the Export API, span by span."""

from __future__ import annotations

import datetime as dt
import errno
import io
import re
import tempfile

import pytest

from target_amplitude_nami.amplitude.account_api import AccountApi
from target_amplitude_nami.amplitude.account_connection import Account
from target_amplitude_nami.amplitude.export_api import (
    ExportApi,
    export_address,
    last_exportable,
)
from target_amplitude_nami.amplitude.hours import Span
from target_amplitude_nami.errors import OutputUnwritable, RequestFailed
from tests.support.server import Reply, ScriptedServer, reply

TOO_LARGE = reply(400, {"error": "too large"})
NO_DATA = reply(404, b"Raw data files were not found.")


def hour(day: int, of_day: int) -> dt.datetime:
    return dt.datetime(2026, 11, day, of_day, tzinfo=dt.UTC)


def archives(server: ScriptedServer, span: Span) -> list[tuple[str, bytes]]:
    """Return the parts of a span that have data, with the bytes of their archives."""
    account = Account(
        base_url=f"http://{server.address}",
        api_key="key",
        secret_key="secret",
        retry_for=10,
    )
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    with AccountApi(account, sleep=sleep, now=lambda: clock[0]) as api:
        return [
            (str(part), file.read()) for part, file in ExportApi(api).archives(span)
        ]


def asked(server: ScriptedServer) -> list[tuple[str, str]]:
    """Return the spans that the server was asked for."""
    found = [re.findall(r"=(\w+)", request.path) for request in server.received]
    return [(start, end) for start, end in found]


def test_a_span_is_asked_for_in_one_request() -> None:
    with ScriptedServer(reply(200, b"zip")) as server:
        found = archives(server, Span(hour(23, 0), hour(24, 23)))
    assert found == [("2026-11-23T00 to 2026-11-24T23", b"zip")]
    assert asked(server) == [("20261123T00", "20261124T23")]


@pytest.mark.parametrize("refusal", [TOO_LARGE, reply(504)], ids=["400", "504"])
def test_a_span_that_is_too_large_is_asked_for_in_halves(refusal: Reply) -> None:
    replies = [refusal, reply(200, b"1"), refusal, NO_DATA, reply(200, b"2")]
    with ScriptedServer(*replies) as server:
        found = archives(server, Span(hour(23, 0), hour(23, 3)))
    assert asked(server) == [
        ("20261123T00", "20261123T03"),
        ("20261123T00", "20261123T01"),
        ("20261123T02", "20261123T03"),
        ("20261123T02", "20261123T02"),
        ("20261123T03", "20261123T03"),
    ]
    assert found == [
        ("2026-11-23T00 to 2026-11-23T01", b"1"),
        ("the hour 2026-11-23T03", b"2"),
    ]


@pytest.mark.parametrize("status", [400, 504])
def test_an_hour_that_is_too_large_needs_another_export(status: int) -> None:
    with (
        ScriptedServer(*[reply(status, b"too large")] * 9) as server,
        pytest.raises(RequestFailed, match="export to Amazon S3") as caught,
    ):
        archives(server, Span(hour(23, 5), hour(23, 5)))
    assert caught.value.status == status


def test_more_than_a_year_is_asked_for_in_parts() -> None:
    with ScriptedServer(NO_DATA, NO_DATA) as server:
        span = Span(hour(1, 0), hour(1, 0) + dt.timedelta(days=365))
        assert archives(server, span) == []
    assert asked(server) == [
        ("20261101T00", "20271031T23"),
        ("20271101T00", "20271101T00"),
    ]


def test_an_archive_that_is_cut_short_is_asked_for_again() -> None:
    cut = Reply(body=b"zi", fault="cut body")
    with ScriptedServer(cut, reply(200, b"zip")) as server:
        [(_, content)] = archives(server, Span(hour(23, 5), hour(23, 5)))
    assert content == b"zip"


class _OnFullDisk(io.BytesIO):
    """A file that meets a full disk when what it has is written, to be replaced."""

    def truncate(self, size: int | None = None, /) -> int:
        if self.getvalue():
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().truncate(size)


def test_a_full_disk_is_explained_when_an_archive_broke_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: _OnFullDisk())
    cut = Reply(body=b"z" * 100_000, fault="cut body")
    with (
        ScriptedServer(cut, cut, reply(200, b"zip")) as server,
        pytest.raises(OutputUnwritable, match="No space left on device"),
    ):
        archives(server, Span(hour(23, 5), hour(23, 5)))


def test_a_web_page_does_not_say_that_there_is_no_data() -> None:
    with (
        ScriptedServer(reply(404, b"<html><h1>Not found</h1></html>")) as server,
        pytest.raises(RequestFailed, match="there is no Export API at /api/2/export"),
    ):
        archives(server, Span(hour(23, 5), hour(23, 5)))


def test_a_web_page_does_not_say_that_a_span_is_too_large() -> None:
    page = reply(400, b"<html><title>Blocked</title></html>")
    with (
        ScriptedServer(*[page] * 9) as server,
        pytest.raises(RequestFailed, match=r"answers 400 with a web page \(Blocked\)"),
    ):
        archives(server, Span(hour(23, 0), hour(23, 5)))
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2026-11-23T14:00:00Z", hour(23, 11)),
        ("2026-11-23T13:59:59Z", hour(23, 10)),
        ("2026-11-23T01:30:00Z", hour(22, 22)),
    ],
)
def test_an_hour_can_be_exported_two_hours_after_its_end(
    now: str, newest: dt.datetime
) -> None:
    assert last_exportable(dt.datetime.fromisoformat(now)) == newest


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8026", ("http://127.0.0.1:8026", "/api/2/export")),
        ("https://host/", ("https://host", "/api/2/export")),
        ("https://host/relay/export/", ("https://host", "/relay/export")),
    ],
)
def test_an_address_may_leave_out_the_path(url: str, address: tuple[str, str]) -> None:
    assert export_address(url) == address
