"""The settings of one run, checked and ready for use."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.amplitude.destination import Destination
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings.checks import (
    moment,
    problems_together,
    reserved_names,
    warnings_about,
)
from target_amplitude_nami.settings.declared import (
    DEFAULT_REQUEST_BYTES,
    EXTRA_USER_PROPERTIES,
    LOCAL,
    DeclaredSettings,
)
from target_amplitude_nami.settings.events import EventNames, read_event_names
from target_amplitude_nami.settings.options import (
    DeliveryOptions,
    MappingOptions,
)
from target_amplitude_nami.settings.schema import (
    DEFAULTS,
    NO_BUILT_INS,
    BuiltInSettings,
)
from target_amplitude_nami.settings.validation import problems_by_setting

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.outcomes import Project

_EPOCH: t.Final = moment("1970-01-01")
_AMPLITUDES_OWN_HOSTS: t.Final = {
    urlsplit(url).hostname: region for (region, _), url in limits.ENDPOINTS.items()
}
LOCAL_KEY: t.Final = "local"
"""The API key for a local Amplitude or a dry run when none is given."""
SECRETS: t.Final = ("api_key", "sandbox_api_key", "secret_key")
"""The settings whose values are shown to nobody."""


@dataclass(frozen=True, kw_only=True)
class Settings(DeclaredSettings):
    """Every setting under its own name, and what follows from them: see `load`."""

    sent_names: tuple[tuple[str, str], ...]
    """Each event type that is sent, with the name under which it is sent."""
    warnings: tuple[str, ...]
    """What looks wrong but does not stop the run, for the log."""

    @classmethod
    def load(
        cls, config: Mapping[str, object], built_in: BuiltInSettings = NO_BUILT_INS
    ) -> Settings:
        """Check a whole configuration and make settings of it.

        Args:
            config: The settings that are given, as JSON values; null means that one
                is not given.
            built_in: Settings beside the declared ones, which are checked as well.

        Raises:
            ConfigurationError: With a line for every mistake in the configuration.
        """
        wrong = problems_by_setting(given(config), built_in)
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
        return cls(**_fields(values, names))

    @property
    def endpoint_url(self) -> str | None:
        """Where requests go; None: to the local Amplitude, once it has started."""
        if self.endpoint == LOCAL:
            return None
        return self.endpoint or limits.ENDPOINTS[self.region, self.api]

    @property
    def projects(self) -> tuple[Project, ...]:
        """The Amplitude projects that events go to."""
        return ("main", "sandbox") if self.sandbox_api_key else ("main",)

    @property
    def project_region(self) -> limits.Region:
        """The region that the project is in, also from the host name of `endpoint`."""
        host = urlsplit(self.endpoint_url or "").hostname
        return _AMPLITUDES_OWN_HOSTS.get(host, self.region)

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

    @cached_property
    def mapping(self) -> MappingOptions:
        """What turns records into events."""
        return MappingOptions(
            sent_names=self.sent_names,
            start_ms=self.start_ms,
            extra_user_properties=self.extra_user_properties,
            exclude_properties=self.exclude_properties,
            revenue=self.revenue,
            sandbox_purchases=self.sandbox_purchases,
            has_sandbox_project=self.sandbox_api_key is not None,
            user_source=self.user_source,
            anonymous_users=self.anonymous_users,
            min_id_length=self.min_id_length,
            stale_user_properties=self.stale_user_properties,
            backfill=self.backfill,
        )

    @cached_property
    def delivery(self) -> DeliveryOptions:
        """How requests are filled, rate-limited and repeated."""
        per_id = limits.EVENTS_PER_SECOND_PER_ID[self.api]
        return DeliveryOptions(
            lanes=self.parallel_requests,
            events_per_request=self.batch_size_rows,
            event_bytes=self.event_bytes,
            batch_wait_seconds=self.batch_wait_seconds,
            retry_for=self.retry_for,
            events_per_second=self.max_events_per_second,
            events_per_second_per_id=None if self.dry_run else per_id,
        )

    @cached_property
    def event_bytes(self) -> int:
        """How many bytes the events of one request may have, in any project."""
        envelopes = [self.destination(project).envelope() for project in self.projects]
        return self.max_request_bytes - max(sum(map(len, each)) for each in envelopes)

    def destination(
        self, project: Project = "main", *, user_agent: str = ""
    ) -> Destination:
        """Return where the events of a project go.

        Args:
            project: One of the run's Amplitude projects.
            user_agent: How requests introduce themselves.

        Raises:
            ValueError: If the settings have no such project.
        """
        key, setting = self.api_key or LOCAL_KEY, "api_key"
        if project == "sandbox":
            if self.sandbox_api_key is None:
                raise ValueError("there is no sandbox project without sandbox_api_key")
            key, setting = self.sandbox_api_key, "sandbox_api_key"
        return Destination(
            url=self.endpoint_url or "",
            api_key=key,
            key_setting=setting,
            user_agent=user_agent,
            gzip=self.gzip,
            min_id_length=self.min_id_length,
            read_timeout=self.request_timeout,
        )


def given(config: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that are given: null means that one is not."""
    return {name: value for name, value in config.items() if value is not None}


def _fields(values: Mapping[str, t.Any], names: EventNames) -> dict[str, t.Any]:
    """Return the fields of Settings, from values that are known to be right."""
    fields = {name: _typed(name, value) for name, value in values.items()}
    fields |= {name: values[name] or None for name in SECRETS}
    if values["start_date"] is not None:
        fields["start_date"] = moment(values["start_date"])
    if "*" in values["extra_user_properties"]:
        fields["extra_user_properties"] = EXTRA_USER_PROPERTIES
    if values["max_request_bytes"] is None:
        fields["max_request_bytes"] = DEFAULT_REQUEST_BYTES[values["api"]]
    return fields | {
        "event_names": tuple(sorted(names.renames.items())),
        "event_streams": tuple(values["event_streams"] or ()),
        "user_streams": tuple(values["user_streams"] or ()),
        "sent_names": tuple(sorted(names.with_prefix(values["event_prefix"]).items())),
        "warnings": (*names.warnings, *warnings_about(values)),
    }


def _typed(name: str, value: t.Any) -> t.Any:
    """Return a JSON value as the type of the setting's field."""
    match value:
        case float():  # 5.0, an integer too, as far as JSON knows
            return int(value)
        case list():
            return tuple(value)
        case str() if name.endswith("_path"):
            return Path(value)
        case _:
            return value
