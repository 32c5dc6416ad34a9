"""The checklist says what was reached and proved, and never more."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude import key_proof
from target_amplitude_nami.amplitude.connection import Tls
from target_amplitude_nami.amplitude.key_proof import Reached
from target_amplitude_nami.commands import account_url
from target_amplitude_nami.commands.check import network_part
from target_amplitude_nami.commands.check.checklist import Checklist
from target_amplitude_nami.commands.check.network_part import check_keys, check_network
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.settings.usable import usable_settings
from tests.support.asking import KEY
from tests.support.export_server import SECRET, ExportServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def export() -> Iterator[ExportServer]:
    with ExportServer() as server:
        yield server


def network(*, is_online: bool = False, **config: Any) -> list[tuple[str, str]]:
    checklist = Checklist()
    check_network(checklist, Settings.load(config), is_online=is_online)
    return [(line.mark, line.text) for line in checklist.lines]


def keys(export_url: str | None = None, **config: Any) -> list[tuple[str, str, str]]:
    checklist = Checklist()
    settings = usable_settings(config).settings
    assert settings is not None
    check_keys(checklist, settings, export_url=export_url)
    return [(line.mark, line.text, line.remedy) for line in checklist.lines]


@pytest.fixture
def amplitude(local_amplitude: LocalAmplitude) -> dict[str, Any]:
    return {"api_key": KEY, "endpoint": local_amplitude.endpoint("http_v2")}


def test_no_connection_is_made_where_a_run_makes_none() -> None:
    ((mark, text),) = network(endpoint="local")
    assert (mark, text) == ("ok", "not needed: a run starts the local Amplitude")
    assert network(dry_run=True) == [("ok", "not needed: a dry run sends nothing")]
    assert network(api_key=KEY, enabled=False, endpoint="http://127.0.0.1:9/") == [
        ("ok", "not needed: a run that is not enabled sends nothing")
    ]


def test_what_is_reached_without_tls_is_reported(amplitude: dict[str, Any]) -> None:
    ((mark, text),) = network(**amplitude)
    assert mark == "ok"
    assert text.endswith("is reached, without TLS")


@pytest.mark.parametrize(("days", "mark"), [(5, "warning"), (90, "ok")])
def test_a_certificate_that_ends_soon_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, days: int, mark: str
) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    tls = Tls("TLSv1.3", end.strftime("%b %d %H:%M:%S %Y GMT"))
    reached = Reached("HTTPS_PROXY (proxy:3128)", tls)
    monkeypatch.setattr(key_proof, "reach", lambda _: reached)
    ((found, text),) = network(api_key=KEY)
    assert found == mark
    assert text.startswith(
        "api2.amplitude.com is reached through the proxy in HTTPS_PROXY (proxy:3128) "
        "with TLSv1.3, and its certificate is trusted"
    )


def test_an_api_key_alone_is_not_proved(amplitude: dict[str, Any]) -> None:
    ok, warning = keys(**amplitude)
    assert ok[0] == "ok"
    assert warning[:2] == (
        "warning",
        "api_key is not proved, as Amplitude gives this answer to any key",
    )


def test_without_a_key_there_is_nothing_to_prove() -> None:
    assert keys() == [("warning", "no api_key is set, so there is none to check", "")]


def test_a_pair_is_proved(amplitude: dict[str, Any], export: ExportServer) -> None:
    _, proved = keys(export.url, **amplitude, secret_key=SECRET)
    assert proved[0] == "ok"
    assert "knows api_key with secret_key (HTTP 404)" in proved[1]


def test_the_pair_proves_nothing_of_the_sandbox(
    amplitude: dict[str, Any], export: ExportServer
) -> None:
    found = keys(export.url, **amplitude, secret_key=SECRET, sandbox_api_key=KEY[::-1])
    assert [mark for mark, _, _ in found] == ["ok", "ok", "ok", "warning"]
    assert found[-1][1].startswith("sandbox_api_key is not proved")


def test_a_wrong_pair_is_wrong(amplitude: dict[str, Any], export: ExportServer) -> None:
    _, wrong = keys(export.url, **amplitude, secret_key="another")
    assert wrong[0] == "wrong"
    assert "copy both keys again" in wrong[2]


def test_the_region_of_a_pair_is_found(
    amplitude: dict[str, Any], export: ExportServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExportServer() as another:
        another.good = 403
        hosts = {"us": another.base_url, "eu": export.base_url}
        monkeypatch.setattr(network_part, "HOSTS", hosts)
        monkeypatch.setattr(account_url, "HOSTS", hosts)
        monkeypatch.setattr(account_url, "is_on_this_machine", lambda _: False)
        _, wrong = keys(**amplitude, secret_key=SECRET)
    assert wrong[0] == "wrong"
    assert wrong[2] == "the project is in region eu: set `region: eu`"


def test_a_server_on_this_machine_is_asked_about_its_own_keys(tmp_path: Path) -> None:
    with LocalAmplitude(tmp_path / "amplitude.db", keys={f"{KEY}/{SECRET}"}) as local:
        endpoint = local.endpoint("http_v2")
        _, good = keys(api_key=KEY, endpoint=endpoint, secret_key=SECRET)
        _, wrong = keys(api_key=KEY, endpoint=endpoint, secret_key="another")
    assert good[0] == "ok"
    assert "region" not in good[1]
    assert wrong[0] == "wrong"


@pytest.mark.parametrize("status", [400, 429, 504])
def test_an_export_that_proves_nothing_is_a_warning(
    amplitude: dict[str, Any], export: ExportServer, status: int
) -> None:
    export.good = status
    _, warning = keys(export.url, **amplitude, secret_key=SECRET)
    assert warning[0] == "warning"
    assert warning[1].endswith("api_key is not proved")
