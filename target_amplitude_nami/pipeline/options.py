"""The settings that decide what becomes of a record."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping


class MappingOptions(t.Protocol):
    """The part of `Settings` that the pipeline reads, under the settings' names."""

    @property
    def sent_names(self) -> Mapping[str, str]:
        """The name under which each event type is sent; others are not sent."""

    @property
    def start_ms(self) -> int | None:
        """`start_date`, ms since 1970."""

    @property
    def extra_user_properties(self) -> tuple[str, ...]:
        """The names asked for, `*` expanded."""

    @property
    def exclude_properties(self) -> tuple[str, ...]:
        """Names and patterns of event properties that are not sent."""

    @property
    def revenue(self) -> t.Literal["none", "transactions"]:
        """Whether transactions become revenue events."""

    @property
    def sandbox_purchases(self) -> t.Literal["send", "skip"]:
        """Whether records of test purchases are sent."""

    @property
    def has_sandbox_project(self) -> bool:
        """Whether records of test purchases go to an Amplitude project of their own."""

    @property
    def user_source(self) -> t.Literal["external_id", "nami_user_id"]:
        """Which of Nami's ids becomes the Amplitude User ID."""

    @property
    def anonymous_users(
        self,
    ) -> t.Literal["device", "nami_user_id", "hold", "skip", "reject"]:
        """What becomes of records of users without an External ID."""

    @property
    def stale_user_properties(self) -> t.Literal["skip", "send"]:
        """Whether old state is kept from overwriting new."""

    @property
    def backfill(self) -> bool:
        """Whether events are history, which changes no user property."""
