"""Inputs from public reports that once lost something in silence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import singer
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    NAMI_USER,
    PLATFORM,
    external_ids,
    impression,
    journey,
    user_event,
    without,
)
from tests.support.run_target import TargetRun, run_target
from tests.support.shapes import (
    ARRAY_FORMS,
    json_text,
    of_arrays,
    of_containers,
    upper_case,
    with_keys,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OTHER_NAMI_USER: Final = "c1f6c0de-2a34-4c55-8e77-0d9a4f3c2b99"
WHOLE_STATE: Final = {
    "namiml_active_entitlements": ["premium"],
    "namiml_active_skus": ["radio_monthly"],
    "namiml_device_ids": [DEVICE],
    "namiml_device_platforms": [PLATFORM],
    "namiml_former_subscriber": False,
    "namiml_in_grace_period": False,
    "namiml_in_trial_period": True,
    "namiml_in_intro_offer_period": False,
}
IN_TRIAL: Final = {"namiml_in_trial_period": True}


def renewal(**changes: Any) -> dict[str, Any]:
    return user_event(customer_journey_state=journey("in_trial_period")) | changes


def event_id(number: int) -> str:
    return f"5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b{number:04}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dry run made of an input."""

    run: TargetRun
    events: list[dict[str, Any]]

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """The reason and the field of each reject."""
        rejects = [message["rejected"] for message in self.run.rejects]
        return [(each["reason"], each["field"]) for each in rejects]


def deliver(folder: Path, messages: Iterable[bytes], **settings: Any) -> Outcome:
    """Run the target on messages and on a STATE, which a dry run keeps to itself."""
    config = {"dry_run": True, "dry_run_path": "bodies.jsonl"} | settings
    run = run_target(folder, config, [*messages, singer.state({"at": 1})])
    assert run.exit_code == 0, run.log
    path = folder / "bodies.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return Outcome(run, [e for line in lines for e in json.loads(line)["events"]])


def test_lists_of_elements_keep_the_whole_state(tmp_path: Path) -> None:
    wrapped = of_arrays(ARRAY_FORMS["list of element"])(
        without(renewal(external_id=EXTERNAL_ID, device_id=DEVICE), "external_ids")
    )

    outcome = deliver(tmp_path, singer.records("events", [wrapped]))

    [event] = outcome.events
    assert (event["user_id"], event["device_id"]) == (EXTERNAL_ID, DEVICE)
    assert event["user_properties"] == WHOLE_STATE


def test_upper_case_keys_inside_keep_the_user_and_the_whole_state(
    tmp_path: Path,
) -> None:
    row = upper_case(of_containers(with_keys(str.upper))(renewal()))

    outcome = deliver(tmp_path, singer.records("EVENTS", [row]))

    [event] = outcome.events
    assert (event["user_id"], event["device_id"]) == (EXTERNAL_ID, DEVICE)
    assert event["user_properties"] == WHOLE_STATE
    assert event["event_properties"] == {"event_platform": "apple"}


def test_payloads_are_opened_or_rejected(tmp_path: Path) -> None:
    texts = [json_text(renewal(id=event_id(number))) for number in range(5)]
    payloads = [
        texts[0],
        json_text(texts[1]),
        f"[{texts[2]}]",
        f"\ufeff{texts[3]}",
        f"b'{texts[4]}'",
    ]
    rows = [{"received_at": "2026-11-27T00:57:12Z", "payload": p} for p in payloads]

    outcome = deliver(tmp_path, singer.records("hooks", rows))

    delivered = [event["insert_id"] for event in outcome.events]
    assert delivered == [event_id(0), event_id(1), event_id(3)]
    assert {event["user_id"] for event in outcome.events} == {EXTERNAL_ID}
    assert [m["record"]["payload"] for m in outcome.run.rejects] == [
        payloads[2],
        payloads[4],
    ]
    assert outcome.reasons == [("not_an_object", "payload"), ("not_json", "payload")]


@pytest.mark.parametrize("first", ["null", "array"])
def test_a_payload_that_cannot_be_opened_is_rejected_before_and_after_an_event(
    tmp_path: Path, first: str
) -> None:
    good = {"payload": json_text(renewal())}
    bad = {"payload": None if first == "null" else f"[{json_text(renewal())}]"}

    outcome = deliver(tmp_path, singer.records("hooks", [good, bad]))

    reason = "payload_missing" if first == "null" else "not_an_object"
    assert len(outcome.events) == 1
    assert outcome.reasons == [(reason, "payload")]


def test_times_with_a_space_before_the_offset_are_read(tmp_path: Path) -> None:
    fractions = ["", ".4", ".49", ".227", ".2277", ".22776", ".227760", ".2277600"]
    rows = [
        renewal(id=event_id(n), created_date=f"2026-11-27 00:57:11{fraction} +01:00")
        for n, fraction in enumerate(fractions)
    ]

    outcome = deliver(tmp_path, singer.records("events", rows))

    start = 1795737431000  # 2026-11-26T23:57:11Z
    by_id = {event["insert_id"]: event["time"] - start for event in outcome.events}
    assert by_id == {
        event_id(n): ms for n, ms in enumerate([0, 400, 490, 227, 227, 227, 227, 227])
    }


