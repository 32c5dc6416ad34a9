"""Each finding is there where something is wrong, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from target_amplitude_nami.local.queries.findings.finding import (
    RANKS,
    Severity,
    percent,
    quoted,
)
from target_amplitude_nami.local.run_note import RunNote
from tests.local.bench import event, without
from tests.local.queries.findings.finding_out import (
    IMPRESSION,
    NOW,
    RENEWED,
    STATE,
    about_user,
    finding,
    found_by,
    good,
    paid,
)

if TYPE_CHECKING:
    from tests.local.bench import Bench
    from tests.local.conftest import MakeBench

DAY = 86_400_000
ANONYMOUS = without("user_id", event_type=RENEWED, user_properties=STATE)
EMPTY: dict[str, Any] = {"namiml_active_entitlements": [], "namiml_active_skus": []}


def people(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Return a user event of each of so many users."""
    return [
        about_user(user_id=f"user-{n}", device_id=f"device-{n}", **fields)
        for n in range(count)
    ]


class Case(NamedTuple):
    """Events with which a finding is there, and the good in whose place it is."""

    key: str
    severity: Severity
    concerned: int
    of: int | None
    wrong: list[dict[str, Any]]
    right: list[dict[str, Any]]
    good: str


PROBLEM, WARNING, NOTE = Severity.PROBLEM, Severity.WARNING, Severity.NOTE
LATER = about_user(time=NOW - DAY)
EARLIER = about_user({**STATE, "namiml_in_trial_period": True}, time=NOW - 2 * DAY)
SKIPPED = {**EARLIER, "$skip_user_properties_sync": True}
MIXED = [paid(), {**paid(), "event_properties": {"amount": "9.99"}}]
REVENUE: dict[str, Any] = {"revenue": 9.99, "currency": "EUR"}

