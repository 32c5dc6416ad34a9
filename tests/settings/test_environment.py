"""Settings from environment variables."""

from __future__ import annotations

import os

import pytest

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings import Settings, config_schema
from target_amplitude_nami.settings.environment import read_environment
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

PREFIX = "TARGET_AMPLITUDE_NAMI_"


def problem(variable: str, text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_environment({PREFIX + variable: text}, SDK_SETTINGS)
    (line,) = raised.value.problems
    return line


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("API_KEY", "1234567890", "1234567890"),
        ("EVENT_PREFIX", " Nami ", " Nami "),
        ("EVENT_PREFIX", "", ""),
        ("BATCH_SIZE_ROWS", "500", 500),
        ("BATCH_SIZE_ROWS", " 500\n", 500),
        ("MAX_REJECTED", "-1", -1),
        *(("DRY_RUN", text, True) for text in ("true", "1", "yes", "on", "True", "ON")),
        *(("DRY_RUN", text, False) for text in ("false", "0", "no", "off", "False")),
        ("EVENTS", '["user.*", "device.impression"]', ["user.*", "device.impression"]),
        ("EVENTS", "user.*, device.impression,", ["user.*", "device.impression"]),
        ("EVENTS", "user.*", ["user.*"]),
        ("EVENTS", "", []),
        ("EVENTS", "[]", []),
        ("EVENT_NAMES", '{"a.b": "c"}', '{"a.b": "c"}'),
        ("STREAM_MAPS", '{"a": null}', {"a": None}),
        ("FLATTENING_MAX_DEPTH", "2", 2),
        ("ADD_RECORD_METADATA", "off", False),
    ],
)
def test_a_variable_is_read_as_its_setting_is_declared(
    variable: str, text: str, value: object
) -> None:
    environ = {PREFIX + variable: text}
    assert read_environment(environ, SDK_SETTINGS) == {variable.lower(): value}


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("BATCH_SIZE_ROWS", "lots", 'is "lots", but must be a whole number from 1 to'),
        ("BATCH_SIZE_ROWS", "", 'is "", but must be a whole number from 1 to 2000.'),
        ("BATCH_SIZE_ROWS", "1.5", 'is "1.5", but must be a whole number'),
        ("DRY_RUN", "maybe", 'is "maybe", but must be true or false.'),
        ("DRY_RUN", "", 'is "", but must be true or false.'),
        ("EVENTS", "[user.*", 'is "[user.*", but must be a list'),
        ("STREAM_MAPS", "[]", 'is "[]", but must be an object.'),
        ("STREAM_MAPS", "{", 'is "{", but must be an object.'),
        ("REGON", "eu", f'Did you mean "{PREFIX}REGION"?'),
        ("zebra", "1", "is not a setting of this target."),
    ],
)
def test_a_variable_that_cannot_be_read_gets_one_line(
    variable: str, text: str, line: str
) -> None:
    found = problem(variable, text)
    assert found.startswith(PREFIX + variable)
    assert line in found


@pytest.mark.parametrize("variable", ["API_KEY", "REPORT_PATH", "EVENTS", "DRY_RUN"])
def test_bytes_that_are_no_text_get_one_line(variable: str) -> None:
    line = problem(variable, os.fsdecode(b"secret \xff"))
    assert line == f"{PREFIX}{variable} has bytes in it that are not UTF-8 text."


def test_all_unreadable_variables_are_reported_at_once() -> None:
    environ = {PREFIX + "DRY_RUN": "maybe", PREFIX + "RETRY_FOR": "ever"}
    with pytest.raises(ConfigurationError) as raised:
        read_environment(environ)
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    "variable",
    ["HOME", "TAP_NAMI_API_KEY", PREFIX + "LOGLEVEL", PREFIX + "_DIALECT"],
)
def test_variables_of_others_are_left_alone(variable: str) -> None:
    assert read_environment({variable: "x"}) == {}


def test_every_declared_setting_can_come_from_the_environment() -> None:
    texts = {"boolean": "true", "integer": "1", "array": "[]", "string": "x"}
    declared = config_schema()["properties"]
    environ = {
        PREFIX + name.upper(): next(t for k, t in texts.items() if k in schema["type"])
        for name, schema in declared.items()
    }
    assert read_environment(environ).keys() == declared.keys()


def test_what_the_environment_gives_is_checked_like_any_configuration() -> None:
    config = read_environment(
        {
            PREFIX + "API_KEY": "0123456789",
            PREFIX + "EVENTS": "device.*",
            PREFIX + "EVENT_NAMES": '{"device.impression": "Shown"}',
            PREFIX + "MAX_REQUEST_BYTES": "50000",
        }
    )
    ready = Settings.load(config)
    assert ("device.impression", "Shown") in ready.sent_names
    assert ready.max_request_bytes == 50_000
