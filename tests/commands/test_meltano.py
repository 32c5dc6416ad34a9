"""The settings of a command that Meltano runs, without a Meltano."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.commands.configuration import read_configuration
from target_amplitude_nami.commands.meltano import (
    meltano_settings,
    without_separator,
)

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = "01a2261c-7baf", "01a2261c-908a"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What Meltano sets for a loader with these settings."""
    return {
        "MELTANO_LOADER_NAME": "nami",
        "SINGER_SDK_LOG_CONFIG": str(tmp_path / "target.singer_sdk_logging.json"),
        "MELTANO_LOAD_REGION": "eu",
        "MELTANO_LOAD_DRY_RUN": "true",
        "MELTANO_LOAD_EVENTS": '["device.*"]',
        "MELTANO_LOAD_EVENT_NAMES_DEVICE_IMPRESSION": "Paywall",
    }


def settings(**changed: object) -> dict[str, object]:
    return {
        "region": "eu",
        "dry_run": True,
        "events": ["device.*"],
        "event_names": {"device": {"impression": "Paywall"}},
        "start_date": None,
        **changed,
    }


def write(folder: Path, uuid: str, text: str) -> None:
    (folder / f"target.{uuid}.config.json").write_text(text)


def test_they_are_those_of_the_file_that_a_run_gets(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path, NEW, json.dumps(settings()))
    assert meltano_settings(environ) == settings()


def test_the_newest_file_prevails(tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path, NEW, json.dumps(settings(event_names={"a": "b"})))
    write(tmp_path, OLD, json.dumps(settings()))
    assert meltano_settings(environ) == settings(event_names={"a": "b"})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(settings(region="us")),
        json.dumps(settings(dry_run=False)),
        json.dumps(settings(events=["user.*"])),
        '{"region": "e',
        "[]",
        "",
    ],
)
def test_a_file_of_another_run_is_passed_over(
    tmp_path: Path, environ: dict[str, str], text: str
) -> None:
    write(tmp_path, NEW, text)
    write(tmp_path, OLD, json.dumps(settings()))
    assert meltano_settings(environ) == settings()


@pytest.mark.parametrize("missing", ["MELTANO_LOADER_NAME", "SINGER_SDK_LOG_CONFIG"])
def test_without_meltano_there_are_none(
    tmp_path: Path, environ: dict[str, str], missing: str
) -> None:
    write(tmp_path, NEW, json.dumps(settings()))
    del environ[missing]
    assert meltano_settings(environ) is None


def test_without_a_file_there_are_none(environ: dict[str, str]) -> None:
    assert meltano_settings(environ) is None


def test_the_configuration_names_meltano_as_their_source(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, NEW, json.dumps(settings()))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TARGET_AMPLITUDE_NAMI_API", "batch")
    configuration = read_configuration(["ENV"])
    given = {name: value for name, value in settings().items() if value is not None}
    assert configuration.values == given
    assert configuration.sources == dict.fromkeys(given, "Meltano")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("check --config ENV -- --online", "check --config ENV --online"),
        ("check --config ENV --online", "check --config ENV --online"),
        ("check --config ENV", "check --config ENV"),
        ("check --config ENV --json -- a", "check --config ENV --json -- a"),
        ("--help", "--help"),
    ],
)
def test_the_separator_of_meltano_is_dropped(
    environ: dict[str, str], arguments: str, meant: str
) -> None:
    assert without_separator(arguments.split(), environ) == meant.split()


def test_outside_meltano_a_separator_means_what_it_does() -> None:
    arguments = ["local", "--config", "ENV", "--", "-file"]
    assert without_separator(arguments, {}) == arguments
