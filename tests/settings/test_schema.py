"""The settings as `--about` shows them."""

from __future__ import annotations

import json
import typing as t

import pytest
from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.sinks import BatchSink

from target_amplitude_nami.settings import Settings, config_schema
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

DECLARED: t.Final[dict[str, dict[str, t.Any]]] = config_schema()["properties"]

WORDS_THAT_THE_HUB_MASKS = ("id", "key", "token", "secret", "password")


class _Sink(BatchSink):
    def process_batch(self, context: dict[str, t.Any]) -> None:
        raise NotImplementedError


class Probe(Target):
    """A target of the SDK that has our settings and nothing else."""

    name = "target-probe"
    package_name = "target-amplitude-nami"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = config_schema()
    default_sink_class = _Sink
    capabilities: t.ClassVar = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.BATCH,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        TargetCapabilities.VALIDATE_RECORDS,
    ]


def about(capsys: pytest.CaptureFixture[str], form: str) -> str:
    Probe.print_about(form)
    return capsys.readouterr().out


def test_about_as_json_has_every_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = json.loads(about(capsys, "json"))["settings"]["properties"]
    assert shown["region"]["enum"] == ["us", "eu"]
    assert shown["api_key"]["secret"] is True
    assert shown["events"]["default"] == ["*"]
    assert shown["validate_records"] == DECLARED["validate_records"]
    assert shown.keys() >= DECLARED.keys()


def test_about_as_markdown_has_a_row_for_every_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = about(capsys, "markdown")
    for name in DECLARED:
        (row,) = (line for line in shown.splitlines() if line.startswith(f"| {name} "))
        assert row.count("|") == 5


def test_every_setting_that_the_sdk_adds_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = json.loads(about(capsys, "json"))["settings"]["properties"]
    assert shown.keys() == SDK_SETTINGS.and_declared().keys()


@pytest.mark.parametrize("name", DECLARED)
def test_every_setting_says_what_it_means(name: str) -> None:
    setting = DECLARED[name]
    assert setting["title"]
    assert setting["description"].endswith((".", "`*` for all."))


@pytest.mark.parametrize("name", DECLARED)
def test_only_secrets_have_names_that_the_hub_masks(name: str) -> None:
    setting = DECLARED[name]
    masked = any(word in name for word in WORDS_THAT_THE_HUB_MASKS)
    assert setting.get("secret", False) == (masked and "string" in setting["type"])


def test_the_defaults_may_be_given_in_so_many_words() -> None:
    """Meltano passes on every default that its settings list shows."""
    spelt_out = {
        name: setting["default"]
        for name, setting in DECLARED.items()
        if "default" in setting
    }
    short: dict[str, object] = {"api_key": "0123456789"}
    assert Settings.load({**spelt_out, **short}) == Settings.load(short)
    assert isinstance(Settings.load(short), Settings)


def test_meltano_does_not_hide_whether_the_api_was_given() -> None:
    assert "default" not in DECLARED["api"]


def test_the_default_of_no_renames_is_not_given_to_meltano() -> None:
    """Meltano 4.4 fails on an object of renames where the default is a list."""
    assert "default" not in DECLARED["event_names"]


@pytest.mark.parametrize(
    ("name", "example"),
    [
        (name, example)
        for name, setting in DECLARED.items()
        for example in setting.get("examples", ())
    ],
)
def test_every_example_is_a_valid_setting(name: str, example: object) -> None:
    Settings.load({"api_key": "0123456789", name: example})


def test_each_caller_gets_a_schema_of_its_own() -> None:
    config_schema()["properties"].clear()
    assert config_schema()["properties"] == DECLARED
