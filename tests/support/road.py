"""A record's way from the reader to the bytes of its event, and nothing beyond."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.records import (
    NamiEvent,
    NamiUser,
    RecordReader,
)
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.pipeline import mapping
from target_amplitude_nami.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.amplitude.event import AmplitudeEvent


def make_settings(**config: Any) -> Settings:
    """Make settings; what is not given has its default."""
    return Settings.load({"endpoint": "local"} | config)


class Road:
    """What all records of one stream pass through."""

    def __init__(self, **config: Any) -> None:
        """Take the settings that differ from their defaults."""
        self.settings = make_settings(**config)
        self.reader = RecordReader("events")
        self.checks = Checks(
            min_id_length=self.settings.min_id_length, max_event_bytes=900_000
        )

    def encode(self, record: Mapping[str, Any]) -> EncodedEvent | Refusal:
        """Return a record's event ready to be sent, or why there is none."""
        try:
            return self._encode(record)
        except UnreadableRecord as error:
            return Refusal(error.reason, error.field, error.detail)

    def _encode(self, record: Mapping[str, Any]) -> EncodedEvent | Refusal:
        nami = self.reader.read(record)
        if nami is None:
            return Refusal("not_nami", "", "")
        identity = mapping.identify(nami, None, self.settings)
        if isinstance(identity, mapping.Unnamed):
            return Refusal(identity.reason, "", identity.detail)
        event = self._map(nami, identity)
        if event is None:
            return Refusal("nothing_to_set", "", "")
        return self.checks.encode(event)

    def _map(
        self, nami: NamiEvent | NamiUser, identity: mapping.Identity
    ) -> AmplitudeEvent | None:
        if isinstance(nami, NamiUser):
            return mapping.identify_event_of(nami, identity, self.settings)
        return mapping.event_of(
            nami, nami.event_type, identity, self.settings, nami.state
        )

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
