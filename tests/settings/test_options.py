"""The parts of the settings that are handed to pipeline, delivery and client."""

from __future__ import annotations

import dataclasses
import pickle
import typing as t

import pytest

from target_amplitude_nami.settings import Settings
from target_amplitude_nami.settings.options import DeliveryOptions, MappingOptions

KEY: t.Final = "0123456789abcdef"

EVERYTHING: t.Final[dict[str, object]] = {
    "api_key": KEY,
    "sandbox_api_key": "5550123",
    "secret_key": "5550987",
    "events": ["device.*", "user.subscription.renewed"],
    "event_names": {"device.impression": "Paywall", "device.transaction": ""},
    "event_prefix": "Nami ",
    "start_date": "2024-01-31",
    "extra_user_properties": ["namiml_in_pause"],
    "exclude_properties": ["locale"],
    "revenue": "transactions",
    "anonymous_users": "skip",
    "min_id_length": 3,
    "stale_user_properties": "send",
    "api": "batch",
    "backfill": True,
    "batch_size_rows": 100,
    "max_request_bytes": 50_000,
    "batch_wait_seconds": 2,
    "parallel_requests": 8,
    "max_events_per_second": 500,
    "request_timeout": 30,
    "retry_for": 60,
    "report_path": "report.json",
}


def load(**config: object) -> Settings:
    return Settings.load({"api_key": KEY, **config})


@pytest.mark.parametrize("config", [{"api_key": KEY}, EVERYTHING])
def test_settings_survive_pickling_and_can_be_keys(config: dict[str, object]) -> None:
    settings = Settings.load(config)
    assert settings.mapping is settings.mapping  # made once
    assert settings.delivery is settings.delivery
    copy = pickle.loads(pickle.dumps(settings))  # noqa: S301 - made by the test
    assert copy == settings
    assert hash(copy) == hash(settings)
    assert copy.mapping == settings.mapping
    assert copy.destination() == settings.destination()


def test_the_order_of_renames_makes_no_difference() -> None:
    names = {"device.impression": "a", "device.transaction": "b"}
    turned = dict(reversed(names.items()))
    assert load(event_names=names) == load(event_names=turned)


def test_mapping_gets_what_turns_records_into_events() -> None:
    assert Settings.load(EVERYTHING).mapping == MappingOptions(
        sent_names=(
            ("device.impression", "Nami Paywall"),
            ("user.subscription.renewed", "Nami user.subscription.renewed"),
        ),
        start_ms=1_706_659_200_000,
        extra_user_properties=("namiml_in_pause",),
        exclude_properties=("locale",),
        revenue="transactions",
        sandbox_purchases="send",
        has_sandbox_project=True,
        user_source="external_id",
        anonymous_users="skip",
        min_id_length=3,
        stale_user_properties="send",
        backfill=True,
    )


def test_the_defaults_of_mapping_are_those_of_the_settings() -> None:
    settings = load()
    assert settings.mapping == MappingOptions(sent_names=settings.sent_names)


def test_delivery_gets_how_requests_are_filled_paced_and_repeated() -> None:
    assert Settings.load(EVERYTHING).delivery == DeliveryOptions(
        lanes=8,
        events_per_request=100,
        event_bytes=Settings.load(EVERYTHING).event_bytes,
        batch_wait_seconds=2,
        retry_for=60,
        events_per_second=500,
        events_per_second_per_id=300,
    )


def test_a_dry_run_has_no_pace_for_single_users() -> None:
    assert load().delivery.events_per_second_per_id == 30
    assert load(dry_run=True).delivery.events_per_second_per_id is None


def test_a_destination_is_a_project_and_how_it_is_reached() -> None:
    destination = Settings.load(EVERYTHING).destination(user_agent="test/1")
    assert destination.url == "https://api2.amplitude.com/batch"
    assert destination.api_key == KEY
    assert destination.key_setting == "api_key"
    assert destination.user_agent == "test/1"
    assert destination.gzip
    assert destination.min_id_length == 3
    assert destination.connect_timeout == 10
    assert destination.read_timeout == 30


def test_the_sandbox_is_another_project_that_is_reached_alike() -> None:
    settings = Settings.load(EVERYTHING)
    assert settings.destination("sandbox") == dataclasses.replace(
        settings.destination(), api_key="5550123", key_setting="sandbox_api_key"
    )


def test_there_is_no_sandbox_project_without_its_key() -> None:
    assert not load().mapping.has_sandbox_project
    with pytest.raises(ValueError, match="sandbox_api_key"):
        load().destination("sandbox")


@pytest.mark.parametrize("config", [{"endpoint": "local"}, {"dry_run": True}])
def test_a_run_without_a_key_has_a_destination(config: dict[str, object]) -> None:
    assert Settings.load(config).destination().api_key == "local"


def test_the_local_amplitude_gets_its_address_when_it_has_started() -> None:
    destination = Settings.load({"endpoint": "local"}).destination()
    assert destination.url == ""
    url = "http://127.0.0.1:8080/2/httpapi"
    assert destination.at(url) == dataclasses.replace(destination, url=url)
