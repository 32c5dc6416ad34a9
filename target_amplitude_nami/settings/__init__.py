"""The settings of one run, checked and ready for use."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings.checks import (
    moment,
    oddities,
    problems_together,
    reserved_names,
)
from target_amplitude_nami.settings.events import EventNames, read_event_names
from target_amplitude_nami.settings.input import problems_by_setting, read_environment
from target_amplitude_nami.settings.schema import (
    DEFAULT_REQUEST_BYTES,
    DEFAULTS,
    EXTRA_USER_PROPERTIES,
    LOCAL,
    config_schema,
)
from target_amplitude_nami.settings.unused_variables import find_unused_variables

if t.TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "LOCAL",
    "Settings",
    "config_schema",
    "find_unused_variables",
    "given",
    "read_environment",
    "read_settings",
]

_EPOCH: t.Final = moment("1970-01-01")
_AMPLITUDES_OWN_HOSTS: t.Final = frozenset(
    urlsplit(url).hostname for url in limits.ENDPOINTS.values()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting under its own name, and what follows from them."""

    api_key: str | None = field(repr=False)
    region: limits.Region
    api: limits.Api
    endpoint: str | None
    local_path: Path
    integration_name: str
    enabled: bool

    events: tuple[str, ...]
    event_names: Mapping[str, str]
    """The new name of each renamed event type; empty: do not send."""
    event_prefix: str
    start_date: datetime | None
    extra_user_properties: tuple[str, ...]
    """The names asked for, `*` expanded."""
    exclude_properties: tuple[str, ...]
    revenue: t.Literal["none", "transactions"]
    sandbox_purchases: t.Literal["send", "skip"]
    sandbox_api_key: str | None = field(repr=False)

    user_source: t.Literal["external_id", "nami_user_id"]
    anonymous_users: t.Literal["device", "nami_user_id", "hold", "skip", "reject"]
    min_id_length: int | None
    stale_user_properties: t.Literal["skip", "send"]
    event_streams: tuple[str, ...]
    user_streams: tuple[str, ...]

    batch_size_rows: int
    max_request_bytes: int
    batch_wait_seconds: int
    parallel_requests: int
    max_events_per_second: int | None
    compression: t.Literal["auto", "gzip", "none"]
    request_timeout: int
    retry_for: int
    shutdown_grace: int
    backfill: bool
    batch_schemes: tuple[str, ...]
    validate_records: bool
    load_method: t.Literal["append-only"]

    rejects_path: Path
    max_rejected: int | None
    report_path: Path | None
    metrics_path: Path | None
    memory_path: Path | None
    memory_days: int
    dry_run: bool
    dry_run_path: Path

    event_filter: frozenset[str]
    """The event types that `events` chooses."""
    sent_names: Mapping[str, str]
    """The name under which each event type is sent; a type not in it is not sent."""
    warnings: tuple[str, ...]
    """What looks odd but does not stop the run, for the log."""

    def event_name(self, event_type: str) -> str | None:
        """Return the name under which an event is sent, or None: do not send it."""
        return self.sent_names.get(event_type)

    @property
    def endpoint_url(self) -> str | None:
        """Where requests go; None when the local Amplitude has yet to say."""
        if self.endpoint == LOCAL:
            return None
        return self.endpoint or limits.ENDPOINTS[self.region, self.api]

    @classmethod
    def load(cls, config: Mapping[str, object]) -> Settings:
        """Check a whole configuration and return its settings.

        Raises:
            ConfigurationError: With a line for every mistake in the configuration.
        """
        return read_settings(config)

    @property
    def has_sandbox_project(self) -> bool:
        """Whether records of test purchases go to an Amplitude project of their own."""
        return self.sandbox_api_key is not None

    @property
    def gzip(self) -> bool:
        """Whether request bodies are compressed."""
        if self.compression != "auto":
            return self.compression == "gzip"
        url = self.endpoint_url
        return url is None or urlsplit(url).hostname in _AMPLITUDES_OWN_HOSTS

    @property
    def start_ms(self) -> int | None:
        """`start_date` in milliseconds since 1970."""
        if self.start_date is None:
            return None
        return (self.start_date - _EPOCH) // timedelta(milliseconds=1)


def given(config: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that were given: null means that one was not."""
    return {name: value for name, value in config.items() if value is not None}


def read_settings(config: Mapping[str, object]) -> Settings:
    """Check a whole configuration and make it into Settings.

    Raises:
        ConfigurationError: With a line for every mistake in the configuration.
    """
    wrong = problems_by_setting(given(config))
    values = DEFAULTS | {
        name: value
        for name, value in given(config).items()
        if name in DEFAULTS and name not in wrong
    }
    values["api"] = values["api"] or ("batch" if values["backfill"] else "http_v2")
    problems = [line for lines in wrong.values() for line in lines]
    problems += problems_together(values, wrong)
    names = read_event_names(values["events"], values["event_names"])
    problems += names.problems
    problems += reserved_names(names.with_prefix(values["event_prefix"]))
    if problems:
        raise ConfigurationError(problems)
    return _make(values, names)


def _make(values: dict[str, t.Any], names: EventNames) -> Settings:
    """Make Settings from values that are known to be right."""
    typed = {name: _typed(name, value) for name, value in values.items()}
    typed["api_key"] = values["api_key"] or None
    typed["sandbox_api_key"] = values["sandbox_api_key"] or None
    if values["start_date"] is not None:
        typed["start_date"] = moment(values["start_date"])
    if "*" in values["extra_user_properties"]:
        typed["extra_user_properties"] = EXTRA_USER_PROPERTIES
    if values["max_request_bytes"] is None:
        typed["max_request_bytes"] = DEFAULT_REQUEST_BYTES[values["api"]]
    typed["event_streams"] = tuple(values["event_streams"] or ())
    typed["user_streams"] = tuple(values["user_streams"] or ())
    typed["event_names"] = MappingProxyType(dict(names.renames))
    return Settings(
        **typed,
        event_filter=names.chosen,
        sent_names=MappingProxyType(names.with_prefix(values["event_prefix"])),
        warnings=(*names.warnings, *oddities(values)),
    )


def _typed(name: str, value: t.Any) -> t.Any:
    """Return a JSON value as the type that Settings has for its kind."""
    match value:
        case float():  # 5.0, an integer too, as far as JSON knows
            return int(value)
        case list():
            return tuple(value)
        case str() if name.endswith("_path"):
            return Path(value)
        case _:
            return value
