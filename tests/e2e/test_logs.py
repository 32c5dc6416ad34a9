"""What the log says, and what it must never say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import bad_records, nami, singer
from tests.support.run_target import API_KEY, run_target

if TYPE_CHECKING:
    from pathlib import Path

PERSON = "ada-lovelace"


def of_a_person(number: int, **fields: Any) -> dict[str, Any]:
    """Return an event that is full of somebody."""
    return nami.subscription(number) | {
        "user_id": f"{PERSON}-user",
        "external_ids": [{"key": "external_id", "value": f"{PERSON}-{number}"}],
        "devices": [{"id": f"{PERSON}-phone"}],
        "e_mail": f"{PERSON}@example.com",
        "notes": PERSON * 400,
        **fields,
    }


def personal_messages() -> list[bytes]:
    """Return records of a person: good ones, and bad in every way."""
    good = [of_a_person(number) for number in range(20)]
    bad = [
        of_a_person(30, created_date=PERSON),
        of_a_person(31, customer_journey_state={"in_pause": PERSON}),
        of_a_person(32, devices=PERSON),
        of_a_person(33, e_mail=PERSON, billing_cycles=PERSON),
        of_a_person(34, event_type={"of": PERSON}),
        of_a_person(35, devices=[], external_ids=[{"key": PERSON}], user_id=None),
    ]
    lines = [
        *bad_records.SCHEMAS,
        *(singer.record(bad_records.EVENTS, event) for event in (*good, *bad)),
        singer.record(bad_records.MAPPED, of_a_person(40, divisor=0)),
        singer.record(bad_records.MAPPED, of_a_person(41, divisor=PERSON)),
        singer.record(f"stream of {PERSON}", of_a_person(42)),
        f'{{"type": "RECORD", "stream": "{PERSON}\n'.encode(),
        json.dumps({"type": PERSON}).encode() + b"\n",
    ]
    return [*lines, singer.schema("others"), singer.record("others", {"who": PERSON})]


def test_no_record_is_in_the_log(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {
        "api_key": API_KEY,
        "endpoint": local_amplitude.endpoint("http_v2"),
        "metrics_path": "metrics.prom",
        **bad_records.SETTINGS,
    }
    run = run_target(tmp_path, settings, personal_messages())
    assert run.exit_code == 0, run.log
    assert run.report["delivered"] == 20
    assert run.report["rejected"] == 11
    assert run.report["texts_cut"] == 20
    assert PERSON not in run.log
    report = run.report
    assert report.pop("named_odd_ids")  # names ids that do not fit together, on purpose
    assert PERSON not in json.dumps(report)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o600
    assert PERSON not in (tmp_path / "metrics.prom").read_text("utf-8")


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_the_api_key_is_nowhere(
    tmp_path: Path, local_amplitude: LocalAmplitude, level: str
) -> None:
    settings = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("http_v2")}
    messages = singer.records("events", [nami.impression(1), nami.impression(2, id=[])])
    run = run_target(tmp_path, settings, messages, environment={"LOGLEVEL": level})
    assert run.exit_code == 0, run.log
    assert ("DEBUG" in run.log) == (level == "DEBUG")
    (tmp_path / "config.json").unlink()
    written = {
        path.name: path.read_text("utf-8")
        for path in tmp_path.rglob("*")
        if path.is_file() and not path.name.startswith("amplitude.db")
    }
    assert written.keys() == {"report.json", "rejects.singer"}
    for text in (run.log, run.stdout, *written.values()):
        assert API_KEY not in text


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_amplitudes_echo_of_a_wrong_key_is_not_repeated(
    tmp_path: Path, level: str
) -> None:
    with LocalAmplitude(tmp_path / "amplitude.db", keys=["another"]) as local:
        settings = {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")}
        messages = [
            *singer.records("events", [nami.impression(1)]),
            singer.state({"position": 1}),
        ]
        run = run_target(tmp_path, settings, messages, environment={"LOGLEVEL": level})
        [request] = local.requests()
        assert b"Invalid API key: (hidden)" in request.answer
    assert run.exit_code == 1
    assert run.states == []
    assert API_KEY not in run.log
    [line] = run.logged("ERROR")
    assert "api_key" in line
    assert "region" in line


def test_a_long_text_is_warned_of_once(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("http_v2")}
    records = [nami.impression(number, notes="x" * 2000) for number in range(5)]
    run = run_target(tmp_path, settings, singer.records("events", records))
    assert run.log.count("1,024 characters") == 1
    assert run.report["texts_cut"] == 5
