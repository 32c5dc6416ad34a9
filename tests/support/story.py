"""One user's story, and a folder in which the target reads it run by run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.model import project_of
from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.local.queries.reader import StoredEvent
    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.support.zygote import Running, Zygote

Record = dict[str, Any]

TOO_MUCH = ["x" * 1_000] * 30
"""More than a request holds in the tests that set `max_request_bytes`."""
FLAGS = nami.user(1)["customer_journey_state"]
_SECONDS = 60


@dataclass
class RunHarness:
    """A folder in which runs take place, and the Amplitude that they deliver to."""

    folder: Path
    local: LocalAmplitude
    zygote: Zygote
    settings: dict[str, Any]

    def start(self, messages: Iterable[bytes], **settings: Any) -> Running:
        """Start a run over messages."""
        (self.folder / "input").write_bytes(b"".join(messages))
        descriptor = os.open(self.folder / "input", os.O_RDONLY)
        try:
            return self.start_reading(descriptor, **settings)
        finally:
            os.close(descriptor)

    def start_reading(self, descriptor: int, **settings: Any) -> Running:
        """Start a run over what a descriptor gives."""
        usual = {
            "api_key": API_KEY,
            "endpoint": self.local.endpoint(settings.get("api", "http_v2")),
            "report_path": "report.json",
        }
        config = usual | self.settings | settings
        return self.zygote.run(self.folder, config, descriptor)

    def run(self, records: Iterable[Record], **settings: Any) -> TargetRun:
        """Run the target over records, to the end."""
        return self.run_messages(messages_of(records), **settings)

    def run_messages(self, messages: Iterable[bytes], **settings: Any) -> TargetRun:
        """Run the target over messages, to the end."""
        running = self.start(messages, **settings)
        code = running.wait(_SECONDS)
        assert code == 0, running.log
        run = TargetRun(code, running.stdout, running.log, self.folder)
        report = run.report
        outcomes = ("delivered", "filtered", "rejected", "held", "duplicate")
        assert report["read"] == sum(report[each] for each in outcomes)
        return run

    @property
    def events(self) -> list[StoredEvent]:
        """The events in the order of arrival."""
        return list(self.local.events())

    @property
    def ids(self) -> list[str]:
        """The insert ids of the events in the order of arrival."""
        return [event.sent["insert_id"] for event in self.events]

    def skus(self, number: int) -> object:
        """Return a user's active SKUs, as Amplitude knows them now."""
        return self.skus_of(nami.external_id(number))

    def skus_of(self, user_id: str) -> object:
        """Return an Amplitude user's active SKUs."""
        return (self.local.user_properties(user_id) or {}).get("namiml_active_skus")

    def arrived(self, api_key: str) -> list[str]:
        """Return the insert ids of the events in the project of a key."""
        return [
            event.sent["insert_id"]
            for event in self.events
            if event.project == project_of(api_key)
        ]

    @property
    def skips(self) -> list[bool]:
        """For each event, whether it was kept from changing user properties."""
        skip = "$skip_user_properties_sync"
        return [event.sent.get(skip, False) for event in self.events]


def messages_of(records: Iterable[Record]) -> list[bytes]:
    """Return records as messages of two streams, with a STATE at the end."""
    return [
        singer.schema("events"),
        singer.schema("users"),
        *(
            singer.record("events" if "event_type" in record else "users", record)
            for record in records
        ),
        singer.state({"read": "all"}),
    ]


def at(day: int) -> str:
    """Return a moment of June 2026."""
    return f"2026-06-{day:02d}T08:00:00.250000+00:00"


def bought(sku: str) -> list[Record]:
    """Return `active_entitlements` with this SKU."""
    return [{"entitlement_ref_id": "premium", "sku_ref_id": sku}]


def change(number: int, day: int, sku: str | None, **fields: Any) -> Record:
    """Return an event of user 1 that says what is bought since this day."""
    return about(
        1,
        nami.subscription(
            number,
            created_date=at(day),
            active_entitlements=bought(sku) if sku else [],
            **fields,
        ),
    )


def shown(number: int, day: int) -> Record:
    """Return an impression of user 1, who is not named in it."""
    return about(1, nami.impression(number, created_date=at(day)))


def about(number: int, record: Record) -> Record:
    """Return a record as one of the user of this number."""
    theirs = nami.user(number)
    ids = {"user_id": theirs["user_id"]}
    if "external_ids" in record:
        ids["external_ids"] = record["external_ids"] and theirs["external_ids"]
    if "devices" in record:
        ids["devices"] = theirs["devices"]
    if "device_id" in record:
        ids["device_id"] = nami.device_id(number)
    return record | ids


def as_of(day: int, sku: str, **fields: Any) -> Record:
    """Return a record of user 1."""
    return nami.user(1, updated_at=at(day), active_entitlements=bought(sku), **fields)
