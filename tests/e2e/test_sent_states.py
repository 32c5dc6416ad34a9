"""Which states were sent to which user, and so what is late and what is nothing new.

One person may be a device first and a user later, and several Nami users one External
ID: what counts is the Amplitude user, and the project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.model import project_of
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.story import FLAGS, about, as_of, at, bought, change, shown

if TYPE_CHECKING:
    from tests.support.story import Record, RunHarness

ANOTHER_KEY = "another" + API_KEY[7:]
ANONYMOUS: Record = {"external_ids": []}
NOTHING: Record = {
    "active_entitlements": None,
    "customer_journey_state": None,
    "devices": None,
}
PARTIAL: Record = {"customer_journey_state": None, "devices": None}


def two_devices(record: Record) -> Record:
    """Return a record that names no single device."""
    theirs = nami.user(1)["devices"] + nami.user(50)["devices"]
    return record | {"devices": theirs}


def of_another_nami_user(record: Record) -> Record:
    """Return a record of a Nami user who has the External ID of user 1, too."""
    devices = {"devices": nami.user(2)["devices"]} if "devices" in record else {}
    return record | {"user_id": nami.identifier(2, 2)} | devices


def without(record: Record, fields: Record) -> Record:
    """Return a record without these fields."""
    return {name: value for name, value in record.items() if name not in fields}


# Late


def test_a_user_without_any_state_also_gets_an_old_one(
    harness: RunHarness,
) -> None:
    newer = change(3, 5, "yearly", **ANONYMOUS)
    harness.run([newer, two_devices(change(2, 3, "monthly"))])
    assert harness.skips == [False, False]
    assert harness.skus(1) == ["monthly"]


def test_a_user_without_any_state_also_gets_an_old_user_record(
    harness: RunHarness,
) -> None:
    harness.run([change(3, 5, "yearly", **ANONYMOUS), two_devices(as_of(3, "monthly"))])
    assert harness.skus(1) == ["monthly"]


def test_a_user_who_logs_in_keeps_the_newer_state_of_the_device(
    harness: RunHarness,
) -> None:
    harness.run([change(3, 5, "yearly", **ANONYMOUS), change(2, 3, "monthly")])
    assert harness.skips == [False, True]
    assert harness.skus(1) == ["yearly"]


def test_under_another_user_id_nothing_was_sent_yet(harness: RunHarness) -> None:
    newer = without(change(3, 5, "yearly", **ANONYMOUS), {"devices": 0})
    older = without(change(2, 3, "monthly"), {"devices": 0})
    harness.run([newer, older], anonymous_users="nami_user_id")
    assert harness.skus(1) == ["monthly"]
    assert harness.skus_of(nami.identifier(2, 1)) == ["yearly"]


def test_a_second_external_id_of_a_user_is_another_target(harness: RunHarness) -> None:
    renamed = as_of(4, "monthly", external_ids=nami.user(7)["external_ids"])
    run = harness.run([change(3, 5, "yearly"), renamed])
    assert run.report["filtered"] == 0
    assert harness.skus(7) == ["monthly"]
    assert harness.skus(1) == ["yearly"]


def test_of_two_nami_users_with_one_external_id_the_newest_state_stays(
    harness: RunHarness,
) -> None:
    harness.run([change(5, 5, "yearly"), of_another_nami_user(change(2, 3, "monthly"))])
    assert harness.skips == [False, True]
    assert harness.skus(1) == ["yearly"]


def test_a_user_record_without_state_makes_nothing_late(harness: RunHarness) -> None:
    silent = without(as_of(9, "yearly"), NOTHING)
    harness.settings["extra_user_properties"] = ["namiml_user_id"]
    harness.run([silent, change(2, 5, "monthly"), silent, change(3, 7, "weekly")])
    harness.run([silent, change(4, 8, "yearly")])
    assert not any(harness.skips)
    assert harness.skus(1) == ["yearly"]
    known = harness.local.user_properties(nami.external_id(1)) or {}
    assert known["namiml_user_id"] == nami.identifier(2, 1)


def test_a_clock_that_is_wrong_freezes_no_user(harness: RunHarness) -> None:
    harness.run([change(2, 2, "wrong") | {"created_date": "2099-12-31T00:00:00Z"}])
    harness.run([change(3, 3, "monthly")])
    assert harness.skus(1) == ["monthly"]
    harness.run([as_of(4, "yearly")])
    assert harness.skus(1) == ["yearly"]
    harness.run([change(5, 3, "weekly")])
    assert harness.skus(1) == ["yearly"]


def test_a_clock_that_is_wrong_names_nobody_for_good(harness: RunHarness) -> None:
    other = {"external_ids": nami.user(7)["external_ids"]}
    too_late = change(2, 2, "wrong", **other) | {"created_date": "2150-01-01T00:00:00Z"}
    harness.run([too_late | other, change(3, 3, "monthly"), shown(4, 4)])
    assert {e.sent["user_id"] for e in harness.events} == {nami.external_id(1)}


# Nothing new


def test_two_nami_users_with_one_external_id_each_get_their_state(
    harness: RunHarness,
) -> None:
    here, there = as_of(3, "yearly"), of_another_nami_user(as_of(4, "monthly"))
    run = harness.run([here, there, as_of(5, "yearly")])
    assert run.report["delivered"] == 3
    assert harness.skus(1) == ["yearly"]


def test_a_part_of_what_was_sent_is_not_all_of_it(harness: RunHarness) -> None:
    on_a_device = change(2, 2, "monthly", **ANONYMOUS)
    part = change(3, 3, "monthly", **PARTIAL)
    run = harness.run([on_a_device, part, as_of(4, "monthly")])
    assert run.report["filtered"] == 0
    known = harness.local.user_properties(nami.external_id(1)) or {}
    assert known["namiml_in_trial_period"] is False


def test_old_state_that_was_let_through_is_what_was_sent(harness: RunHarness) -> None:
    harness.run(
        [change(2, 5, "yearly"), change(3, 4, "monthly"), as_of(6, "yearly")],
        stale_user_properties="send",
    )
    assert harness.skus(1) == ["yearly"]


ONE_BY_ONE = {"batch_size_rows": 1, "parallel_requests": 1}
FILLERS = [nami.impression(number) for number in range(1_000, 1_400)]
"""So many that what Amplitude says of the first event is known before the last is read.
"""
REFUSING = Faults(
    (
        Fault(
            do=Do(
                status=400,
                json={
                    "code": 400,
                    "error": "Invalid field values on some events",
                    "events_with_invalid_fields": {"time": [0]},
                },
            ),
            times=1,
        ),
    )
)


def test_what_amplitude_refused_is_sent_with_what_is_read_later(
    harness: RunHarness,
) -> None:
    harness.local.set_faults(REFUSING)
    run = harness.run(
        [change(2, 5, "yearly"), *FILLERS, as_of(6, "yearly")], **ONE_BY_ONE
    )
    assert run.report["rejected_by_reason"] == {"amplitude_invalid_field": 1}
    assert run.report["filtered"] == 0
    assert harness.skus(1) == ["yearly"]


def test_a_refused_event_still_makes_older_ones_late(harness: RunHarness) -> None:
    harness.local.set_faults(REFUSING)
    harness.run([change(2, 5, "yearly")])
    harness.run([change(3, 4, "monthly"), as_of(5, "yearly")])
    assert harness.skips == [True]
    assert harness.skus(1) == ["yearly"]


# Duplicates


def test_a_duplicate_sets_no_state(harness: RunHarness) -> None:
    first, second = change(2, 5, "first"), change(3, 5, "second")
    harness.run([first, second])
    run = harness.run([first, without(change(4, 6, None), NOTHING)])
    assert run.report["duplicate"] == 1
    assert harness.skus(1) == ["second"]


@pytest.mark.parametrize("event_id", [{}, {"id": None}], ids=["an id", "a hash"])
def test_a_duplicate_does_not_make_a_user_record_say_nothing_new(
    harness: RunHarness, event_id: Record
) -> None:
    event = without(change(2, 2, "monthly"), event_id)
    harness.run([event], api="batch", backfill=True)
    run = harness.run([event, as_of(3, "monthly")])
    assert run.report["duplicate"] == 1
    assert run.report["delivered"] == 1
    assert harness.skus(1) == ["monthly"]


def test_a_duplicate_still_identifies_its_user(harness: RunHarness) -> None:
    harness.run([change(2, 5, "yearly")])
    run = harness.run([change(2, 5, "yearly"), shown(3, 6)])
    assert run.report["duplicate"] == 1
    assert harness.events[-1].sent["user_id"] == nami.external_id(1)


@pytest.mark.parametrize("newest", [as_of(5, "yearly"), change(3, 5, "yearly")])
def test_what_crashed_runs_delivered_and_forgot_is_not_set_back(
    harness: RunHarness, newest: Record
) -> None:
    anonymous = as_of(4, "monthly", **ANONYMOUS)
    login = about(1, nami.impression(9, created_date=at(3)))
    login |= {"external_ids": nami.user(1)["external_ids"]}
    harness.run([anonymous, login, newest], memory_path="forgotten.db")
    harness.run([login])  # one that remembers no more than this
    harness.run([anonymous, login, newest])
    assert harness.skus(1) == ["yearly"]


# Whom a user record is for


def test_a_user_record_is_sent_again_when_its_user_has_another_name(
    harness: RunHarness,
) -> None:
    harness.settings["anonymous_users"] = "nami_user_id"
    record = as_of(5, "yearly", **ANONYMOUS)
    login = about(1, nami.impression(9, created_date=at(6)))
    harness.run([record])
    harness.run([login | {"external_ids": nami.user(1)["external_ids"]}, record])
    assert harness.skus_of(nami.identifier(2, 1)) == ["yearly"]
    assert harness.skus(1) == ["yearly"]


def test_a_user_record_is_sent_again_when_users_are_named_otherwise(
    harness: RunHarness,
) -> None:
    harness.run([as_of(5, "yearly")])
    harness.run([as_of(5, "yearly")], user_source="nami_user_id")
    assert harness.skus_of(nami.identifier(2, 1)) == ["yearly"]


def test_a_state_without_a_time_comes_back_also_after_a_refusal(
    harness: RunHarness,
) -> None:
    here, there, elsewhere = (
        nami.user(1, updated_at=None, active_entitlements=bought(sku))
        for sku in ("monthly", "yearly", "weekly")
    )
    harness.run([here])
    harness.run([there])
    harness.local.set_faults(REFUSING)
    run = harness.run([elsewhere, *FILLERS, here], **ONE_BY_ONE)
    assert run.report["rejected"] == 1
    assert harness.skus(1) == ["monthly"]


# Projects


def test_another_project_has_nothing_newer(harness: RunHarness) -> None:
    harness.run([change(2, 2, "monthly"), change(3, 5, "yearly")], api_key=ANOTHER_KEY)
    harness.run([change(2, 2, "monthly")])
    assert harness.arrived(API_KEY) == [nami.event_id(2)]
    assert harness.skips[-1] is False


def test_another_project_gets_an_older_user_record(harness: RunHarness) -> None:
    harness.run([change(3, 5, "yearly")], api_key=ANOTHER_KEY)
    harness.run([as_of(2, "monthly")])
    assert harness.skus(1) == ["monthly"]


def test_another_project_has_no_more_than_it_was_sent(harness: RunHarness) -> None:
    harness.run([change(2, 2, "monthly")], api_key=ANOTHER_KEY)
    run = harness.run([change(3, 3, "monthly", **PARTIAL), as_of(4, "monthly")])
    assert run.report["filtered"] == 0
    known = harness.local.user_properties(nami.external_id(1)) or {}
    assert known["namiml_in_trial_period"] is FLAGS["in_trial_period"]


def test_what_testers_have_is_no_state_of_the_main_project(harness: RunHarness) -> None:
    tested = change(2, 2, "test", purchase_env="sandbox")
    later = without(change(3, 3, "monthly"), NOTHING)
    harness.run([tested, later], sandbox_api_key=ANOTHER_KEY)
    [event] = (e for e in harness.events if e.project == project_of(API_KEY))
    assert "user_properties" not in event.sent


# What else there is to say


def test_a_property_that_is_switched_on_later_is_sent(harness: RunHarness) -> None:
    record = as_of(2, "monthly")
    harness.run([record])
    again = harness.run([record], extra_user_properties=["namiml_subscription_status"])
    assert again.report["filtered"] == 0
    known = harness.local.user_properties(nami.external_id(1)) or {}
    assert known["namiml_subscription_status"] == "active"


def test_an_event_that_failed_is_not_taken_for_a_copy_of_a_user_record(
    harness: RunHarness,
) -> None:
    event = change(2, 2, "monthly")
    timeless = as_of(2, "monthly") | {"updated_at": None}
    harness.local.set_faults(REFUSING)
    harness.run([event])
    harness.local.set_faults(Faults())
    harness.run([timeless])
    again = harness.run([event])
    assert again.report["delivered"] == 1
    assert harness.arrived(API_KEY) == [nami.event_id(2)]
