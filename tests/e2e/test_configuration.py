"""Mistakes in the configuration are reported at once, before any input is read."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.run_target import (
    API_KEY,
    TargetRun,
    run_command,
    run_target,
    run_with_pipe,
)

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude

INPUT = singer.state({"position": 1})

MISTAKES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["api_key is missing", "TARGET_AMPLITUDE_NAMI_API_KEY", "endpoint: local"]),
    ({"api_key": ""}, ["api_key is empty"]),
    ({"api_key": API_KEY, "regoin": "eu"}, ["regoin", 'Did you mean "region"']),
    ({"api_key": API_KEY, "region": "mars"}, ["region", '"mars"', '"us" or "eu"']),
    ({"api_key": API_KEY, "batch_size_rows": 2001}, ["batch_size_rows", "1 to 2000"]),
    ({"api_key": API_KEY, "batch_size_rows": "10"}, ["batch_size_rows", '"10"']),
    ({"api_key": API_KEY, "events": []}, ["events", "at least one"]),
    (
        {"api_key": API_KEY, "events": ["users.subscription.renewed"]},
        ["events", 'Did you mean "user.subscription.renewed"'],
    ),
    ({"api_key": API_KEY, "endpoint": "http://example.com/"}, ["endpoint", "https://"]),
    ({"api_key": API_KEY, "load_method": "upsert"}, ["load_method", "append-only"]),
    ({"api_key": API_KEY, "start_date": "soon"}, ["start_date", "ISO 8601"]),
    ({"endpoint": "local", "dry_run": True}, ["dry_run", "exclude each other"]),
    ({"endpoint": "local", "stream_maps": {"events": 5}}, ["stream_maps.events"]),
]


def errors(run: TargetRun) -> list[str]:
    """Return the errors in the log, which ends with the last of them."""
    found = run.logged("ERROR")
    assert run.log.rstrip().endswith(found[-1])
    return found


@pytest.mark.parametrize(("config", "words"), MISTAKES)
def test_a_mistake_is_one_clear_line_and_nothing_is_read(
    tmp_path: Path, config: dict[str, Any], words: list[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    run, left = run_with_pipe(tmp_path, INPUT)
    assert left == INPUT
    assert run.exit_code == 1
    assert run.stdout == ""
    assert "Traceback" not in run.log
    assert API_KEY not in run.log
    [line] = errors(run)
    for each in words:
        assert each in line
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_stream_map_that_makes_no_sense_ends_the_run_when_its_stream_comes(
    tmp_path: Path,
) -> None:
    config = {"endpoint": "local", "stream_maps": {"events": {"x": "1 +"}}}
    run = run_target(tmp_path, config, singer.records("events", [nami.impression(1)]))
    assert run.exit_code == 1
    assert run.states == []
    assert "Traceback" not in run.log
    [line] = errors(run)
    assert line.startswith("stream_maps cannot be used for stream 'events': ")


def test_each_of_several_mistakes_has_its_line(tmp_path: Path) -> None:
    config = {
        "region": "mars",
        "events": ["users.subscription.renewed"],
        "retry_for": -1,
    }
    run = run_target(tmp_path, config, INPUT)
    assert run.exit_code == 1
    beginnings = {line.split()[0] for line in errors(run)}
    assert beginnings == {"region", "events:", "retry_for", "api_key"}


def test_the_value_of_a_secret_is_never_shown(tmp_path: Path) -> None:
    run = run_target(tmp_path, {"api_key": f"{API_KEY} and a blank"}, INPUT)
    assert run.exit_code == 1
    [line] = errors(run)
    assert "api_key" in line
    assert API_KEY not in run.log


@pytest.mark.parametrize("content", [None, "{", "[1]", "\xff"])
def test_a_config_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "settings.json").write_text(content, "latin-1")
    run = run_command(tmp_path, ["--config", "settings.json"], INPUT)
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    [line] = [line for line in run.log.splitlines() if "settings.json" in line]
    assert "--config" in line or "Config file" in line


@pytest.mark.parametrize("name", [b"\xff.json", b"two\nlines.json"])
@pytest.mark.parametrize("content", [None, b"{", b"[" * 100_000])
def test_a_config_file_of_an_odd_name_is_one_line(
    tmp_path: Path, name: bytes, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / os.fsdecode(name)).write_bytes(content)
    run = run_command(tmp_path, ["--config", os.fsdecode(name)], INPUT)
    assert run.exit_code == 1
    (line,) = run.log.splitlines()
    assert line.startswith("Error: --config ")
    assert "cannot be read" in line


def test_a_config_file_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.json")
    (tmp_path / name).write_text('{"endpoint": "local"}')
    run = run_command(tmp_path, ["--config", name], INPUT)
    assert run.exit_code == 0
    assert run.states == [{"position": 1}]


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": f"{API_KEY}\ud800"},
        {"endpoint": "local", "integration_name": "\ud800"},
        {"endpoint": "local", "rejects_path": "\udcff"},
        {"endpoint": "local", "stream_maps": {"events": {"\ud800": "x"}}},
        {"endpoint": "local", "local_path": "a\0b"},
    ],
)
def test_text_that_is_none_is_one_line(tmp_path: Path, config: dict[str, Any]) -> None:
    run = run_target(tmp_path, config, INPUT)
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    assert API_KEY not in run.log
    assert run.stdout == ""
    assert len(errors(run)) == 1


def test_bytes_in_the_environment_that_are_no_text_are_one_line(tmp_path: Path) -> None:
    variable = "TARGET_AMPLITUDE_NAMI_API_KEY"
    environment = {variable: os.fsdecode(b"0123456789\xff")}
    run = run_command(tmp_path, ["--config=ENV"], INPUT, environment=environment)
    assert run.exit_code == 1
    assert errors(run) == [f"{variable} has bytes in it that are not UTF-8 text."]
    run = run_target(tmp_path, {"endpoint": "local"}, INPUT, environment=environment)
    assert run.exit_code == 0
    (warning,) = run.logged("WARNING")
    assert warning.startswith(f"{variable} is set but not in force.")


def test_the_environment_gives_settings_that_win_over_a_file(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    run = run_target(
        tmp_path,
        {"endpoint": "local", "event_prefix": "from the file: "},
        singer.records("events", [nami.impression(1)]),
        options=["--config=ENV"],
        environment={
            "TARGET_AMPLITUDE_NAMI_API_KEY": API_KEY,
            "TARGET_AMPLITUDE_NAMI_ENDPOINT": local_amplitude.endpoint("http_v2"),
            "TARGET_AMPLITUDE_NAMI_EVENT_PREFIX": "Nami: ",
            "TARGET_AMPLITUDE_NAMI_EVENT_NAMES": json.dumps(
                [{"event": "device.impression", "name": "Paywall"}]
            ),
        },
    )
    assert run.exit_code == 0, run.log
    [event] = local_amplitude.events()
    assert event.sent["event_type"] == "Nami: Paywall"


def test_the_environment_is_left_alone_unless_it_is_asked_for(tmp_path: Path) -> None:
    run = run_target(
        tmp_path,
        {"region": "us"},
        INPUT,
        environment={"TARGET_AMPLITUDE_NAMI_API_KEY": API_KEY},
    )
    assert run.exit_code == 1
    [line] = errors(run)
    assert "api_key is missing" in line


def test_mistakes_in_the_environment_name_the_variable(tmp_path: Path) -> None:
    run = run_command(
        tmp_path,
        ["--config=ENV"],
        INPUT,
        environment={
            "TARGET_AMPLITUDE_NAMI_RETRY_FOR": "soon",
            "TARGET_AMPLITUDE_NAMI_DRYRUN": "true",
        },
    )
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    lines = errors(run)
    assert any("TARGET_AMPLITUDE_NAMI_RETRY_FOR" in line for line in lines)
    assert any('"TARGET_AMPLITUDE_NAMI_DRY_RUN"' in line for line in lines)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TARGET_AMPLITUDE_NAMI_DRY_RUN", "true"),
        ("TARGET_AMPLITUDE_NAMI_ENABLED", "false"),
        ("TARGET_AMPLITUDE_NAMI_DRYRUN", "1"),
    ],
)
def test_a_run_that_should_not_deliver_does_not_begin(
    tmp_path: Path, local_amplitude: LocalAmplitude, variable: str, text: str
) -> None:
    config = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("http_v2")}
    messages = [*singer.records("events", [nami.impression(1)]), INPUT]
    run = run_target(tmp_path, config, messages, environment={variable: text})
    assert run.exit_code == 1
    assert run.states == []
    assert "Traceback" not in run.log
    [line] = errors(run)
    assert line.startswith(variable)
    assert list(local_amplitude.events()) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_variable_that_is_not_in_force_is_one_warning(tmp_path: Path) -> None:
    environment = {
        "TARGET_AMPLITUDE_NAMI_API_KEY": API_KEY,
        "TARGET_AMPLITUDE_NAMI_ENDPOINT": "local",
        "TARGET_AMPLITUDE_NAMI_ENABLED": "true",
    }
    config = {"endpoint": "local"}
    run = run_target(tmp_path, config, INPUT, environment=environment)
    assert run.exit_code == 0
    [warning] = run.logged("WARNING")
    assert warning == (
        "TARGET_AMPLITUDE_NAMI_API_KEY is set but not in force. With --config FILE "
        "alone no variable is read: add --config=ENV, or put `api_key` into the file "
        "and unset the variable."
    )
    assert API_KEY not in run.log
    run = run_target(
        tmp_path, config, INPUT, environment=environment, options=["--config=ENV"]
    )
    assert run.exit_code == 0
    assert run.logged("WARNING") == []


def test_a_missing_key_that_is_in_the_environment_is_explained(tmp_path: Path) -> None:
    environment = {"TARGET_AMPLITUDE_NAMI_API_KEY": API_KEY}
    run = run_target(tmp_path, {}, INPUT, environment=environment)
    assert run.exit_code == 1
    [warning] = run.logged("WARNING")
    assert "add --config=ENV" in warning
    assert API_KEY not in run.log


@pytest.mark.parametrize("form", [[], ["--format=json"], ["--format=markdown"]])
def test_about_explains_every_setting_without_any_configuration(
    tmp_path: Path, form: list[str]
) -> None:
    run = run_command(tmp_path, ["--about", *form])
    assert run.exit_code == 0
    for name in ("api_key", "rejects_path", "stream_maps", "batch_wait_seconds"):
        assert name in run.stdout
    assert "Where the Amplitude project keeps its data." in run.stdout
    assert "None" not in run.stdout
