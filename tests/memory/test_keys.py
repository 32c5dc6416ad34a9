"""Keys in the memory's file: plain names as they are, hashes of all others."""

from __future__ import annotations

import json
import uuid

from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.memory.keys import (
    MARK_KEY_BYTES,
    Keys,
    Mark,
    mark_keys,
    mark_keys_around,
    mark_of,
)
from tests.support.memory import ODD_TEXTS

UUID = "0ff1b088-8f3a-3dfb-580b-34c9b3e4e276"
DAY_MS = 86_400_000
NAMES = st.lists(st.text(max_size=50) | st.sampled_from([*ODD_TEXTS, UUID, "a~", ""]))


INSERT_IDS = (
    st.uuids().map(str)
    | st.uuids().map(lambda id_: str(id_).upper())
    | st.text(max_size=50)
    | st.sampled_from(
        [
            *ODD_TEXTS,
            "",
            UUID.replace("-", ""),
            UUID.replace("-", "") + "0000",
            UUID.replace("0", " "),
            UUID.replace("0", "-"),
            UUID.replace("f", "\N{ARABIC-INDIC DIGIT ONE}"),
            "0" * 36,
            str(uuid.UUID(int=0)),
            "5e" * 32,
        ]
    )
)
MARKS = st.lists(
    st.builds(mark_of, INSERT_IDS, st.none() | st.integers(-(10**15), 10**19))
)


def split(keys: bytes) -> list[bytes]:
    """Return the keys that stand in one piece."""
    starts = range(0, len(keys), MARK_KEY_BYTES)
    return [keys[start : start + MARK_KEY_BYTES] for start in starts]


# Names


@given(NAMES)
def test_many_keys_are_made_as_one_is(names: list[str]) -> None:
    assert Keys(b"salt").of_all(names) == [Keys(b"salt").of(name) for name in names]


@given(NAMES)
def test_each_name_has_a_key_of_its_own(names: list[str]) -> None:
    kinds = [Keys(), Keys(b"one"), Keys(b"another")]
    keys = {key for kind in kinds for key in kind.of_all(set(names))}
    assert len(keys) == len(kinds) * len(set(names))


@given(NAMES)
def test_a_key_is_short_and_nothing_in_it_needs_escaping(names: list[str]) -> None:
    for key in Keys().of_all(names):
        assert len(key) < 50
        assert json.dumps(key) == f'"{key}"'


def test_what_only_looks_like_a_key_has_another() -> None:
    plain, hashed = Keys().of("name"), Keys().of("ü")
    assert not {Keys().of(plain), Keys().of(hashed)} & {plain, hashed}


# Marks


@given(MARKS)
def test_many_marks_have_the_keys_that_each_has(marks: list[Mark]) -> None:
    assert split(mark_keys(marks)) == [mark_keys([mark]) for mark in marks]


@given(MARKS)
def test_each_mark_has_a_key_of_its_own_with_the_day_first(marks: list[Mark]) -> None:
    keys = split(mark_keys(marks))
    assert len(set(keys)) == len(set(marks))
    assert [key[:2].hex() for key in keys] == [mark[:4] for mark in marks]


def test_a_uuid_is_in_its_key() -> None:
    mark = mark_of(UUID, 7 * DAY_MS)
    assert mark_keys([mark]) == b"\0\7" + uuid.UUID(UUID).bytes
    for other in (UUID.upper(), UUID.replace("-", ""), f"{UUID} "):
        assert uuid.UUID(UUID).bytes not in mark_keys([mark_of(other, 7 * DAY_MS)])


@given(st.lists(INSERT_IDS))
def test_a_mark_is_looked_for_on_three_days(insert_ids: list[str]) -> None:
    marks = [mark_of(insert_id, 7 * DAY_MS) for insert_id in insert_ids]
    assert split(mark_keys_around(marks)) == [
        mark_keys([mark_of(insert_id, day * DAY_MS)])
        for insert_id in insert_ids
        for day in (6, 7, 8)
    ]
