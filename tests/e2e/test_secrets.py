"""The API key and what users did stay where they belong."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults
from tests.support import bad_records, nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY, TARGET, run_command, run_target

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude

PERSONAL = "Mona Lisa"
MESSAGES = [
    *bad_records.SCHEMAS,
    singer.record("events", nami.impression(1, name=PERSONAL)),
    singer.record("events", nami.subscription(2, name=PERSONAL)),
    singer.record("users", nami.user(3, name=PERSONAL)),
    *(line for _, line in bad_records.bad_lines() if len(line) < 100_000),
    singer.state({"at": 1}),
]

ECHOES = {
    "accepted": None,
    "an echo in JSON": Do(
        status=400, json={"code": 400, "error": f"Invalid API key: {API_KEY}"}
    ),
    "an echo in HTML": Do(status=503, raw=f"<html>{API_KEY} {API_KEY}</html>"),
    "an echo in an index map": Do(
        status=400,
        json={
            "code": 400,
            "error": f"Invalid field values for {API_KEY}",
            "events_with_invalid_fields": {API_KEY: [0, 1, 2]},
        },
    ),
    "an echo of a path": Do(status=404, raw=f"no {API_KEY} here"),
    "an echo in a redirect": Do(
        status=302, raw="", headers={"Location": f"https://example.com/{API_KEY}"}
    ),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_the_api_key_is_nowhere_but_in_requests(
    echo: str, tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    do = ECHOES[echo]
    if do is not None:
        local_amplitude.set_faults(Faults((Fault(do=do, times=40),)))
    settings: dict[str, Any] = {
        "endpoint": local_amplitude.endpoint("http_v2"),
        "metrics_path": "metrics.prom",
        "retry_for": 0,
        **bad_records.SETTINGS,
    }
    run = run_target(
        tmp_path / "run",
        settings,
        MESSAGES,
        options=["--config=ENV"],
        environment={"TARGET_AMPLITUDE_NAMI_API_KEY": API_KEY, "LOGLEVEL": "DEBUG"},
    )
    assert run.log
    assert API_KEY not in run.log
    assert API_KEY not in run.stdout
    assert "Traceback" not in run.log
    left = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {"report.json", "metrics.prom"} <= {path.name for path in left}
    for path in left:
        assert API_KEY.encode() not in path.read_bytes(), path


def test_the_api_key_is_in_no_dry_run(tmp_path: Path) -> None:
    run = run_target(tmp_path, {"api_key": API_KEY, "dry_run": True}, MESSAGES[:4])
    assert run.exit_code == 0, run.log
    [body] = (tmp_path / "output/dry-run.jsonl").read_text().splitlines()
    assert json.loads(body)["api_key"] == "***"
    assert API_KEY not in body
    assert API_KEY not in run.log


@pytest.mark.parametrize(
    "wrong", [{"api_key": f" {API_KEY}"}, {"api_key": [API_KEY]}, {"batch_sise": 1}]
)
def test_the_api_key_is_in_no_message_about_the_configuration(
    wrong: dict[str, Any], tmp_path: Path
) -> None:
    run = run_target(tmp_path, {"api_key": API_KEY} | wrong)
    assert run.exit_code == 1
    assert API_KEY not in run.log


def test_the_api_key_is_not_in_what_ps_shows(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("http_v2")}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with subprocess.Popen(
        [TARGET, "--config", "config.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env=clean_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join([*MESSAGES[:4], singer.state({"at": 0})]))
        process.stdin.flush()
        process.stdin.close()
        process.stdout.readline()
        for name in ("cmdline", "comm"):
            title = Path(f"/proc/{process.pid}/{name}")
            assert not title.exists() or API_KEY.encode() not in title.read_bytes()


def test_no_personal_data_is_in_the_log(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {
        "api_key": API_KEY,
        "endpoint": local_amplitude.endpoint("http_v2"),
        **bad_records.SETTINGS,
    }
    run = run_target(tmp_path, settings, MESSAGES)
    assert run.exit_code == 0, run.log
    words = [PERSONAL, *(nami.external_id(n) for n in range(4)), nami.device_id(1)]
    for word in words:
        assert word not in run.log


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_that_hold_records_are_for_their_owner_alone(
    mask: int, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"dry_run": True}))
    before = os.umask(mask)
    try:
        run_command(tmp_path, ["--config", path], MESSAGES)
    finally:
        os.umask(before)
    for name in ("rejects.singer", "dry-run.jsonl"):
        mode = stat.S_IMODE((tmp_path / "output" / name).stat().st_mode)
        assert mode == 0o600, name


def test_records_are_sent_unencrypted_to_this_machine_only(tmp_path: Path) -> None:
    settings = {"api_key": API_KEY, "endpoint": "http://relay.example.com/2/httpapi"}
    run = run_target(tmp_path, settings, MESSAGES)
    assert run.exit_code == 1
    assert "https" in run.log
    assert API_KEY not in run.log
