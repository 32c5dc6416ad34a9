"""A person's records in a rejects file are found in any shape, and no one else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.singer.reject_lines import (
    digest,
    unreadable_line,
    with_reason,
)
from target_amplitude_nami.singer.rejects_erasing import RejectsEraser
from tests.support import nami, singer

ONE, OTHER = 1, 2
PERSON = Person(
    Ids([nami.identifier(2, ONE)]),
    Ids([nami.external_id(ONE)]),
    Ids([nami.device_id(ONE)]),
    user_ids=Ids([nami.external_id(ONE)]),
)


def eraser(person: Person = PERSON) -> RejectsEraser:
    return RejectsEraser(person, Settings.load({"dry_run": True}), separator="__")


def reject(record: dict[str, Any]) -> bytes:
    line = singer.record("events", record)
    return with_reason(line.strip(), Refusal("reason", "field", "detail"), "n") + b"\n"


def upper(record: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a warehouse: upper case, and JSON text in its columns."""
    return {
        name.upper(): json.dumps(value) if isinstance(value, list | dict) else value
        for name, value in record.items()
    }


@pytest.mark.parametrize(
    "shape",
    [
        lambda record: record,
        upper,
        lambda record: {"payload": json.dumps(record)},
        lambda record: {"data": record},
        lambda record: record | {"created_date": "never"},  # cannot be read
        lambda record: upper(record) | {"CREATED_DATE": None},
        lambda record: {"payload": json.dumps(record | {"created_date": 1.5e300})},
        lambda record: record | {"user_id": record["user_id"].upper()},
    ],
    ids=[
        "webhook",
        "warehouse",
        "JSON in a column",
        "object in a column",
        "bad time",
        "no time in a warehouse",
        "bad time in JSON",
        "upper case",
    ],
)
def test_their_records_go_in_any_shape(shape: Any) -> None:
    lines = [
        singer.schema("events"),
        reject(shape(nami.subscription(OTHER))),
        reject(shape(nami.subscription(ONE))),
        reject(shape(nami.impression(ONE))),
    ]
    erasing = eraser()
    assert erasing.count(lines) == 2
    assert [*erasing.without_person(lines)] == lines[:2]
    assert erasing.erased == [digest(line.strip()) for line in lines[2:]]


def test_a_device_counts_where_no_other_user_is_named() -> None:
    device = nami.device_id(ONE)
    lines = [
        reject(nami.impression(OTHER, device_id=device)),
        reject(nami.impression(OTHER, device_id=device, created_date="never")),
        reject(nami.impression(OTHER, device_id=device, user_id=None)),
    ]
    assert [*eraser().without_person(lines)] == lines[:2]


def test_a_record_that_names_no_user_is_theirs_by_any_column() -> None:
    unnamed: dict[str, Any] = {"user_id": None, "device_id": None}
    lines = [
        reject(nami.impression(OTHER, customer=nami.external_id(OTHER), **unnamed)),
        reject(nami.impression(OTHER, customer=nami.external_id(ONE))),
        reject(nami.impression(OTHER, customer=nami.external_id(ONE), **unnamed)),
        reject(nami.impression(OTHER, customer=nami.external_id(ONE), user_id=None)),
    ]
    assert [*eraser().without_person(lines)] == lines[:2]


def test_an_external_id_that_is_anothers_nami_user_id_names_one_of_them() -> None:
    person = Person(Ids(["nami"]), Ids(["x"]), user_ids=Ids(["x", "nami"]))
    lines = [
        reject(nami.impression(OTHER, user_id="x")),
        reject(nami.impression(OTHER, user_id="x", created_date="never")),
        reject(nami.impression(OTHER, user_id="x1")),
        reject(nami.impression(OTHER, user_id=None, external_id="x")),
        reject(nami.impression(OTHER, user_id="nami")),
    ]
    assert [*eraser(person).without_person(lines)] == lines[:3]


@pytest.mark.parametrize("odd", ['a"b\\c', "ü/🎧", "1" * 18, "a\nb"])
def test_ids_may_have_any_characters(odd: str) -> None:
    person = Person(external_ids=Ids([odd]))
    lines = [
        reject(nami.impression(OTHER)),
        reject(nami.impression(OTHER, external_id=odd)),
        reject(nami.impression(OTHER, external_id=odd, created_date="never")),
        unreadable_line(json.dumps({"a": odd}).encode() + b",") + b"\n",
        unreadable_line(json.dumps({"a": odd}, ensure_ascii=False).encode() + b",")
        + b"\n",
    ]
    assert [*eraser(person).without_person(lines)] == lines[:1]


def test_numbers_are_ids_as_well() -> None:
    person = Person(external_ids=Ids(["12345"]))
    lines = [
        reject(nami.impression(OTHER, external_id=12345)),
        reject(nami.impression(OTHER, external_id=12345.0, created_date="never")),
        reject(nami.impression(OTHER, external_id=123456)),
    ]
    assert [*eraser(person).without_person(lines)] == lines[2:]


@pytest.mark.parametrize(
    "line",
    [
        unreadable_line(b'{"half ' + nami.external_id(ONE).encode()),
        unreadable_line(
            singer.record("e", nami.subscription(ONE)).strip().removesuffix(b"}")
        ),
        b'{"type":"RECORD","stream":"e","record":{"id":"'
        + nami.device_id(ONE).encode(),
        nami.identifier(2, ONE).upper().encode(),
        json.dumps({"type": "RECORD", "user": nami.external_id(ONE)}).encode(),
    ],
)
def test_what_cannot_be_read_goes_when_it_names_them(line: bytes) -> None:
    other = line.replace(b"00000001", b"00000002")
    assert other != line
    assert [*eraser().without_person([line + b"\n", other + b"\n"])] == [other + b"\n"]


def test_a_schema_without_a_line_after_it_goes_and_places_are_reported() -> None:
    schema, other = singer.schema("events"), reject(nami.impression(OTHER))
    theirs = reject(nami.impression(ONE))
    erasing = eraser()
    assert [*erasing.without_person([schema, theirs, other, other, schema])] == [
        schema,
        other,
        other,
    ]
    assert erasing.moves == [(len(schema) + len(theirs), len(theirs))]


def test_nothing_stays_of_a_file_that_was_theirs_alone() -> None:
    lines = [singer.schema("events"), reject(nami.impression(ONE))]
    assert [*eraser().without_person(lines)] == []


def test_columns_of_a_schema_say_what_a_record_is() -> None:
    # Without an event type, the record is one of a table of events all the same.
    definition = {"type": "object", "properties": {"event_type": {"type": "string"}}}
    record = nami.impression(OTHER, event_type=None, external_id=nami.external_id(ONE))
    lines = [singer.schema("events", definition), reject(record)]
    assert [*eraser().without_person(lines)] == []
