"""How a configuration becomes settings, and the message about a wrong one."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from target_amplitude_nami.errors import AmplitudeNamiError, ConfigurationError
from target_amplitude_nami.nami.catalogue import OFFERED
from target_amplitude_nami.settings import Settings, config_schema, given
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

KEY = "0123456789abcdef0123456789abcdef"


def settings(**config: object) -> Settings:
    return Settings.load({"api_key": KEY, **config}, SDK_SETTINGS)


def problems(config: dict[str, object]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        Settings.load(config, SDK_SETTINGS)
    return raised.value.problems


def complaints(config: dict[str, object]) -> tuple[str, ...]:
    try:
        Settings.load(config, SDK_SETTINGS)
    except ConfigurationError as error:
        return error.problems
    return ()


def problem(**config: object) -> str:
    (line,) = problems({"api_key": KEY, **config})
    return line


def test_an_api_key_is_enough() -> None:
    ready = settings()
    assert ready.api_key == KEY
    assert ready.endpoint_url == "https://api2.amplitude.com/2/httpapi"
    assert ready.sent_names == tuple(sorted((name, name) for name in OFFERED))
    assert ready.rejects_path == Path("output/rejects.singer")
    assert ready.report_path is None
    assert ready.warnings == ()


def test_the_files_of_batches_are_on_this_machine_unless_other_places_are_allowed() -> (
    None
):
    assert settings().batch_schemes == ("file",)
    assert settings(batch_schemes=["s3", "gs"]).batch_schemes == ("s3", "gs")
    assert settings(batch_schemes=[]).batch_schemes == ()


def test_every_declared_setting_is_a_field_and_no_other() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    derived = {"sent_names", "warnings"}
    assert fields - derived == config_schema()["properties"].keys()


def test_null_means_not_given() -> None:
    nothing: dict[str, object] = dict.fromkeys(config_schema()["properties"])
    assert Settings.load({**nothing, "api_key": KEY}) == settings()
    assert given({"validate_records": None, "dry_run": False}) == {"dry_run": False}


def test_settings_cannot_be_changed() -> None:
    ready = settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        ready.dry_run = True  # type: ignore[misc]


def test_settings_do_not_show_the_keys() -> None:
    ready = settings(sandbox_api_key="5550123", secret_key="5550987")
    assert ready.sandbox_api_key == "5550123"
    assert ready.secret_key == "5550987"
    for shown in (ready, ready.destination(), ready.destination("sandbox")):
        assert not any(key in repr(shown) for key in (KEY, "5550123", "5550987"))


def test_an_empty_key_is_no_key() -> None:
    assert settings(sandbox_api_key="", secret_key="") == settings()


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "https://api2.amplitude.com/2/httpapi"),
        ({"region": "eu"}, "https://api.eu.amplitude.com/2/httpapi"),
        ({"api": "batch"}, "https://api2.amplitude.com/batch"),
        ({"backfill": True}, "https://api2.amplitude.com/batch"),
        ({"backfill": True, "api": "batch"}, "https://api2.amplitude.com/batch"),
        (
            {"backfill": True, "api": "http_v2"},
            "https://api2.amplitude.com/2/httpapi",
        ),
        ({"region": "eu", "api": "batch"}, "https://api.eu.amplitude.com/batch"),
        (
            {"endpoint": "https://relay.example.com/a?b=c"},
            "https://relay.example.com/a?b=c",
        ),
        (
            {"endpoint": "http://localhost:8080/2/httpapi"},
            "http://localhost:8080/2/httpapi",
        ),
        ({"endpoint": "http://127.0.0.1:8080/"}, "http://127.0.0.1:8080/"),
        ({"endpoint": "http://[::1]:8080/"}, "http://[::1]:8080/"),
    ],
)
def test_requests_go_to_the_endpoint_else_by_region_and_api(
    config: dict[str, object], url: str
) -> None:
    assert settings(**config).endpoint_url == url


@pytest.mark.parametrize(
    ("config", "region"),
    [
        ({}, "us"),
        ({"region": "eu"}, "eu"),
        ({"endpoint": "https://api.eu.amplitude.com/2/httpapi"}, "eu"),
        ({"endpoint": "https://api2.amplitude.com/2/httpapi", "region": "eu"}, "us"),
        ({"endpoint": "https://relay.example.com/", "region": "eu"}, "eu"),
        ({"endpoint": "local", "region": "eu"}, "eu"),
    ],
)
def test_a_host_of_amplitude_shows_in_which_region_the_project_is(
    config: dict[str, object], region: str
) -> None:
    assert settings(**config).project_region == region


def test_the_local_amplitude_has_no_url_before_it_runs() -> None:
    assert Settings.load({"endpoint": "local"}).endpoint_url is None


@pytest.mark.parametrize(
    ("compression", "endpoint", "gzip"),
    [
        ("auto", None, True),
        ("auto", "local", True),
        ("auto", "https://api.eu.amplitude.com/batch", True),
        ("auto", "https://relay.example.com/", False),
        ("auto", "https://api2.amplitude.com.example.com/", False),
        ("auto", "http://127.0.0.1:8080/", False),
        ("gzip", "https://relay.example.com/", True),
        ("none", None, False),
        ("none", "local", False),
    ],
)
def test_auto_compresses_for_amplitude_and_the_local_amplitude(
    compression: str, endpoint: str | None, *, gzip: bool
) -> None:
    assert settings(compression=compression, endpoint=endpoint).gzip is gzip


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({}, 900_000),
        ({"api": "batch"}, 15_000_000),
        ({"backfill": True}, 15_000_000),
        ({"backfill": True, "api": "http_v2"}, 900_000),
        ({"backfill": True, "max_request_bytes": 20_000_000}, 20_000_000),
        ({"max_request_bytes": 1_000_000}, 1_000_000),
        ({"api": "batch", "max_request_bytes": 20_000_000}, 20_000_000),
        ({"max_request_bytes": 10_000.0}, 10_000),
    ],
)
def test_the_size_of_a_request_follows_from_the_api(
    config: dict[str, object], size: int
) -> None:
    ready = settings(**config).max_request_bytes
    assert ready == size
    assert isinstance(ready, int)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T08:00:00", datetime(2024, 1, 31, 8, tzinfo=UTC)),
        ("2024-01-31T08:00:00Z", datetime(2024, 1, 31, 8, tzinfo=UTC)),
        (
            "2024-01-31 08:00:00.25+02:00",
            datetime(2024, 1, 31, 8, 0, 0, 250_000, timezone(timedelta(hours=2))),
        ),
    ],
)
def test_the_start_date_is_utc_unless_it_says_otherwise(
    text: str, moment: datetime
) -> None:
    ready = settings(start_date=text)
    assert ready.start_date == moment
    assert ready.start_ms == moment.timestamp() * 1000


def test_without_a_start_date_there_is_no_earliest_time() -> None:
    assert settings().start_ms is None


def test_a_star_stands_for_all_extra_user_properties() -> None:
    ready = settings(extra_user_properties=["namiml_user_id", "*"])
    assert len(ready.extra_user_properties) == 7
    assert settings(extra_user_properties=["namiml_user_id"]).extra_user_properties == (
        "namiml_user_id",
    )


@pytest.mark.parametrize("config", [{"endpoint": "local"}, {"dry_run": True}])
@pytest.mark.parametrize("api_key", [None, ""])
def test_the_local_amplitude_and_a_dry_run_need_no_api_key(
    config: dict[str, object], api_key: str | None
) -> None:
    assert Settings.load({"api_key": api_key, **config}).api_key is None


@pytest.mark.parametrize(("api_key", "what"), [(None, "missing"), ("", "empty")])
def test_without_an_api_key_the_message_says_how_to_give_one(
    api_key: str | None, what: str
) -> None:
    (line,) = problems({"api_key": api_key})
    assert line == (
        f"api_key is {what}: give the API key of the Amplitude project as setting "
        "`api_key` or in the environment variable TARGET_AMPLITUDE_NAMI_API_KEY. "
        "`endpoint: local` and `dry_run: true` do without one."
    )


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"evnts": ["*"]}, 'is not a setting of this target. Did you mean "events"?'),
        ({"API_Key": KEY}, 'is not a setting of this target. Did you mean "api_key"?'),
        ({"stream_map": {}}, 'Did you mean "stream_maps"?'),
        ({"zebra": 1}, "zebra is not a setting of this target."),
        (
            {"batch_size_rows": 0},
            "batch_size_rows is 0, but must be a whole number from 1 to 2000.",
        ),
        ({"batch_size_rows": 2001}, "is 2001, but must be"),
        ({"batch_size_rows": True}, "is true, but must be a whole number"),
        ({"batch_size_rows": "100"}, 'is "100", but must be a whole number'),
        ({"batch_size_rows": 1.5}, "is 1.5, but must be a whole number"),
        (
            {"min_id_length": 0},
            "min_id_length is 0, but must be a whole number of at least 1.",
        ),
        ({"parallel_requests": 33}, "a whole number from 1 to 32."),
        ({"max_rejected": -1}, "a whole number of at least 0."),
        ({"max_request_bytes": 9_999}, "from 10000 to 20000000."),
        (
            {"max_request_bytes": 1_000_001},
            "is 1000001, but with `api: http_v2` must be at most 1000000.",
        ),
        ({"revenue": "all"}, 'revenue is "all", but must be "none" or "transactions".'),
        ({"sandbox_purchases": "drop"}, 'must be "send" or "skip".'),
        ({"sandbox_api_key": KEY}, "sandbox_api_key and api_key are the same"),
        ({"stale_user_properties": "drop"}, 'must be "skip" or "send".'),
        ({"backfill": "yes"}, 'backfill is "yes", but must be true or false.'),
        ({"memory_days": 0}, "memory_days is 0, but must be a whole number of at"),
        ({"memory_path": ""}, 'memory_path is "", but must be text that is not empty.'),
        (
            {"memory_path": "output/rejects.singer"},
            "rejects_path and memory_path are the same file",
        ),
        (
            {"anonymous_users": "hold"},
            "keeps records from run to run: say in which file with `memory_path`.",
        ),
        ({"dry_run": "yes"}, 'dry_run is "yes", but must be true or false.'),
        ({"integration_name": ""}, 'is "", but must be text that is not empty.'),
        ({"event_prefix": 7}, "event_prefix is 7, but must be text."),
        ({"region": "EU"}, 'must be "us" or "eu". Did you mean "eu"?'),
        ({"load_method": "upsert"}, 'is "upsert", but must be "append-only".'),
        (
            {"compression": "zip"},
            'is "zip", but must be one of "auto", "gzip", "none". Did you mean "gzip"?',
        ),
        (
            {"batch_schemes": ["file", "s3://"]},
            'must be a URL\'s scheme in lower case, such as "s3".',
        ),
        ({"batch_schemes": ["S3"]}, 'has "S3", but an entry must be'),
        ({"batch_schemes": ["*"]}, 'has "*", but an entry must be a URL\'s scheme'),
        ({"batch_schemes": [""]}, "batch_schemes, entry 1, is"),
        ({"batch_schemes": "s3"}, 'batch_schemes is "s3", but must be a list'),
        ({"events": []}, "events is [], but must be a list of at least one entry."),
        ({"events": "user.*"}, 'is "user.*", but must be a list'),
        ({"events": ["*", 5]}, "events, entry 2, is 5, but must be text"),
        (
            {"extra_user_properties": ["namiml_in_paws"]},
            'Did you mean "namiml_in_pause"?',
        ),
        ({"stream_maps": []}, "stream_maps is [], but must be an object."),
        ({"stream_maps": {"a": 5}}, "stream_maps.a is 5, which is not allowed here."),
        ({"flattening_max_depth": "2"}, 'is "2", but must be a whole number.'),
        ({"start_date": "soon"}, 'is "soon", but must be an ISO 8601 date'),
        ({"start_date": ""}, 'is "", but must be an ISO 8601 date'),
        ({"endpoint": "Local"}, 'is "Local", but must be a URL such as'),
        ({"endpoint": ""}, 'or the word "local".'),
        ({"endpoint": "relay.example.com"}, "but must be a URL"),
        ({"endpoint": "ftp://relay.example.com"}, "but must be a URL"),
        ({"endpoint": "https://"}, "but must be a URL"),
        ({"endpoint": "https://[half/"}, "but must be a URL"),
        ({"endpoint": "https://relay.example.com:x/"}, "but must be a URL"),
        ({"endpoint": "https://relay.example.com/\n"}, "but must be a URL"),
        ({"endpoint": "https://a/#b"}, "must have no part after a #."),
        (
            {"endpoint": "http://relay.example.com/"},
            "must begin with https:// unless it is on this machine.",
        ),
        ({"endpoint": "http://127.0.0.1.example.com/"}, "must begin with https://"),
        (
            {"endpoint": "local", "dry_run": True},
            "dry_run and `endpoint: local` exclude each other",
        ),
        (
            {"report_path": "a/../output/rejects.singer"},
            "rejects_path and report_path are the same file",
        ),
        (
            {"event_streams": ["a", "b"], "user_streams": ["b"]},
            'event_streams and user_streams both have "b".',
        ),
    ],
)
def test_a_mistake_gets_one_line_that_says_what_is_allowed(
    config: dict[str, object], line: str
) -> None:
    found = problem(**config)
    assert line in found
    assert "\n" not in found


def test_all_mistakes_are_reported_at_once() -> None:
    config = {"regoin": "eu", "retry_for": -1, "events": ["nonsense"], "endpoint": "x"}
    assert [line.split()[0] for line in problems(config)] == [
        "regoin",
        "retry_for",
        "api_key",
        "endpoint",
        "events:",
    ]


def test_what_depends_on_a_wrong_setting_is_not_called_wrong_too() -> None:
    assert problem(api="batsch", max_request_bytes=15_000_000).startswith("api is")
    assert problems({"endpoint": 5}) == ("endpoint is 5, but must be text.",)


def test_records_on_hold_need_a_file_and_no_more() -> None:
    ready = settings(anonymous_users="hold", memory_path="memory.db")
    assert ready.memory_path == Path("memory.db")


def test_the_error_reads_as_one_line_of_the_log() -> None:
    with pytest.raises(AmplitudeNamiError) as raised:
        Settings.load({"api_key": KEY, "region": "uk", "zebra": 1})
    assert str(raised.value) == (
        'region is "uk", but must be "us" or "eu". '
        "zebra is not a setting of this target."
    )


def test_a_long_value_is_shown_in_part() -> None:
    assert len(problem(region="x" * 1000)) < 150


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": 5_550_123},
        {"api_key": ["5550123"]},
        {"api_key": "5550123 "},
        {"api_key": KEY, "sandbox_api_key": 5_550_123},
        {"api_key": KEY, "sandbox_api_key": "5550123\n"},
        {"api_key": "5550123", "sandbox_api_key": "5550123"},
        {"api_key": KEY, "apikey": "5550123"},
        {"api_key": KEY, "secretkey": "5550123"},
        {"api_key": KEY, "secret_key": 5_550_123},
        {"api_key": KEY, "secret_key": "5550123 "},
        {"api_key": KEY, "endpoint": "https://user:5550123@relay.example.com/"},
        {"api_key": KEY, "endpoint": "user:5550123@relay.example.com"},
    ],
)
def test_no_secret_is_ever_shown(config: dict[str, object]) -> None:
    (line,) = problems(config)
    assert "5550123" not in line


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        (
            {"region": "eu", "endpoint": "https://relay.example.com/"},
            'region: "eu" has no effect on runs, as `endpoint` says where to send.',
        ),
        ({"region": "eu", "endpoint": "https://api.eu.amplitude.com/batch"}, None),
        ({"region": "eu", "endpoint": "local"}, None),
        ({"region": "us", "endpoint": "https://relay.example.com/"}, None),
        (
            {"user_source": "nami_user_id", "anonymous_users": "skip"},
            'anonymous_users: "skip" has no effect with `user_source: nami_user_id`.',
        ),
        ({"user_source": "nami_user_id", "anonymous_users": "device"}, None),
        ({"user_source": "external_id", "anonymous_users": "skip"}, None),
        (
            {"sandbox_purchases": "skip", "sandbox_api_key": "5550123"},
            "sandbox_api_key has no effect with `sandbox_purchases: skip`.",
        ),
        ({"sandbox_purchases": "skip", "sandbox_api_key": ""}, None),
        ({"sandbox_purchases": "send", "sandbox_api_key": "5550123"}, None),
    ],
)
def test_a_setting_to_no_effect_is_a_warning(
    config: dict[str, object], warning: str | None
) -> None:
    assert settings(**config).warnings == ((warning,) if warning else ())


HALF = "half an emoji: \ud83d"


@pytest.mark.parametrize(
    ("config", "place"),
    [
        *[
            ({name: HALF}, name)
            for name in (*config_schema()["properties"], "flattening_separator")
        ],
        ({"events": ["*", HALF]}, "events, entry 2,"),
        ({"exclude_properties": [HALF]}, "exclude_properties, entry 1,"),
        ({"event_names": {"device.impression": HALF}}, "event_names.device.impression"),
        ({"event_names": {HALF: "x"}}, "event_names"),
        ({"event_names": [{"event": "a", "name": HALF}]}, "event_names, entry 1,.name"),
        ({"stream_maps": {"events": {"x": HALF}}}, "stream_maps.events.x"),
        ({"stream_maps": {"events": {HALF: "1"}}}, "stream_maps.events"),
        (
            {"stream_map_config": {"a": [1, {"b": HALF}]}},
            "stream_map_config.a, entry 2,.b",
        ),
        ({"faker_config": {"locale": [HALF]}}, "faker_config.locale, entry 1,"),
        ({"memory_path": "\udcff"}, "memory_path"),
    ],
)
def test_text_with_half_of_a_character_is_one_line_that_says_where(
    config: dict[str, object], place: str
) -> None:
    line = problem(**config)
    assert line.startswith(f"{place} has half of a character in it (a lone surrogate)")
    assert line.isprintable()
    assert "emoji" not in line


def test_a_name_with_half_of_a_character_is_found_in_json_within_a_text() -> None:
    for names in ([{"event": "device.impression", "name": HALF}],):
        line = problem(event_names=json.dumps(names))
        assert line.startswith('event_names: the name of "device.impression" is')
        assert "not valid Unicode" in line


def test_a_whole_character_is_in_order() -> None:
    assert settings(event_prefix="\U0001f600 ").event_prefix == "\U0001f600 "


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a\0b", "but a path cannot have a NUL character in it."),
        ("out/", "which names a folder: add the name of a file."),
    ],
)
def test_a_path_that_can_be_none_is_one_line(path: str, expected: str) -> None:
    for name in config_schema()["properties"]:
        if name.endswith("_path"):
            line = problem(**{name: path})
            assert line.startswith(f"{name} is ")
            assert line.endswith(expected)


def test_a_link_that_leads_to_itself_is_left_to_whoever_opens_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = str(tmp_path / "loop")
    assert settings(report_path=path).report_path == Path(path)
    assert "are the same file" in problem(report_path=path, metrics_path=path)


def test_a_device_may_be_named_twice() -> None:
    settings(report_path="/dev/null", metrics_path="/dev/null")


def test_files_that_a_run_does_not_write_may_be_named_twice() -> None:
    same = {"local_path": "a", "dry_run_path": "a", "rejects_path": "a"}
    assert settings(**same).rejects_path == Path("a")
    assert "are the same file" in problem(**same, dry_run=True)
    assert "are the same file" in problem(**same, endpoint="local")


@pytest.mark.parametrize(
    ("database", "suffix"),
    [
        *(("local_path", suffix) for suffix in ("-wal", "-shm", "-journal")),
        *(("memory_path", suffix) for suffix in ("-wal", "-shm", "-journal", ".lock")),
    ],
)
@pytest.mark.parametrize("name", ["rejects_path", "report_path"])
def test_no_file_takes_the_place_of_one_that_a_database_needs(
    name: str, database: str, suffix: str
) -> None:
    paths = {database: "out/a.db", name: f"out/../out/a.db{suffix}"}
    assert f"a file that {database} needs for itself" in problem(
        **paths, endpoint="local"
    )


def test_one_database_does_not_take_the_place_of_what_the_other_needs() -> None:
    paths = {"memory_path": "a.db-wal", "local_path": "a.db"}
    assert "memory_path is" in problem(**paths, endpoint="local")


def test_settings_built_into_the_sdk_are_known_to_the_singer_target_alone() -> None:
    config = {"stream_maps": {"events": {"__alias__": "nami"}}}
    with pytest.raises(ConfigurationError, match="stream_maps is not a setting"):
        Settings.load({"api_key": KEY, **config})
    settings(**config)
    settings(
        stream_maps={"events": {"__alias__": "nami", "x": None}, "junk": "__NULL__"},
        stream_map_config={"a": 1},
        faker_config={"seed": 1},
        flattening_enabled=True,
        flattening_max_depth=2,
        flattening_separator="__",
        flattening_max_key_length=100,
        add_record_metadata=False,
        batch_config={"encoding": {"format": "jsonl"}},
        load_method="append-only",
    )


JSON: t.Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
ALL_NAMES: t.Final = st.sampled_from([*config_schema()["properties"], "stream_maps"])


@for_all(st.dictionaries(ALL_NAMES | st.text(), JSON, max_size=5))
def test_any_configuration_is_either_taken_or_refused_in_single_lines(
    config: dict[str, object],
) -> None:
    assert all(line.isprintable() for line in complaints(config))
