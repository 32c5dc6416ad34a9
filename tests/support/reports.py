"""A report with every figure, and an empty one."""

from __future__ import annotations

import dataclasses

from target_amplitude_nami.accounting.counts import Counts
from target_amplitude_nami.accounting.report import Report
from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.store.model import IdConflict, StoreFigures

COUNTS = Counts(
    read={"user.subscription.renewed": 12_003, "device.impression": 40, "(other)": 5},
    delivered={"user.subscription.renewed": 11_995, "device.impression": 18},
    filtered={
        ("device.impression", "before_start_date"): 10,
        ("(other)", "not_nami"): 4,
    },
    rejected={
        ("user.subscription.renewed", "time_unreadable"): 2,
        ("user.subscription.renewed", "no_ids"): 3,
        ("device.impression", "time_unreadable"): 2,
        ("(other)", "line_not_json"): 1,
    },
    held={"device.impression": 9},
    duplicate={"device.impression": 1, "user.subscription.renewed": 3},
    released=2,
    id_conflicts=3,
    conflicting_ids=("a-1", 'b"\n' + "x" * 100),
    late=1_200,
    without_user_id=18,
    users=321,
    newest_ms=1_780_268_400_000,  # an hour before the run began
)
REPORT = Report(
    integration="radio",
    destination="https://api2.amplitude.com/2/httpapi",
    outcome="complete",
    started_at="2026-06-01T00:00:00+00:00",
    seconds=10.0,
    counts=COUNTS,
    traffic=Traffic(requests=7, retries=2, throttled=1, body_bytes=1_234_567),
    texts_cut=3,
    store=StoreFigures(
        waiting=12,
        waiting_since=1_780_000_000,
        id_conflicts={"device_of_several_users": 1},
        named_id_conflicts=[
            IdConflict("device_of_several_users", "device-1", "nami-2", "nami-1")
        ],
    ),
)
NOTHING = dataclasses.replace(
    REPORT,
    counts=Counts({}, {}, {}, {}, {}, {}),
    traffic=Traffic(),
    seconds=0.0,
    texts_cut=0,
    store=StoreFigures(),
)
