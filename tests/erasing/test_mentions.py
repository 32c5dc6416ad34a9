"""Where text and JSON of any kind name a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_amplitude_nami.erasing.mentions import Mentions
from target_amplitude_nami.erasing.person import Ids, Person

UUID = "5f0b7a3e-0000-4002-8000-00000000000a"
ODD = 'a"b\\c/ü🎧'
PERSON = Person(Ids(["nami-1"]), Ids([UUID, ODD, "12345", "user"]), Ids(["device"]))
MENTIONS = Mentions(PERSON, PERSON.nami_user_ids)


@pytest.mark.parametrize(
    "record",
    [
        {"user_id": "nami-1"},
        {"USER_ID": " nami-1 "},
        {"payload__userId": "nami-1"},
        {"external_id": UUID.upper()},
        {"external_id": 12345},
        {"external_id": 12345.0},
        {"deep": [{"er": {"external_ids": [{"value": UUID}]}}]},
        {"payload": json.dumps({"user_id": "nami-1"})},
        {"payload": json.dumps(json.dumps({"external_id": ODD}))},
        {"note": "said nami-1, twice"},
        {"external_id": ODD},
        {"external_ids": [{"key": "external_id", "value": "user"}]},
        {"external_ids": ["user"]},
        {"device_id": "device"},
        {f"keys are text, too: {UUID}": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("ascii_alone", [True, False], ids=["ASCII", "UTF-8"])
def test_json_names_them_in_any_form(
    record: dict[str, Any], *, ascii_alone: bool
) -> None:
    line = json.dumps(record, ensure_ascii=ascii_alone).encode()
    assert MENTIONS.in_line(line)
    assert MENTIONS.may_be_in(line)
    slashes = line.replace(b"/", b"\\/")
    assert MENTIONS.in_line(slashes)
    assert MENTIONS.may_be_in(slashes)


@pytest.mark.parametrize(
    "record",
    [
        {"user_id": "nami-10"},
        {"user_id": "nami-1-b"},
        {"user_id": "my-nami-1"},
        {"user_id": "NAMI-1"},
        {"user_id": UUID},  # their External ID is somebody else's Nami user id
        {"external_id": "nami-1"},
        {"external_id": 123456},
        {"device_id": "device", "user_id": "somebody else"},
        {"device_id": UUID},
        {"external_id": True},
        {"quantity": "12345", "amount": 12345, "id": 12345},
        {"event_type": "user.subscription.renewed", "user": "of another"},
        {"event_type": "user", "note": "a user of 12345"},
    ],
    ids=str,
)
def test_json_of_others_does_not(record: dict[str, Any]) -> None:
    assert not MENTIONS.in_line(json.dumps(record).encode())


@pytest.mark.parametrize(
    "line",
    [
        b'{"half": "nami-1',
        b"nami-1",
        b'{"external_id": "' + UUID.upper().encode() + b'", "half',
        b'half \\"nami-1\\" of it',
        b'{"half\\nnami-1',
        json.dumps(ODD).encode() + b", half",
        json.dumps(json.dumps(ODD)).encode() + b", half",
        b"\xff\xfe nami-1",
        b'"\\u006eami-1" half',
        b'{"a": "user", ',
        b'{"a": "{\\"b\\": \\"12345\\"}", ',
    ],
)
def test_a_broken_line_names_them_as_a_word(line: bytes) -> None:
    assert MENTIONS.may_be_in(line)
    assert MENTIONS.in_line(line)


@pytest.mark.parametrize(
    "line",
    [b"nami-10 {", b"{ my-nami-1", b"", b"NAMI-1 {", b'{"user": "user.a"', b"12345 {"],
)
def test_a_part_of_a_word_is_no_id(line: bytes) -> None:
    assert not MENTIONS.in_line(line)


@pytest.mark.parametrize(
    ("own_id", "text", "is_named"),
    [
        ("zoe@example.com", "mail to zoe@example.com. It", True),
        ("zoe@example.com", "anna.zoe@example.com {", False),
        ("zoe@example.com", "zoe@example.com.au {", False),
        ("zoe+a@example.com", "<zoe+a@example.com>", True),
        ("zoe2024", "zoe2024. It", True),
        ("zoe2024", "/users/zoe2024.jpg {", True),
        ("zoe2024", "zoe2024@example.com {", False),
        ("zoe2024", "zoe2024+a@example.com {", False),
    ],
)
def test_an_email_address_is_a_word_of_its_own(
    own_id: str, text: str, *, is_named: bool
) -> None:
    mentions = Mentions(Person(external_ids=Ids([own_id])), Ids())
    assert mentions.in_line(text.encode()) is is_named


def test_ids_are_replaced_in_text() -> None:
    text = f"nami-1, nami-10 and {UUID.upper()}"
    assert MENTIONS.without_ids(text, "***") == "***, nami-10 and ***"


@pytest.mark.parametrize("odd", ["ü", "日本", "1" * 20], ids=["ü", "日本", "digits"])
def test_ids_that_json_can_write_in_any_way_are_looked_for_everywhere(
    odd: str,
) -> None:
    assert Mentions(Person(Ids([odd])), Ids([odd])).may_be_in(b"{}")


def test_a_person_without_ids_is_named_nowhere() -> None:
    nobody = Mentions(Person(), Ids())
    assert not nobody.may_be_in(b'{"user_id": "nami-1"}')
    assert not nobody.in_line(b"anything")