CASES = [
    Case(
        "user_events_without_id",
        WARNING,
        1,
        2,
        [ANONYMOUS, about_user(device_id="device-2")],
        [about_user()],
        "user_events_with_id",
    ),
    Case(
        "device_events_without_id",
        NOTE,
        1,
        1,
        [without("user_id", event_type=IMPRESSION)],
        [event(event_type=IMPRESSION)],
        "device_events_with_id",
    ),
    Case(
        "devices_of_several_users",
        WARNING,
        1,
        None,
        [about_user(), about_user(user_id="user-2")],
        people(2),
        "devices_of_one_user",
    ),
    Case(
        "nami_users_with_several_ids",
        WARNING,
        1,
        None,
        people(2, state={**STATE, "namiml_user_id": "nami-1"}),
        [about_user({**STATE, "namiml_user_id": f"nami-{n}"}) for n in range(2)],
        "nami_users_with_one_id",
    ),
    Case(
        "user_properties_never_sent",
        WARNING,
        7,
        8,
        [about_user({"namiml_active_skus": []})],
        [about_user()],
        "complete",
    ),
    Case(
        "user_properties_missing",
        WARNING,
        1,
        3,
        [
            about_user(),
            about_user(),
            about_user({n: v for n, v in STATE.items() if n != "namiml_device_ids"}),
        ],
        [about_user()],
        "complete",
    ),
    Case(
        "user_properties_of_wrong_type",
        PROBLEM,
        1,
        2,
        [about_user(), about_user({**STATE, "namiml_in_trial_period": "false"})],
        [about_user()],
        "complete",
    ),
    Case(
        "user_properties_always_empty",
        WARNING,
        2,
        8,
        people(50, state={**STATE, **EMPTY}),
        [*people(50, state={**STATE, **EMPTY}), about_user()],
        "complete",
    ),
    Case(
        "older_state_won",
        PROBLEM,
        1,
        2,
        [LATER, EARLIER],
        [LATER, SKIPPED],
        "newest_state_wins",
    ),
    Case(
        "events_in_the_future",
        PROBLEM,
        1,
        2,
        [about_user(), about_user(time=NOW + 2 * DAY)],
        [about_user(time=NOW + DAY // 2)],
        "likely_times",
    ),
    Case(
        "events_before_2008",
        WARNING,
        1,
        1,
        [about_user(time=1_700_000_000)],
        [about_user(time=1_199_145_600_000)],
        "likely_times",
    ),
    Case(
        "unknown_event_types",
        WARNING,
        1,
        2,
        [event(event_type="user.login"), about_user()],
        [about_user(), event(event_type=f"Nami {IMPRESSION}")],
        "known_event_types",
    ),
    Case(
        "duplicates_dropped",
        NOTE,
        1,
        2,
        [about_user(insert_id="one"), about_user(insert_id="one")],
        [about_user(insert_id="one"), about_user(insert_id="two")],
        "no_duplicates",
    ),
    Case(
        "properties_of_several_types",
        WARNING,
        1,
        3,
        MIXED,
        [paid(), paid()],
        "properties_of_one_type",
    ),
    Case(
        "revenue_without_currency",
        PROBLEM,
        1,
        2,
        [paid(**REVENUE), paid(revenue=1)],
        [paid(**REVENUE)],
        "revenue",
    ),
    Case(
        "sandbox_revenue",
        PROBLEM,
        1,
        2,
        [paid(**REVENUE), paid(env="sandbox", **REVENUE)],
        [paid(**REVENUE)],
        "revenue",
    ),
    Case(
        "sandbox_beside_production",
        WARNING,
        1,
        2,
        [paid(**REVENUE), paid(env="sandbox")],
        [paid(**REVENUE)],
        "revenue",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.key for case in CASES])
def test_a_finding_counts_what_is_wrong(bench: Bench, case: Case) -> None:
    bench.send(*case.wrong)
    found = finding(bench, case.key)
    assert found is not None
    assert (found.severity, found.count, found.of) == (
        case.severity,
        case.concerned,
        case.of,
    )
    assert case.good not in good(bench)


@pytest.mark.parametrize("case", CASES, ids=[case.key for case in CASES])
def test_where_nothing_is_wrong_it_says_what_was_found_good(
    bench: Bench, case: Case
) -> None:
    bench.send(*case.right)
    assert finding(bench, case.key) is None
    assert case.good in good(bench)


def test_a_refused_request_is_a_finding_that_links_to_its_list(bench: Bench) -> None:
    bench.send(about_user())
    assert "no_request_refused" in good(bench)
    bench.send({"event_type": "nobody's"})
    found = finding(bench, "requests_refused")
    assert found is not None
    assert (found.count, found.of) == (1, 2)
    assert found.evidence == "#/requests?status=refused"


def test_a_type_beyond_the_limit_of_a_project_is_a_problem(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(event_types=1)
    bench.send(about_user(), event(event_type=IMPRESSION))
    found = finding(bench, "event_types_beyond_limit")
    assert found is not None
    assert (found.severity, found.count, found.of) == (PROBLEM, 1, 2)


def test_without_any_event_there_is_nothing_to_trust(bench: Bench) -> None:
    found = found_by(bench)
    assert [each.key for each in found.findings] == ["no_events"]
    assert found.has_problem
    assert found.good == []


def test_a_file_without_user_events_says_nothing_of_subscriptions(bench: Bench) -> None:
    bench.send(event(event_type=IMPRESSION))
    found = finding(bench, "no_user_events")
    assert found is not None
    assert (found.severity, found.count, found.of) == (WARNING, 1, 1)
    bench.send(about_user())
    assert finding(bench, "no_user_events") is None


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        (
            [{"namiml_in_trial_period": "true"}],
            "`namiml_in_trial_period` is of the wrong type in 1 user event",
        ),
        (
            [{"namiml_in_trial_period": "true", "namiml_active_skus": "sku"}],
            (
                "`namiml_active_skus` and `namiml_in_trial_period` are of the wrong "
                "type, each in 1 user event"
            ),
        ),
        (
            [
                {"namiml_in_trial_period": "true", "namiml_active_skus": "sku"},
                {"namiml_in_trial_period": "true"},
            ],
            (
                "`namiml_active_skus` and `namiml_in_trial_period` are of the wrong "
                "type, each in up to 2 user events"
            ),
        ),
    ],
)
def test_values_of_the_wrong_type_are_counted_in_words(
    bench: Bench, properties: list[dict[str, str]], text: str
) -> None:
    bench.send(*[about_user(each) for each in properties])
    found = finding(bench, "user_properties_of_wrong_type")
    assert found is not None
    assert found.text.startswith(f"{text}: ")


def test_user_events_that_all_lack_an_id_are_a_problem(bench: Bench) -> None:
    bench.send(ANONYMOUS, ANONYMOUS)
    found = finding(bench, "user_events_without_id")
    assert found is not None
    assert found.severity is PROBLEM
    assert found.text.startswith("All 2 user events carry no user id: ")


def test_eight_properties_that_never_come_are_a_problem(bench: Bench) -> None:
    bench.send(about_user({}))
    found = finding(bench, "user_properties_never_sent")
    assert found is not None
    assert (found.severity, found.count) == (PROBLEM, 8)


def test_a_device_of_a_crowd_is_a_problem(bench: Bench) -> None:
    bench.send(*(about_user(user_id=f"user-{n}") for n in range(11)))
    found = finding(bench, "devices_of_several_users")
    assert found is not None
    assert found.severity is PROBLEM
    assert "1 device has several user ids, one of them 11" in found.text


def test_flags_that_never_change_are_worth_a_note_once_there_are_enough(
    bench: Bench,
) -> None:
    bench.send(*people(49))
    assert finding(bench, "user_properties_always_equal") is None
    bench.send(about_user())
    found = finding(bench, "user_properties_always_equal")
    assert found is not None
    assert (found.severity, found.count) == (NOTE, 4)
    bench.send(about_user({**STATE, "namiml_in_trial_period": True}))
    found = finding(bench, "user_properties_always_equal")
    assert found is not None
    assert found.count == 3
    assert "namiml_in_trial_period" not in found.text


def test_revenue_in_several_currencies_is_worth_a_note(bench: Bench) -> None:
    bench.send(paid(**REVENUE))
    assert finding(bench, "several_currencies") is None
    bench.send(paid(revenue=5, currency="USD"))
    found = finding(bench, "several_currencies")
    assert found is not None
    assert "2 currencies (EUR, USD)" in found.text


def test_amounts_that_are_no_revenue_are_worth_a_note(bench: Bench) -> None:
    bench.send(paid())
    found = finding(bench, "no_revenue")
    assert found is not None
    assert "1 transaction names an amount" in found.text
    assert "`revenue` to `transactions`" in found.advice
    bench.send(paid(**REVENUE))
    assert finding(bench, "no_revenue") is None


@pytest.mark.parametrize(
    ("names", "prefix", "event_type", "is_known"),
    [
        ({}, "", IMPRESSION, True),
        ({IMPRESSION: "Paywall seen"}, "", "Paywall seen", True),
        ({IMPRESSION: "Paywall seen"}, "Nami: ", "Nami: Paywall seen", True),
        ({}, "Nami: ", f"Nami: {IMPRESSION}", True),
        ({}, "", "Paywall seen", False),
        ({}, "", f"Other: {IMPRESSION}", False),
    ],
)
def test_the_names_that_a_run_noted_are_no_unknown_types(
    bench: Bench,
    names: dict[str, str],
    prefix: str,
    event_type: str,
    is_known: bool,  # noqa: FBT001 - a column of the table
) -> None:
    bench.store.note_run(RunNote(event_prefix=prefix, event_names=names))
    bench.send(event(event_type=event_type))
    assert (finding(bench, "unknown_event_types") is None) == is_known


def test_a_run_that_noted_it_has_external_ids(bench: Bench) -> None:
    bench.store.note_run(RunNote(user_source="external_id"))
    bench.send(ANONYMOUS, about_user())
    found = finding(bench, "user_events_without_id")
    assert found is not None
    assert found.text.startswith("50 % of user events (1 of 2) carry no External ID: ")


def test_the_worst_come_first_and_among_equals_the_largest_share(bench: Bench) -> None:
    bench.send(
        *(paid(env="sandbox", **REVENUE), paid(**REVENUE), paid(revenue=1)),
        *(ANONYMOUS, about_user(device_id="device-2"), about_user(time=1)),
        *(about_user(insert_id="one"), about_user(insert_id="one")),
    )
    found = found_by(bench).findings
    ranks = [(RANKS[each.severity], -(each.share or 0)) for each in found]
    assert ranks == sorted(ranks)
    assert {each.severity for each in found} == set(Severity)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (3, 3, "100 %"),
        (999, 1_000, "Over 99 %"),
        (37, 100, "37 %"),
        (2, 3, "67 %"),
        (1, 1_000, "Under 1 %"),
    ],
)
def test_a_share_never_rounds_to_all_or_nothing(
    part: int, whole: int, text: str
) -> None:
    assert percent(part, whole) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "`a`"),
        (["a", "b"], "`a` and `b`"),
        (["a", "b", "c"], "`a`, `b` and `c`"),
        (list("abcdef"), "`a`, `b`, `c`, `d`, `e` and 1 other"),
        (list("abcdefg"), "`a`, `b`, `c`, `d`, `e` and 2 others"),
        (["n" * 61], f"`{'n' * 59}…`"),
    ],
)
def test_long_lists_of_names_are_cut(names: list[str], text: str) -> None:
    assert quoted(names) == text
