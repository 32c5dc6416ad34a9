"""Revenue and the sandbox, as a local Amplitude stores them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.model import project_of
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_target
from tests.support.story import change
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.story import RunHarness

SANDBOX_KEY = "fedcba9876543210fedcba9876543210"
OTHER_KEY = "abcdef9876543210abcdef9876543210"
STATE = {"position": 7}
SANDBOX = {"purchase_env": "sandbox"}
REVENUE = ("$revenue", "$price", "$quantity", "$currency", "$productId", "$revenueType")


def purchase(number: int, amount: object = 9.99, **fields: Any) -> dict[str, Any]:
    """Return a `device.transaction` of a user with a device of his own."""
    usual = {
        "event_type": "device.transaction",
        "purchase_env": "production",
        "locale": "en_US@currency=USD",
        "sku": "radio_monthly",
        "currency": "USD",
        "quantity": "1",
        "amount": amount,
    }
    return nami.impression(number, **usual | fields)


def deliver(
    folder: Path,
    local: LocalAmplitude,
    records: Iterable[dict[str, Any]],
    **settings: Any,
) -> TargetRun:
    config = {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")}
    messages = [*singer.records("events", records), singer.state(STATE)]
    run = run_target(folder, config | settings, messages)
    assert run.exit_code == 0, run.log
    return run


def revenue(local: LocalAmplitude) -> list[dict[str, Any]]:
    """Return what each event is worth to Amplitude."""
    exports = [event.export for event in local.events()]
    return [{name: e[name] for name in REVENUE if name in e} for e in exports]


def arrived(local: LocalAmplitude, api_key: str) -> list[str]:
    """Return the insert ids of the events in the project of a key."""
    return [
        event.sent["insert_id"]
        for event in local.events()
        if event.project == project_of(api_key)
    ]


# Revenue


def test_amplitude_counts_what_was_paid_and_what_was_paid_back(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    records = [
        purchase(1, "9.99", quantity="3"),
        purchase(2, -9.99, currency=None),
        purchase(3, 0),
        purchase(4, None),
        purchase(5, **SANDBOX),
        nami.impression(6, amount=5),
    ]
    deliver(tmp_path, local_amplitude, records, revenue="transactions")
    product = {"$currency": "USD", "$productId": "radio_monthly"}
    assert revenue(local_amplitude) == [
        {"$revenue": 9.99, "$revenueType": "Purchase"} | product,
        {"$revenue": -9.99, "$revenueType": "Refund"} | product,
        *[{}] * 4,
    ]


def test_by_default_nothing_is_revenue(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    deliver(tmp_path, local_amplitude, [purchase(1)])
    assert revenue(local_amplitude) == [{}]
    [event] = local_amplitude.events()
    assert event.export["event_properties"]["amount"] == 9.99


def test_many_small_amounts_add_up_to_the_cent(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    records = (purchase(number, "0.10") for number in range(100))
    deliver(tmp_path, local_amplitude, records, revenue="transactions")
    sent = [
        json.loads(event.raw, parse_float=Decimal)["revenue"]
        for event in local_amplitude.events()
    ]
    assert sum(sent) == Decimal("10.00")


def test_an_amount_or_currency_that_makes_no_sense_is_a_reject_to_be_corrected(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    records = [purchase(1, "9,99"), purchase(2, currency="€"), purchase(3)]
    settings = {"revenue": "transactions"}
    run = deliver(tmp_path, local_amplitude, records, **settings)
    assert run.report["rejected_by_reason"] == {
        "amount_unreadable": 1,
        "currency_unreadable": 1,
    }
    assert run.states == [STATE]
    assert [r["rejected"]["field"] for r in run.rejects] == ["amount", "currency"]

    corrected = [r["record"] | {"amount": 9.99, "currency": "EUR"} for r in run.rejects]
    deliver(tmp_path / "again", local_amplitude, corrected, **settings)
    assert sorted(arrived(local_amplitude, API_KEY)) == [
        nami.event_id(number) for number in (1, 2, 3)
    ]


# The sandbox

MIXED = [
    purchase(1),
    purchase(2, **SANDBOX),
    nami.impression(3, app_env="beta_testing"),
    nami.subscription(4),
    purchase(5, app_env="beta_testing"),
]


def test_records_of_the_sandbox_are_sent_like_others_by_default(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    run = deliver(tmp_path, local_amplitude, MIXED)
    assert run.report["delivered"] == 5
    assert len(arrived(local_amplitude, API_KEY)) == 5


def test_records_of_the_sandbox_can_be_left_out(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    run = deliver(tmp_path, local_amplitude, MIXED, sandbox_purchases="skip")
    assert run.report["filtered_by_reason"] == {"sandbox": 2}
    assert arrived(local_amplitude, API_KEY) == [nami.event_id(n) for n in (1, 4, 5)]
    assert run.states == [STATE]


def test_records_of_the_sandbox_can_go_to_a_project_of_their_own(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    config = {"sandbox_api_key": SANDBOX_KEY, "revenue": "transactions"}
    run = deliver(tmp_path, local_amplitude, MIXED, **config)
    assert arrived(local_amplitude, API_KEY) == [nami.event_id(n) for n in (1, 4, 5)]
    assert arrived(local_amplitude, SANDBOX_KEY) == [nami.event_id(n) for n in (2, 3)]
    worth = {e.sent["insert_id"]: "revenue" in e.sent for e in local_amplitude.events()}
    assert [n for n in range(1, 6) if worth[nami.event_id(n)]] == [1, 5]
    delivered = {
        label: row["delivered"] for label, row in run.report["by_event_type"].items()
    }
    assert delivered == {
        "device.impression (sandbox)": 1,
        "device.transaction": 2,
        "device.transaction (sandbox)": 1,
        "user.subscription.renewed": 1,
    }
    assert run.states == [STATE]
    assert run.report["requests"] == 2


def test_the_sandboxs_key_appears_nowhere(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    bad = purchase(6, device_id="na", **SANDBOX)
    config = {"sandbox_api_key": SANDBOX_KEY, "metrics_path": "metrics.txt"}
    run = deliver(tmp_path, local_amplitude, [*MIXED, bad], **config)
    left = [p for p in tmp_path.rglob("*") if p.is_file() and "amplitude" not in p.name]
    written = {path.name: path.read_text() for path in left}
    assert written.keys() >= {"metrics.txt", "rejects.singer", "report.json"}
    del written["config.json"]
    assert all(SANDBOX_KEY not in text for text in [*written.values(), run.log])


def test_a_key_of_the_sandbox_that_amplitude_does_not_know_ends_the_run(
    tmp_path: Path,
) -> None:
    with LocalAmplitude(tmp_path / "amplitude.db", keys=[API_KEY]) as local:
        config = {
            "api_key": API_KEY,
            "endpoint": local.endpoint("http_v2"),
            "sandbox_api_key": SANDBOX_KEY,
        }
        messages = [*singer.records("events", MIXED), singer.state(STATE)]
        run = run_target(tmp_path, config, messages)
    assert run.exit_code == 1
    [error] = run.logged("ERROR")
    assert "Check `sandbox_api_key`" in error
    assert SANDBOX_KEY not in run.log
    assert run.states == []


@pytest.mark.parametrize(
    "spelling", ["purchase_env", "purchaseEnv", "PURCHASE_ENV", "PURCHASEENV"]
)
def test_the_sandbox_is_known_by_any_spelling_and_properties_keep_theirs(
    harness: RunHarness, spelling: str
) -> None:
    record = purchase(1, purchase_env=None) | {spelling: "sandbox"}
    config = {"sandbox_api_key": SANDBOX_KEY, "revenue": "transactions"}
    harness.run([record], **config)
    assert harness.arrived(SANDBOX_KEY) == [nami.event_id(1)]
    [event] = harness.events
    assert "revenue" not in event.sent
    name = spelling.lower() if spelling.isupper() else spelling
    assert event.sent["event_properties"][name] == "sandbox"


@pytest.mark.parametrize(
    ("fields", "is_sandbox"),
    [
        ({"is_sandbox": "t"}, True),
        ({"environment": "Staging", "app_env": "production"}, True),
        ({"purchase_env": "PROD", "environment": "test"}, False),
    ],
    ids=repr,
)
def test_each_word_for_the_sandbox_counts_wherever_the_sandbox_does(
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
    fields: dict[str, object],
    *,
    is_sandbox: bool,
) -> None:
    records = [purchase(1, purchase_env=None) | fields]
    worth = {"revenue": "transactions"}
    skip = worth | {"sandbox_purchases": "skip"}
    apart = worth | {"sandbox_api_key": SANDBOX_KEY}

    run = deliver(tmp_path / "skip", local_amplitude, records, **skip)
    deliver(tmp_path / "apart", local_amplitude, records, **apart)

    assert run.report["filtered"] == is_sandbox
    # Amplitude takes an event of the main project once.
    [event] = local_amplitude.events()
    assert event.project == project_of(SANDBOX_KEY if is_sandbox else API_KEY)
    assert ("revenue" in event.sent) is not is_sandbox


# The sandbox and the memory


@pytest.mark.parametrize(
    ("first", "then", "projects"),
    [
        ({}, {"sandbox_api_key": SANDBOX_KEY}, [API_KEY, SANDBOX_KEY]),
        ({"sandbox_api_key": SANDBOX_KEY}, {}, [SANDBOX_KEY, API_KEY]),
        (
            {"sandbox_api_key": SANDBOX_KEY},
            {"sandbox_api_key": OTHER_KEY},
            [SANDBOX_KEY, OTHER_KEY],
        ),
    ],
    ids=["parted", "joined", "moved"],
)
def test_a_project_that_an_event_did_not_go_to_gets_it(
    harness: RunHarness,
    first: dict[str, str],
    then: dict[str, str],
    projects: list[str],
) -> None:
    records = [purchase(1, **SANDBOX)]
    harness.run(records, **first)
    for _ in range(2):
        harness.run(records, **then)
    assert [harness.arrived(key) for key in projects] == [[nami.event_id(1)]] * 2
    assert len(harness.events) == 2


def test_what_the_sandbox_has_is_not_sent_there_again(harness: RunHarness) -> None:
    settings = {"sandbox_api_key": SANDBOX_KEY}
    harness.run(MIXED, **settings)
    run = harness.run(MIXED, **settings)
    assert run.report["duplicate"] == len(MIXED)
    assert len(harness.events) == len(MIXED)


def test_in_the_sandbox_as_well_old_state_does_not_replace_new(
    harness: RunHarness,
) -> None:
    settings = {"sandbox_api_key": SANDBOX_KEY}
    beta = {"app_env": "beta_testing"}
    harness.run([change(3, 5, "yearly", **beta)], **settings)
    harness.run([change(2, 3, "monthly", **beta)], **settings)
    harness.run([change(4, 4, "weekly")], **settings)
    assert harness.arrived(SANDBOX_KEY) == [nami.event_id(3), nami.event_id(2)]
    assert harness.skips == [False, True, False]


def test_both_projects_together_keep_the_pace_of_the_run(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    records = [purchase(n, **(SANDBOX if n % 2 else {})) for n in range(40)]
    harness = TargetHarness(
        tmp_path,
        dry_run=False,
        api_key=API_KEY,
        endpoint=local_amplitude.endpoint("http_v2"),
        sandbox_api_key=SANDBOX_KEY,
        max_events_per_second=20,
    )
    assert harness.take(singer.records("events", records)).delivered == len(records)
    moments = sorted(request.time for request in local_amplitude.requests())
    assert moments[-1] - moments[0] > 0.9


def test_the_local_amplitude_within_the_process_takes_both_projects(
    tmp_path: Path,
) -> None:
    config = {"endpoint": "local", "sandbox_api_key": SANDBOX_KEY}
    run = run_target(tmp_path, config, singer.records("events", MIXED))
    assert run.exit_code == 0, run.log
    events = Reader(tmp_path / "output" / "local-amplitude.db").events()
    of_sandbox = [event.project == project_of(SANDBOX_KEY) for event in events]
    assert sorted(of_sandbox) == [False, False, False, True, True]


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_dry_run_keeps_the_projects_apart(tmp_path: Path, lanes: int) -> None:
    config = {
        "dry_run": True,
        "api_key": API_KEY,
        "sandbox_api_key": SANDBOX_KEY,
        "parallel_requests": lanes,
    }
    run_target(tmp_path, config, singer.records("events", MIXED))
    lines = (tmp_path / "output" / "dry-run.jsonl").read_text().splitlines()
    bodies = {body["api_key"]: body["events"] for body in map(json.loads, lines)}
    assert {key: len(events) for key, events in bodies.items()} == {
        "***": 3,
        "*** (sandbox_api_key)": 2,
    }
