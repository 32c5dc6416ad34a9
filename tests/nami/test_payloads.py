"""The webhook is found in any column that holds it, and never missed in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.records import NamiEvent, NamiUser, RecordReader
from tests.support.records import (
    EXTERNAL_ID,
    OTHER_DEVICE,
    Record,
    device,
    external_ids,
    impression,
    user,
    user_event,
    without,
)
from tests.support.shapes import camel_case, json_text, typed_row, with_keys

if TYPE_CHECKING:
    from collections.abc import Callable

ROW: Record = {"id": 5, "received_at": "2024-05-29T00:57:13Z", "source": "nami"}
"""What a landing table has beside the webhook."""


def read(record: Record, **more: Any) -> NamiEvent | NamiUser | None:
    """Read a record with the plan for its columns, if there is one, and without."""
    found = RecordReader("stream", **more).read(record)
    assert repr(RecordReader("stream", **more).read_any(record)) == repr(found)
    return found


def event(record: Record, **more: Any) -> NamiEvent:
    found = read(record, **more)
    assert isinstance(found, NamiEvent)
    return found


def refused(reader: RecordReader, record: Record) -> UnreadableRecord:
    with pytest.raises(UnreadableRecord) as caught:
        reader.read(record)
    return caught.value


def reader_after_an_event(column: str = "payload") -> RecordReader:
    reader = RecordReader("stream")
    assert isinstance(reader.read(ROW | {column: json_text(user_event())}), NamiEvent)
    return reader


@pytest.mark.parametrize(
    "column",
    ["payload", "message", "document", "webhook", "_airbyte_data", "Anything", "RAW"],
)
@pytest.mark.parametrize(
    "body",
    {
        "object": user_event(),
        "text": json_text(user_event()),
        "text within text": json_text(json_text(user_event())),
        "a byte order mark": "\ufeff" + json_text(user_event()),
        "white space around": f" \n{json_text(user_event())}\r\n",
        "UPPER CASE": with_keys(str.upper)(user_event()),
        "camelCase": with_keys(camel_case)(without(user_event(), "event_platform")),
        "typed": typed_row(user_event()),
        "a typed map": {"M": typed_row(user_event())},
        "deeper": {"offset": 7, "value": json_text(user_event())},
        "deeper still": {"Records": {"body": {"detail": user_event()}}},
    }.items(),
    ids=lambda body: body[0],
)
def test_any_column_that_holds_an_event_type_is_the_webhook(
    column: str, body: tuple[str, object]
) -> None:
    found = event(ROW | {column: body[1]})

    assert found.event_id == event(user_event()).event_id
    assert found.state == event(user_event()).state
    assert found.external_id == EXTERNAL_ID


def test_a_record_that_is_an_event_itself_keeps_its_columns() -> None:
    record = user_event(message=json_text(impression()))

    assert event(record).event_type == "user.subscription.renewed"
    assert event(record).properties["message"]["event_type"] == "device.impression"


BESIDE: Record = {
    "event_id": "beside",
    "event_type": "user.subscription.renewed",
    "created_date": "2024-05-29T00:57:12Z",
    "user_id": "beside",
}
"""Fields of the webhook that a landing table gives columns of their own."""


@pytest.mark.parametrize("column", ["payload", "_airbyte_data", "RAW"])
@pytest.mark.parametrize("event_type", [BESIDE["event_type"], "", " ", "webhook.sent"])
@pytest.mark.parametrize("body", [user_event(), json_text(json_text(user_event()))])
def test_the_webhook_counts_also_beside_columns_of_its_own_fields(
    column: str, event_type: str, body: object
) -> None:
    row = BESIDE | {"event_type": event_type, column: body}

    assert event(row) == event(user_event())
    assert RecordReader("s").event_type_of(row) == "user.subscription.renewed"


def test_an_object_that_is_no_whole_webhook_is_a_property() -> None:
    record = user_event(data={"event_type": "user.subscription.renewed"})

    assert event(record).properties["data"] == {
        "event_type": "user.subscription.renewed"
    }


@pytest.mark.parametrize(
    ("column", "body"),
    [
        ("value", {"before": user_event(name="old"), "after": user_event()}),
        (
            "dynamodb",
            {
                "OldImage": typed_row(user_event(name="old")),
                "NewImage": typed_row(user_event()),
            },
        ),
    ],
)
def test_a_row_before_and_after_its_change_is_refused(
    column: str, body: Record
) -> None:
    error = refused(RecordReader("stream"), {column: body})

    assert (error.reason, error.field) == ("not_understood", column)
    assert ", ".join(body) in error.detail


@pytest.mark.parametrize(
    "value",
    [
        {"events": [user_event(), impression()]},
        json_text({"events": [user_event()]}),
        {"Records": [{"body": json_text(user_event())}]},
        {"Items": [typed_row(user_event())]},
    ],
    ids=["events", "text", "Records", "Items"],
)
def test_webhooks_deep_in_an_object_are_refused_and_not_passed_over(
    value: object,
) -> None:
    error = refused(RecordReader("stream"), ROW | {"anything": value})

    assert (error.reason, error.field) == ("not_understood", "anything")
    assert error.event_type is None  # they may be of several types


def test_text_with_a_type_of_dynamodb_is_opened() -> None:
    row = {"pk": {"S": "5"}, "payload": {"S": json_text(user_event())}}

    assert event(row) == event(user_event())


def test_events_of_others_do_not_make_a_column_the_payload() -> None:
    reader = RecordReader("audit")
    login = {"event_type": "login", "created_date": "2024-05-29"}
    assert isinstance(reader.read({"payload": login}), NamiEvent)

    assert reader.read({"payload": None}) is None
    assert reader.read({"payload": "free text"}) is None


def test_two_columns_with_one_event_are_one_event() -> None:
    row = ROW | {"raw": json_text(user_event()), "parsed": user_event()}

    assert event(row) == event(user_event())


def test_two_columns_with_different_events_are_refused() -> None:
    row = ROW | {"before": impression(), "after": user_event()}
    error = refused(RecordReader("stream"), row)

    assert (error.reason, error.field) == ("not_understood", "before")
    assert "before, after" in error.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_id", "somebody"),
        ("external_id", "somebody"),
        ("external_ids", external_ids("somebody")),
        ("external_ids", json_text(external_ids("somebody"))),
        ("device_id", OTHER_DEVICE),
        ("devices", [device(OTHER_DEVICE)]),
        ("active_entitlements", []),
        ("customer_journey_state", {"in_pause": True}),
        ("namiml_device_ids", [OTHER_DEVICE]),
        ("created_date", "2024-05-29T00:57:12Z"),
        ("EXTERNAL_ID", "somebody"),
    ],
)
def test_what_the_payload_lacks_counts_beside_it(name: str, value: object) -> None:
    body = without(
        impression(), "user_id", "external_ids", "device_id", "created_date"
    ) | {"created_date": "2024-05-29T00:00:00Z", "user_id": "nobody-else"}
    body.pop(name, None)
    row = ROW | {name: value, "payload": json_text(body)}

    assert event(row) == event(body | {name: value})


def test_an_event_id_beside_counts_and_the_key_of_the_table_does_not() -> None:
    body = without(user_event(), "id")

    assert event(ROW | {"payload": body}).event_id is None
    assert event(ROW | {"event_id": "e-1", "payload": body}).event_id == "e-1"


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_field_of_the_payload_lacks(blank: object) -> None:
    row = ROW | {"user_id": "u-1", "payload": user_event(user_id=blank)}

    assert event(row).user_id == "u-1"


def test_columns_beside_never_change_the_payload() -> None:
    beside = {
        "event_id": "beside",
        "user_id": "beside",
        "created_date": 5,
        "external_id": "beside",
        "external_ids": external_ids("beside"),
        "devices": [device("beside")],
    }

    assert event(beside | {"payload": user_event()}) == event(user_event())


# Rows without a webhook, where one should be


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "payload_missing"),
        ("", "payload_missing"),
        (" \n", "payload_missing"),
        ("free text", "not_json"),
        ('{"id": "5f0b7a', "not_json"),
        ("[]", "not_an_object"),
        (json_text([user_event()]), "not_an_object"),
        (f"b'{json_text(user_event())}'", "not_json"),
        (7, "not_an_object"),
        ("7", "not_an_object"),
        ([user_event()], "not_an_object"),
    ],
    ids=repr,
)
def test_a_row_whose_payload_is_no_object_is_refused_after_an_event(
    payload: object, reason: str
) -> None:
    error = refused(reader_after_an_event(), ROW | {"payload": payload})

    assert (error.reason, error.field) == (reason, "payload")


def test_a_row_without_the_payload_column_is_refused_after_an_event() -> None:
    row = ROW | {"user_id": "u-1", "external_id": EXTERNAL_ID}

    assert refused(reader_after_an_event("message"), row).reason == "payload_missing"


def test_the_settings_can_say_that_a_stream_holds_events() -> None:
    reader = RecordReader("hooks", event_streams=["hooks"])

    assert refused(reader, ROW | {"message": "?"}).reason == "not_json"
    assert refused(reader, ROW | {"payload": None}).reason == "payload_missing"
    assert refused(reader, ROW | {"PAYLOAD": None}).reason == "payload_missing"
    assert refused(reader, ROW).reason == "event_type_missing"
    assert reader.read(ROW | {"payload": {"ping": True}}) is None


def test_another_object_in_the_payload_is_not_nami() -> None:
    reader = reader_after_an_event()

    assert reader.read(ROW | {"payload": {"ping": True}}) is None
    assert reader.read(ROW | {"payload": '{"event_type": null}'}) is None


def test_a_user_in_the_payload_is_a_user_also_after_an_event() -> None:
    found = reader_after_an_event().read(ROW | {"payload": json_text(user())})

    assert isinstance(found, NamiUser)
    assert found == read(user())


def test_a_user_is_found_as_deep_as_an_event() -> None:
    envelope = {"schema": {}, "payload": user()}

    assert read({"offset": 7, "value": json_text(envelope)}) == read(user())


def test_an_external_id_beside_a_user_counts_too() -> None:
    body = without(user(), "external_ids")
    found = read(ROW | {"external_id": "somebody", "document": body})

    assert isinstance(found, NamiUser)
    assert found.external_id == "somebody"


@pytest.mark.parametrize(
    "row",
    [
        {"payload": "free text"},
        {"payload": '{"id": "5f0b7a'},
        {"message": "[1, 2]", "data": "{broken"},
        {"payload": None},
        {"events": '[{"event_type": "click"}'},
        {"events": '[{"event_type": "user.created"}'},
        {"events": '{"event_type": "purchase.completed", "id": '},
        {"log": 'received {"event_type": "user.subscription.renewed"}'},
        {"customer": {"id": 7, "devices": []}},
    ],
    ids=repr,
)
def test_tables_that_have_nothing_to_do_with_nami_are_passed_over(row: Record) -> None:
    assert read(ROW | row) is None


@pytest.mark.parametrize("event_type", ["push", "user.created", "user.journeys", 5])
def test_an_event_of_others_does_not_say_where_a_webhook_stands(
    event_type: object,
) -> None:
    reader = RecordReader("stream")
    refused(reader, ROW | {"message": {"event_type": event_type}})

    assert reader.read(ROW | {"message": None}) is None
    assert reader.read(ROW | {"message": "free text"}) is None


@pytest.mark.parametrize(
    "text",
    [
        json_text(user_event())[:-20],
        json_text(json_text(user_event()))[:-9],
        f"b'{json_text(user_event())}'",
        json_text(with_keys(str.upper)(user_event()))[:-1],
    ],
    ids=["cut", "cut twice", "bytes", "CUT"],
)
def test_what_is_plainly_a_webhook_is_refused_from_the_first_row_on(text: str) -> None:
    error = refused(RecordReader("stream"), ROW | {"anything": text})

    assert (error.reason, error.field) == ("not_json", "anything")
    assert error.event_type == "user.subscription.renewed"


@pytest.mark.parametrize(
    "write",
    [
        lambda event: [event],
        lambda event: [{"ping": True}, with_keys(str.upper)(event)],
        lambda event: json_text([event]),
    ],
    ids=["objects", "UPPER CASE", "text"],
)
def test_an_array_of_webhooks_is_refused_from_the_first_row_on(
    write: Callable[[Record], object],
) -> None:
    error = refused(RecordReader("stream"), ROW | {"anything": write(user_event())})

    assert (error.reason, error.field) == ("not_an_object", "anything")
    assert error.event_type is None  # it may hold others, too


def test_streams_that_the_settings_leave_out_are_never_refused() -> None:
    reader = RecordReader("hooks", event_streams=["others"])

    assert reader.read(ROW | {"payload": user_event()}) is None
    assert reader.read(ROW | {"payload": "cut short"}) is None
    assert reader.read({"before": impression(), "after": user_event()}) is None


@pytest.mark.parametrize("value", ["", "   ", 7, []])
def test_an_event_type_that_is_there_but_none_makes_an_event_without_a_type(
    value: object,
) -> None:
    error = refused(RecordReader("stream"), user(event_type=value))

    assert error.reason == "event_type_missing"
