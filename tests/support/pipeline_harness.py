"""A record's path from its reading to the bytes of its event, and nothing beyond."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.catalogue import NAMES
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.pipeline.event_builder import EventBuilder
from target_amplitude_nami.pipeline.row_reader import plain, refusal_of
from target_amplitude_nami.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.records import Record


def make_settings(**config: Any) -> Settings:
    """Make settings; what is not given has its default."""
    return Settings.load({"endpoint": "local"} | config)


THE_EIGHT: Final = {
    "namiml_active_entitlements",
    "namiml_active_skus",
    "namiml_device_ids",
    "namiml_device_platforms",
    "namiml_former_subscriber",
    "namiml_in_grace_period",
    "namiml_in_trial_period",
    "namiml_in_intro_offer_period",
}
"""The user properties that every event with state sets."""


class PipelineHarness:
    """What all records of one stream pass through; every documented event is sent."""

    def __init__(self, **config: Any) -> None:
        """Take the settings that differ from their defaults."""
        settings = make_settings(**{"events": list(NAMES)} | config)
        self.reader = RecordReader("events")
        self._builder = EventBuilder(settings)

    def encode(self, record: Mapping[str, Any]) -> EncodedEvent | Refusal:
        """Return a record's event ready to be sent, or why there is none."""
        row = plain(record)
        if isinstance(row, Refusal):
            return row
        try:
            nami = self.reader.read(row)
        except UnreadableRecord as error:
            return refusal_of(error)
        if nami is None:
            return Refusal("not_nami", "", "")
        built = self._builder.build(nami)
        if isinstance(built, EncodedEvent | Refusal):
            return built
        return Refusal(built.reason, "", "")

    def result(self, record: Mapping[str, Any]) -> bytes | str:
        """Return the bytes of a record's event, or the reason why there is none."""
        encoded = self.encode(record)
        return encoded.body if isinstance(encoded, EncodedEvent) else encoded.reason

    def event(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record's event as Amplitude reads it."""
        encoded = self.encode(record)
        assert isinstance(encoded, EncodedEvent), encoded
        event: dict[str, Any] = json.loads(encoded.body)
        return event


def user_properties(record: Record, **config: Any) -> dict[str, Any]:
    """Return the user properties that a record's event sets."""
    found: dict[str, Any] = (
        PipelineHarness(**config).event(record).get("user_properties", {})
    )
    return found
