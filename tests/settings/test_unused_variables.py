"""Variables that are set in the environment and not in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.settings import Settings
from target_amplitude_nami.settings.environment import read_environment
from target_amplitude_nami.settings.unused_variables import find_unused_variables
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

if TYPE_CHECKING:
    from target_amplitude_nami.settings.unused_variables import UnusedVariables

PREFIX = "TARGET_AMPLITUDE_NAMI_"
BASE = {"api_key": "0123456789"}
NOTHING: tuple[str, ...] = ()


def unused(environ: dict[str, str], **config: Any) -> UnusedVariables:
    given = BASE | config
    settings = Settings.load(given, SDK_SETTINGS)
    return find_unused_variables(environ, given, settings, SDK_SETTINGS)


def is_in_force(variable: str, text: str, **config: Any) -> bool:
    """Return whether a variable is in force; if not, expect exactly one warning."""
    found = unused({PREFIX + variable: text}, **config)
    assert found.problems == NOTHING
    if found.warnings:
        (line,) = found.warnings
        assert line.startswith(f"{PREFIX}{variable} is set but not in force. ")
        assert text not in line or text in {"us", "5"}  # too short to be recognised
    return not found.warnings


@pytest.mark.parametrize(
    ("variable", "text", "config"),
    [
        ("API_KEY", "0123456789", {}),
        ("REGION", "eu", {"region": "eu"}),
        ("BATCH_SIZE_ROWS", "5", {"batch_size_rows": 5}),
        ("BATCH_SIZE_ROWS", " 5\n", {"batch_size_rows": 5}),
        ("BATCH_SIZE_ROWS", "5.0", {"batch_size_rows": 5}),
        ("BATCH_SIZE_ROWS", "5", {"batch_size_rows": 5.0}),
        ("MAX_REJECTED", "0", {"max_rejected": 0}),
        *[("BACKFILL", yes, {"backfill": True}) for yes in ("true", "True", "1", "on")],
        *[("BACKFILL", no, {"backfill": False}) for no in ("false", "False", "0", "n")],
        ("EVENTS", '["user.*"]', {"events": ["user.*"]}),
        ("EVENTS", "user.*", {"events": ["user.*"]}),
        ("EVENTS", "device.*, user.*", {"events": ["user.*", "device.*"]}),
        ("START_DATE", "2024-01-31", {"start_date": "2024-01-31T00:00:00Z"}),
        ("START_DATE", "2024-01-31 08:00:00", {"start_date": "2024-01-31T08:00:00"}),
        ("REPORT_PATH", "./out//report.json", {"report_path": "out/report.json"}),
        # what holds while a setting is not given
        ("REGION", "us", {}),
        ("ENABLED", "true", {}),
        ("EVENTS", "*", {}),
        ("EVENT_PREFIX", "", {}),
        ("DRY_RUN", "false", {}),
        ("RETRY_FOR", "1800", {}),
        ("REJECTS_PATH", "output/rejects.singer", {}),
        ("FLATTENING_ENABLED", "false", {}),
        ("STREAM_MAPS", "{}", {}),
        ("EXCLUDE_PROPERTIES", "[]", {}),
        # what follows from other settings
        ("API", "http_v2", {}),
        ("API", "batch", {"backfill": True}),
        ("MAX_REQUEST_BYTES", "900000", {}),
        ("MAX_REQUEST_BYTES", "15000000", {"api": "batch"}),
        # an empty one gives nothing
        ("REGION", "", {"region": "eu"}),
        ("BATCH_SIZE_ROWS", " ", {"batch_size_rows": 5}),
        ("DRY_RUN", "", {"dry_run": True}),
        # as Meltano writes what has no kind in meltano.yml
        ("EVENTS", "['user.*', 'device.*']", {"events": ["user.*", "device.*"]}),
        ("BACKFILL", "True", {"backfill": True}),
        # keys that Meltano took apart at their dots, and emptied of null
        (
            "STREAM_MAPS",
            '{"events.x": null, "events.y": "1", "other": "__NULL__"}',
            {"stream_maps": {"other": "__NULL__", "events": {"y": "1"}}},
        ),
        ("STREAM_MAP_CONFIG", '{"a": 1.5}', {"stream_map_config": {"a": 1.5}}),
        ("STREAM_MAP_CONFIG", "{'a': True}", {"stream_map_config": {"a": True}}),
    ],
)
def test_a_variable_that_says_what_is_so_anyway_is_in_force(
    variable: str, text: str, config: dict[str, Any]
) -> None:
    assert is_in_force(variable, text, **config)


RENAMED = {"event": "device.impression", "name": "Paywall"}


@pytest.mark.parametrize(
    "given",
    [
        [RENAMED],
        {"device.impression": "Paywall"},
        {"device": {"impression": "Paywall"}},
        json.dumps([RENAMED]),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        json.dumps([RENAMED]),
        str([RENAMED]),
        '{"device.impression": "Paywall"}',
        '{"device": {"impression": "Paywall"}}',
    ],
)
def test_new_names_of_events_are_compared_by_what_they_mean(
    text: str, given: object
) -> None:
    assert is_in_force("EVENT_NAMES", text, event_names=given)
    other = text.replace("Paywall", "Pay")
    assert not is_in_force("EVENT_NAMES", other, event_names=given)


@pytest.mark.parametrize(
    ("variable", "text", "config"),
    [
        ("API_KEY", "another key", {}),
        ("REGION", "eu", {}),
        ("REGION", "us", {"region": "eu"}),
        ("API", "batch", {}),
        ("BATCH_SIZE_ROWS", "5", {}),
        ("MAX_REJECTED", "0", {}),
        ("EVENTS", "user.*,device.*", {"events": ["user.*"]}),
        ("START_DATE", "2024-01-31", {}),
        ("START_DATE", "soon", {}),
        ("FLATTENING_ENABLED", "false", {"flattening_enabled": True}),
        ("VALIDATE_RECORDS", "false", {}),
        ("DRY_RUN", "false", {"dry_run": True}),
        ("ENABLED", "true", {"enabled": False}),
        ("MEMORY_PATH", "memory.db", {}),
        ("STREAM_MAPS", '{"events": {"x": "1"}}', {}),
        ("SANDBOX_API_KEY", "another key", {}),
        # what makes no sense is not in force either
        ("BATCH_SIZE_ROWS", "lots", {}),
        ("BACKFILL", "maybe", {}),
        ("DRY_RUN", "maybe", {}),
        ("STREAM_MAPS", "{", {}),
        ("EVENTS", "[user.*", {}),
        ("EVENT_NAMES", "{", {}),
        ("EVENTS", "['user.*'" + "]" * 3, {}),
    ],
)
def test_a_variable_not_in_force_gets_one_warning_that_hides_its_value(
    variable: str, text: str, config: dict[str, Any]
) -> None:
    assert not is_in_force(variable, text, **config)


@pytest.mark.parametrize(
    ("variable", "text", "config"),
    [
        *[("DRY_RUN", yes, {}) for yes in ("true", "TRUE", "1", "yes", "on", "y", "t")],
        ("DRY_RUN", " true\n", {}),
        ("dry_run", "true", {}),
        ("DRY_RUN", "true", {"dry_run": False}),
        *[("ENABLED", no, {}) for no in ("false", "False", "0", "no", "off", "n", "f")],
        ("ENABLED", "false", {"enabled": True}),
    ],
)
def test_an_unused_variable_that_asks_for_no_delivery_ends_the_run(
    variable: str, text: str, config: dict[str, Any]
) -> None:
    found = unused({PREFIX + variable: text}, **config)
    assert found.warnings == NOTHING
    (line,) = found.problems
    assert line.startswith(f"{PREFIX}{variable} asks ")
    assert "is not in force: this run would deliver." in line
    assert "add --config=ENV" in line
    assert f"`{variable.lower()}` into the file" in line


@pytest.mark.parametrize(
    ("variable", "text", "config"),
    [
        ("DRY_RUN", "true", {"enabled": False}),
        ("ENABLED", "false", {"dry_run": True}),
        ("DRYRUN", "true", {"enabled": False}),
    ],
)
def test_the_message_does_not_claim_a_delivery_that_another_setting_prevents(
    variable: str, text: str, config: dict[str, Any]
) -> None:
    (line,) = unused({PREFIX + variable: text}, **config).problems
    assert "would deliver" not in line


@pytest.mark.parametrize(
    ("variable", "text", "meant"),
    [
        ("DRYRUN", "true", "DRY_RUN"),
        ("DRY-RUN", "1", "DRY_RUN"),
        ("_DRY_RUN", "true", "DRY_RUN"),
        ("ENABLE", "false", "ENABLED"),
    ],
)
def test_a_misspelt_variable_that_asks_for_no_delivery_ends_the_run(
    variable: str, text: str, meant: str
) -> None:
    (line,) = unused({PREFIX + variable: text}).problems
    assert line.startswith(f"{PREFIX}{variable} is not a setting of this target")
    assert f'Did you mean "{PREFIX}{meant}"?' in line
    config = {"dry_run": True} if meant == "DRY_RUN" else {"enabled": False}
    assert unused({PREFIX + variable: text}, **config).problems == NOTHING


@pytest.mark.parametrize(
    "variable",
    [
        "HOME",
        "TAP_NAMI_REGION",
        f"{PREFIX}LOGLEVEL",
        f"{PREFIX}_DIALECT",
        f"{PREFIX}REGON",
        f"{PREFIX}STREAM_MAPS_EVENTS_X",
        f"{PREFIX}SANDBOX_DRY_RUN",
        f"{PREFIX}_SANDBOX_DRY_RUN",
        "TARGET_AMPLITUDE_NAMI",
        "DRY_RUN",
    ],
)
def test_variables_that_are_no_settings_are_left_alone(variable: str) -> None:
    found = unused({variable: "true"})
    assert found.problems == found.warnings == NOTHING


def test_each_variable_has_its_line() -> None:
    names = ["DRY_RUN", "BACKFILL", "VALIDATE_RECORDS", "ENABLED"]
    texts = ["true", "true", "false", "false"]
    found = unused(
        {PREFIX + name: text for name, text in zip(names, texts, strict=True)}
    )
    assert [line.split()[0] for line in found.problems] == [
        f"{PREFIX}DRY_RUN",
        f"{PREFIX}ENABLED",
    ]
    assert [line.split()[0] for line in found.warnings] == [
        f"{PREFIX}BACKFILL",
        f"{PREFIX}VALIDATE_RECORDS",
    ]


def test_variables_are_compared_although_the_configuration_has_mistakes() -> None:
    environ = {f"{PREFIX}API_KEY": "0123456789", f"{PREFIX}DRY_RUN": "true"}
    found = find_unused_variables(environ, {"region": "mars"}, None)
    assert len(found.problems) == len(found.warnings) == 1


def test_what_was_read_from_the_environment_is_in_force() -> None:
    environ = {
        f"{PREFIX}{name}": text
        for name, text in {
            "API_KEY": "0123456789",
            "DRY_RUN": "on",
            "ENABLED": "off",
            "EVENTS": "user.*, device.impression",
            "EVENT_NAMES": '{"device.impression": "Paywall"}',
            "STREAM_MAPS": '{"events": {"x": null, "y": "1"}}',
            "START_DATE": "2024-01-31",
            "BATCH_SIZE_ROWS": "7",
            "REPORT_PATH": "a/../report.json",
            "FLATTENING_MAX_DEPTH": "2",
        }.items()
    }
    config = read_environment(environ, SDK_SETTINGS)
    settings = Settings.load(config, SDK_SETTINGS)
    found = find_unused_variables(environ, config, settings, SDK_SETTINGS)
    assert found.problems == found.warnings == NOTHING


# Through Meltano

LOADER = {
    "MELTANO_LOADER_NAME": "target-amplitude-nami",
    "MELTANO_LOADER_NAMESPACE": "target_amplitude_nami",
}
CHILD = {
    "MELTANO_LOADER_NAME": "target-amplitude-nami-sandbox",
    "MELTANO_LOADER_NAMESPACE": "target_amplitude_nami_sandbox",
}


def test_through_meltano_the_remedy_is_a_declaration() -> None:
    found = unused(LOADER | {f"{PREFIX}DRY_RUN": "true", f"{PREFIX}REGION": "eu"})
    (problem,) = found.problems
    assert "declare `dry_run` with `kind: boolean` under `settings`" in problem
    assert 'loader "target-amplitude-nami"' in problem
    assert "--config" not in problem
    (warning,) = found.warnings
    assert "declare `region` under `settings`" in warning


@pytest.mark.parametrize("loader", ["amplitude", "target-amplitude-nami--sandbox"])
def test_variables_under_the_name_of_the_loader_count(loader: str) -> None:
    own = loader.replace("-", "_").upper()
    environ = {"MELTANO_LOADER_NAME": loader, f"{own}_DRY_RUN": "true"}
    (problem,) = unused(environ).problems
    assert problem.startswith(f"{own}_DRY_RUN asks for a dry run")
    assert unused(environ, dry_run=True).problems == NOTHING
    (warning,) = unused(environ | {f"{own}_REGION": "eu"}, dry_run=True).warnings
    assert warning.startswith(f"{own}_REGION is set")


def test_the_name_of_a_loader_may_make_one_variable_mean_two_settings() -> None:
    environ = CHILD | {f"{PREFIX}SANDBOX_API_KEY": "0123456789"}
    assert unused(environ).warnings == NOTHING  # it is the loader's `api_key`
    environ |= {f"{PREFIX}SANDBOX_API_KEY": "9876543210"}
    assert unused(environ, sandbox_api_key="9876543210").warnings == NOTHING
    assert len(unused(environ).warnings) == 1


def test_the_variables_of_a_loader_that_inherits_are_not_those_of_its_parent() -> None:
    environ = LOADER | {f"{PREFIX}SANDBOX_DRY_RUN": "true"}
    found = unused(environ)
    assert found.problems == found.warnings == NOTHING
