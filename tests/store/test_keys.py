"""Keys in the memory's file: plain names as they are, hashes of all others."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.outcomes import DEDUP_KEY_BYTES, dedup_key
from target_amplitude_nami.store.keys import Keys
from tests.support.memory import ODD_TEXTS

UUID = "0ff1b088-8f3a-3dfb-580b-34c9b3e4e276"
NAMES = st.lists(st.text(max_size=50) | st.sampled_from([*ODD_TEXTS, UUID, "a~", ""]))


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
        assert json.dumps(key, ensure_ascii=False) == f'"{key}"'


def test_what_only_looks_like_a_key_has_another() -> None:
    plain, hashed = Keys().of("name"), Keys().of("ü")
    assert not {Keys().of(plain), Keys().of(hashed)} & {plain, hashed}


# What Amplitude knows an event by

IDS = st.text(max_size=8) | st.sampled_from([*ODD_TEXTS, UUID, ""])
SOME_IDS = IDS.filter(bool)


@given(IDS, SOME_IDS, st.none() | IDS)
def test_an_event_is_known_by_its_device_where_it_has_one(
    insert_id: str, device_id: str, user_id: str | None
) -> None:
    key = dedup_key(insert_id, device_id, user_id)
    assert len(key) == DEDUP_KEY_BYTES
    assert key == dedup_key(insert_id, device_id, "another user")
    assert key != dedup_key(insert_id, f"{device_id}x", user_id)
    assert key != dedup_key(f"{insert_id}x", device_id, user_id)


@given(IDS, SOME_IDS)
def test_an_event_without_a_device_is_known_by_its_user(
    insert_id: str, user_id: str
) -> None:
    key = dedup_key(insert_id, None, user_id)
    assert key != dedup_key(insert_id, None, f"{user_id}x")
    assert key != dedup_key(insert_id, user_id, None)  # a device of the same id


@given(st.lists(st.tuples(IDS, SOME_IDS, st.booleans()), unique=True))
def test_no_two_ids_pass_for_others_that_read_alike(
    ids: list[tuple[str, str, bool]],
) -> None:
    keys = {
        dedup_key(insert_id, whom, None)
        if is_device
        else dedup_key(insert_id, None, whom)
        for insert_id, whom, is_device in ids
    }
    assert len(keys) == len(ids)
