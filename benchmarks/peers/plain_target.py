"""A target as one writes it first: the SDK's `BatchSink`, `requests`, the defaults.

The SDK's own reader, validation and STATE; events leave in requests of one batch each,
compressed. No checks, no retries, no lanes.

    python -m benchmarks.peers.plain_target --config config.json < input.singer
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import requests
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th

from benchmarks.peers.mapping import event_of
from target_amplitude_nami.amplitude.client import compressor

_EVENTS_PER_REQUEST = 500
"""More would be over the megabyte of one request, where records are deep."""
_HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


class PlainSink(BatchSink):
    """Maps records as they come and sends a batch when it is full."""

    MAX_SIZE_DEFAULT = _EVENTS_PER_REQUEST

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """See the SDK."""
        super().__init__(*arguments, **named)
        self._session = requests.Session()
        self._session.trust_env = False
        self._compress = compressor()  # the same gzip on both sides

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Put the record's event into the batch."""
        context.setdefault("events", []).append(event_of(record))

    def process_batch(self, context: dict[str, Any]) -> None:
        """Send the batch."""
        body = {"api_key": "benchmark", "events": context["events"]}
        # The reader makes a Decimal of each number with a fraction.
        text = json.dumps(body, default=float, separators=(",", ":"))
        self._session.post(
            self.config["endpoint"],
            data=self._compress(text.encode()),
            headers=_HEADERS,
            timeout=60,
        ).raise_for_status()


class PlainTarget(Target):
    """A target without anything of its own."""

    name = "plain-target"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("endpoint", th.StringType, required=True)
    ).to_dict()
    default_sink_class = PlainSink


if __name__ == "__main__":
    PlainTarget.cli()
