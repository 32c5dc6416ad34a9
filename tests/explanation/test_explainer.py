"""What an explanation says: shape, filter, identity, freshness, checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.explanation.advice import OF_FILTERED, OF_REJECTED
from target_amplitude_nami.explanation.case import Seen
from target_amplitude_nami.explanation.explainer import Place, explain
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.store.profiles import UNKNOWN_USER
from tests.explanation.cases import case_of, explained
from tests.support.records import (
    EXTERNAL_ID,
    impression,
    transaction,
    user,
    user_event,
    without,
)
from tests.support.shapes import SHAPES, SOURCES, json_text

if TYPE_CHECKING:
    from target_amplitude_nami.explanation.model import Explanation, Field

REPORT_PAGE = Path(__file__).parents[2] / "docs" / "report.md"
RENEWED = "user.subscription.renewed"
KNOWN = UNKNOWN_USER.with_external_id(EXTERNAL_ID, 0)
T = 1_716_944_231_227
"""The time of `user_event`, ms."""


def field(explanation: Explanation, name: str) -> Field:
    [found] = [each for each in explanation.fields if each.name == name]
    return found


@pytest.mark.parametrize(
    ("shape", "column", "form"),
    [
        ("nested", None, None),
        (
            "text in payload",
            "payload",
            "the webhook is JSON text in the column payload",
        ),
        ("object in data", "data", "the webhook is an object in the column data"),
        (
            "PAYLOAD__A columns",
            "payload",
            "the webhook lies in columns that begin with payload__",
        ),
        ("a__b columns", None, "objects flattened into columns of their own"),
        ("UPPER CASE columns", None, "columns in UPPER CASE"),
        ("JSON text in columns", None, "objects and arrays as JSON text"),
        ("ready-made columns", None, "ready-made namiml_* columns"),
        ("typed row", None, "values typed as DynamoDB does"),
        (
            "list of element",
            None,
            "lists in the wrappers of a file format (element, list)",
        ),
    ],
)
def test_the_shape_of_a_record_is_named(
    shape: str, column: str | None, form: str | None
) -> None:
    found = explained(SHAPES[shape](user_event())).shape
    assert found is not None
    assert found.column == column
    assert form in found.forms if form else found.forms == ()


@pytest.mark.parametrize("name", [*SHAPES, *SOURCES])
def test_no_shape_of_an_event_or_a_user_stops_an_explanation(name: str) -> None:
    shape = (SHAPES | SOURCES)[name]
    for record, kind in ((impression(), "event"), (user(), "user")):
        found = explained(shape(record)).shape
        assert found is not None
        assert found.kind == kind


def test_a_webhook_encoded_twice_is_named_so() -> None:
    found = explained({"body": json_text(json_text(user_event()))}).shape
    assert found is not None
    assert found.forms == (
        "the webhook is JSON text within JSON text in the column body",
    )


def test_columns_without_effect_are_listed() -> None:
    found = explained(SHAPES["metadata beside"](user_event())).shape
    assert found is not None
    assert set(found.unused) >= {"_sdc_extracted_at", "_sdc_sequence"}


@pytest.mark.parametrize(
    ("record", "config", "what"),
    [
        (user_event(), {"events": ["*"]}, f'"*" in `events` chooses {RENEWED}'),
        (
            user_event(),
            {"events": ["device.*", "user.sub*", RENEWED]},
            f'"user.sub*", "{RENEWED}" in `events` chooses {RENEWED}',
        ),
        (
            user_event(),
            {"events": ["device.*"]},
            f'nothing in `events` ("device.*") chooses {RENEWED}',
        ),
        (
            user_event(),
            {"event_names": [{"event": RENEWED, "name": ""}]},
            f"`event_names` gives {RENEWED} an empty name: do not send",
        ),
        (
            user_event(),
            {"start_date": "2024-06-01"},
            "it happened at 2024-05-29 00:57:11.227 UTC, before 2024-06-01",
        ),
        (
            transaction(purchase_env="sandbox"),
            {"sandbox_purchases": "skip"},
            "it is not from production, as purchase_env says",
        ),
        (user(), {}, "user records are sent whatever `events` says"),
    ],
)
def test_the_filter_names_what_decides(
    record: dict[str, Any], config: dict[str, Any], what: str
) -> None:
    decisions = explained(record, config).filter
    assert decisions[-1].what.startswith(what)
    words = ("nothing in", "empty name", "before", "is not from")
    assert decisions[-1].passed == (not any(word in what for word in words))


def test_a_renamed_event_says_by_which_settings() -> None:
    names = [{"event": RENEWED, "name": "Renewed"}]
    found = field(
        explained(user_event(), {"event_names": names, "event_prefix": "Nami "}),
        "event_type",
    )
    assert (found.value, found.how) == ('"Nami Renewed"', "renamed")
    assert found.note == "named by `event_names` and `event_prefix`"
    assert [source.path for source in found.sources] == ["event_type"]


@pytest.mark.parametrize(
    ("record", "config", "known", "why"),
    [
        (user_event(), {}, UNKNOWN_USER, "and the record has an External ID"),
        (
            user_event(external_ids=[]),
            {},
            KNOWN,
            "the External ID of its Nami user is known from the file of `memory_path`",
        ),
        (
            user_event(),
            {"user_source": "nami_user_id"},
            UNKNOWN_USER,
            "the user is Nami's own user id",
        ),
        (
            user_event(external_ids=[]),
            {"anonymous_users": "device"},
            UNKNOWN_USER,
            "`anonymous_users` is device: the event names the device alone",
        ),
        (
            user_event(external_ids=[]),
            {"anonymous_users": "skip"},
            UNKNOWN_USER,
            "`anonymous_users` is skip: the record is left out",
        ),
        (
            user_event(external_ids=[]),
            {"anonymous_users": "hold", "memory_path": "memory.db"},
            UNKNOWN_USER,
            "the record waits until a record of its user brings one",
        ),
    ],
)
def test_the_identity_says_why(
    record: dict[str, Any], config: dict[str, Any], known: Any, why: str
) -> None:
    found = explained(record, config, known=known).identity
    assert found is not None
    assert why in " ".join(found.why)


def test_a_user_id_known_before_comes_from_no_part_of_the_record() -> None:
    found = field(explained(user_event(external_ids=[]), known=KNOWN), "user_id")
    assert (found.how, found.sources) == ("known", ())


def test_a_state_known_before_is_named_as_such() -> None:
    state = UserState(active_skus=["radio"])
    known = KNOWN.with_state(state, T - 1)
    record = without(
        user_event(), "active_entitlements", "customer_journey_state", "devices"
    )
    explanation = explained(record, known=known, newest_sent=T - 1)
    assert field(explanation, "user_properties.namiml_active_skus").how == "known"
    assert any("it carries the known one" in line for line in explanation.freshness)


@pytest.mark.parametrize(
    ("config", "newest", "says", "skips"),
    [
        ({}, None, "no state of this user was seen before", False),
        ({}, T - 1, "not newer than this record", False),
        ({}, T + 1, "keeps it from replacing newer state", True),
        (
            {"stale_user_properties": "send"},
            T + 1,
            "`stale_user_properties` is send",
            False,
        ),
        ({"backfill": True}, T - 1, "`backfill` is on", True),
    ],
)
def test_freshness_says_whether_user_properties_change(
    config: dict[str, Any], newest: int | None, says: str, *, skips: bool
) -> None:
    explanation = explained(user_event(), config, newest_sent=newest)
    assert says in " ".join(explanation.freshness)
    names = [each.name for each in explanation.fields]
    assert ("$skip_user_properties_sync" in names) == skips


def test_revenue_comes_from_the_amount_and_its_currency_from_the_locale() -> None:
    explanation = explained(without(transaction(), "currency"))
    paths = {
        each.name: [source.path for source in each.sources]
        for each in explanation.fields
    }
    assert paths["revenue"] == ["amount"]
    assert paths["revenueType"] == ["amount"]
    assert paths["currency"] == ["locale"]
    assert paths["productId"] == ["sku"]


def test_values_are_those_of_the_final_bytes() -> None:
    explanation = explained(transaction(name="ü" * 2000))
    assert field(explanation, "event_properties.name").value == f'"{"ü" * 1024}"'
    assert "texts cut to 1,024 characters: 1" in [c.what for c in explanation.checks]


def test_excluded_properties_are_named() -> None:
    explanation = explained(transaction(), {"exclude_properties": ["loc*"]})
    assert explanation.notes == ("`exclude_properties` leaves out locale.",)


def test_a_check_that_fails_says_where_the_value_stands() -> None:
    case = case_of(user_event(external_ids=[{"key": "external_id", "value": "1042"}]))
    refusal = Refusal("user_id_too_short", "user_id", "the user_id '1042' has …")
    seen = Seen(outcome="rejected", reason=refusal.reason, refusal=refusal)
    explanation = explain(case, seen, place=Place("input", 2, 0, "events"))
    assert explanation.reject is not None
    [found] = explanation.reject.found
    assert (found.path, found.value) == ("external_ids[0].value", '"1042"')
    assert [check.passed for check in explanation.checks] == [False]


def test_every_reason_of_the_report_has_its_advice() -> None:
    _, filtered, rejected = re.split(
        "^### Of .+ records$", REPORT_PAGE.read_text("utf-8"), flags=re.MULTILINE
    )
    for page, advice in ((filtered, OF_FILTERED), (rejected, OF_REJECTED)):
        rows = re.findall(r"^\| (`\w+`.*?) \|", page, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(advice)


def test_a_large_record_is_explained_without_taking_it_apart() -> None:
    rows = [{"number": number, "text": "x" * 40} for number in range(8_000)]
    explanation = explained(impression(rows=rows, note="small"))
    assert field(explanation, "event_properties.note").sources
    assert msgspec.to_builtins(explanation)["outcome"] == "sent"


def test_a_wide_record_is_traced_column_by_column_all_the_same() -> None:
    columns = {f"column_{number}": f"{number:x}" for number in range(1_000)}
    explanation = explained(transaction(**columns, _sdc_sequence=1))
    for name in (*columns, "amount", "locale"):
        [source] = field(explanation, f"event_properties.{name}").sources
        assert source.path == name
    assert explanation.shape is not None
    assert explanation.shape.unused == ("_sdc_sequence",)
