"""Where text and JSON of any kind name a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_amplitude_nami.erasing.mentions import Mentions
from target_amplitude_nami.erasing.person import Ids, Person

UUID = "5f0b7a3e-0000-4002-8000-00000000000a"
ODD = 'a"b\\c/ü🎧'
PERSON = Person(Ids(["nami-1"]), Ids([UUID, ODD, "12345"]), Ids(["device"]))
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
    ],
)
def test_a_broken_line_names_them_as_a_word(line: bytes) -> None:
    assert MENTIONS.may_be_in(line)
    assert MENTIONS.in_line(line)


@pytest.mark.parametrize("line", [b"nami-10 {", b"{ my-nami-1", b"", b"NAMI-1 {"])
def test_a_part_of_a_word_is_no_id(line: bytes) -> None:
    assert not MENTIONS.in_line(line)


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
