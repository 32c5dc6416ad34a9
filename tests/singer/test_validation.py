"""Records are checked against the schema of their stream."""

from __future__ import annotations

from typing import Any

import pytest

from target_amplitude_nami.jsontext import NOT_FINITE
from target_amplitude_nami.singer.validation import RecordValidator


@pytest.mark.parametrize(
    ("properties", "record"),
    [
        ({"at": {"type": "string", "format": "date-time"}}, {"at": "no date"}),
        ({"at": {"type": ["string", "null"]}}, {"at": None}),
        ({"n": {"$ref": "#/$defs/whole"}}, {"n": 10**30}),
        ({}, {"anything": [{}]}),
    ],
)
def test_a_record_that_fits_passes(
    properties: dict[str, Any], record: dict[str, Any]
) -> None:
    definitions = {"whole": {"type": "integer"}}
    schema = {"type": "object", "properties": properties, "$defs": definitions}
    assert RecordValidator(schema).fits(record)


@pytest.mark.parametrize(
    ("schema", "record", "detail"),
    [
        ({"properties": {"n": {"type": "integer"}}}, {"n": "x"}, "n: "),
        (
            {
                "properties": {
                    "d": {"items": {"properties": {"id": {"type": "string"}}}}
                }
            },
            {"d": [{"id": "1"}, {"id": 2}]},
            "d.1.id: ",
        ),
        ({"required": ["id"]}, {}, 'the record: "id" is a required property'),
    ],
)
def test_a_violation_names_the_place_in_the_record(
    schema: dict[str, Any], record: dict[str, Any], detail: str
) -> None:
    validator = RecordValidator({"type": "object"} | schema)
    assert not validator.fits(record)
    violation = validator.violation(record)
    assert violation.reason == "schema_violation"
    assert violation.detail.startswith(detail)


@pytest.mark.parametrize("layers", [1, 199])
def test_a_record_as_deep_as_a_line_may_hold_is_checked(layers: int) -> None:
    record: dict[str, Any] = {}
    for _ in range(layers):
        record = {"in": record}
    assert RecordValidator({"properties": {"in": {"type": "object"}}}).fits(record)
    assert not RecordValidator({"properties": {"in": {"type": "array"}}}).fits(record)


def test_a_number_that_is_not_finite_is_the_reason_before_any_other() -> None:
    validator = RecordValidator({"properties": {"n": {"type": "string"}}})
    assert validator.violation({"n": NOT_FINITE}).reason == "number_not_finite"


@pytest.mark.parametrize("schema", [{"type": "thing"}, {"pattern": "("}])
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"thing|regex"):
        RecordValidator(schema)