def test_empty_text_is_no_time_and_no_event_type(tmp_path: Path) -> None:
    users = [
        {
            "user_id": nami_user,
            "external_id": external_id,
            "active_entitlements": "[]",
            "updated_at": updated_at,
        }
        for nami_user, external_id, updated_at in (
            (NAMI_USER, EXTERNAL_ID, ""),
            (OTHER_NAMI_USER, "someone-2", None),
        )
    ]
    events = [
        without(
            renewal(id=event_id(number), event_type=event_type),
            "active_entitlements",
            "customer_journey_state",
            "devices",
            "external_ids",
        )
        for number, event_type in enumerate(["", None])
    ]
    declared = {"type": "object", "properties": {"event_type": {}}}

    outcome = deliver(
        tmp_path,
        [
            *singer.records("users", users),
            singer.schema("events", declared),
            *(singer.record("events", event) for event in events),
        ],
    )

    assert [(e["event_type"], e["user_id"]) for e in outcome.events] == [
        ("$identify", EXTERNAL_ID),
        ("$identify", "someone-2"),
    ]
    assert {"$set": {"namiml_active_entitlements": [], "namiml_active_skus": []}} in [
        event["user_properties"] for event in outcome.events
    ]
    assert outcome.reasons == [("event_type_missing", "event_type")] * 2


def test_load_time_columns_make_no_new_event(tmp_path: Path) -> None:
    event = without(renewal(), "id")
    rows = [
        event | {"_fivetran_synced": "2026-11-27T01:00:00Z"},
        event | {"_fivetran_synced": "2026-11-28T01:00:00Z"},
        event | {"_airbyte_extracted_at": "2026-11-28T01:00:00Z"},
        event | {"_sdc_batched_at": "2026-11-28T01:00:00Z"},
        event | {"_sdc_batched_at": "2026-11-29T01:00:00Z"},
        event | {"loaded_at": "2026-11-29T01:00:00Z"},
    ]

    outcome = deliver(
        tmp_path, singer.records("events", rows), exclude_properties=["loaded_*"]
    )

    [sent] = outcome.events
    assert sent["event_properties"] == {"event_platform": "apple"}
    assert outcome.run.report["duplicate"] == len(rows) - 1
    assert len([m for m in outcome.run.logged("WARNING") if "have no id" in m]) == 1


def test_an_external_id_beside_the_payload_names_the_user(tmp_path: Path) -> None:
    body = without(impression(), "external_ids")
    row = {
        "EXTERNAL_ID": EXTERNAL_ID,
        "UPDATED_AT": "2026-11-27T00:57:12Z",
        "PAYLOAD": json_text(body),
    }

    outcome = deliver(tmp_path, singer.records("HOOKS", [row]))

    [event] = outcome.events
    assert (event["user_id"], event["device_id"]) == (EXTERNAL_ID, DEVICE)
    assert event["insert_id"] == body["id"]
    assert "updated_at" not in event["event_properties"]


def test_padding_makes_no_other_user_and_no_other_type(tmp_path: Path) -> None:
    padded_key = [{"key": "external_id    ", "type": "uuid", "value": EXTERNAL_ID}]
    rows = [
        renewal(id=event_id(0)),
        renewal(id=event_id(1), external_ids=external_ids(f"{EXTERNAL_ID}    ")),
        renewal(id=event_id(2), user_id=OTHER_NAMI_USER, external_ids=padded_key),
        renewal(id=event_id(3), event_type="user.subscription.renewed    "),
    ]

    outcome = deliver(tmp_path, singer.records("events", rows))

    assert {event["insert_id"] for event in outcome.events} == set(
        map(event_id, range(4))
    )
    assert {(event["user_id"], event["event_type"]) for event in outcome.events} == {
        (EXTERNAL_ID, "user.subscription.renewed")
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"customer_journey_state.in_trial_period": True}, IN_TRIAL),
        ({"customer_journey_state_in_trial_period": True}, IN_TRIAL),
        (
            {
                "external_ids__0__value": EXTERNAL_ID,
                "devices__0__id": DEVICE,
                "active_entitlements__0__entitlement_ref_id": "premium",
            },
            {
                "namiml_active_entitlements": ["premium"],
                "namiml_device_ids": [DEVICE],
            },
        ),
    ],
    ids=["dotted", "underscored", "numbered"],
)
def test_parts_of_containers_in_columns_are_their_users_state(
    tmp_path: Path, columns: dict[str, Any], expected: dict[str, Any]
) -> None:
    containers = (
        "active_entitlements",
        "customer_journey_state",
        "devices",
        "external_ids",
    )
    row = without(renewal(external_id=EXTERNAL_ID), *containers) | columns

    outcome = deliver(tmp_path, singer.records("events", [row]))

    [event] = outcome.events
    assert event["user_id"] == EXTERNAL_ID
    assert event["user_properties"] == expected
    assert event["event_properties"] == {"event_platform": "apple"}
    assert outcome.run.report["columns_not_understood"] == {}


def test_a_column_that_begins_like_a_container_and_fits_nowhere_is_counted(
    tmp_path: Path,
) -> None:
    rows = [renewal(id=event_id(n), devices_total=n) for n in range(2)]
    others = [{"id": n, "devices_total": n} for n in range(3)]

    outcome = deliver(
        tmp_path,
        [*singer.records("laptops", others), *singer.records("events", rows)],
    )

    totals = [event["event_properties"]["devices_total"] for event in outcome.events]
    assert totals == [0, 1]
    assert outcome.run.report["columns_not_understood"] == {"devices_total": 2}
    warnings = outcome.run.logged("WARNING")
    assert len([line for line in warnings if "'devices_total'" in line]) == 1
