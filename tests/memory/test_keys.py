"""Keys in the memory's file: plain names as they are, hashes of all others."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.memory.keys import Keys, MarkKeys, mark_of
from tests.support.memory import ODD_TEXTS

UUID = "0ff1b088-8f3a-3dfb-580b-34c9b3e4e276"
DAY_MS = 86_400_000
NAMES = st.lists(st.text(max_size=50) | st.sampled_from([*ODD_TEXTS, UUID, "a~", ""]))


@given(NAMES)
def test_many_keys_are_made_as_one_is(names: list[str]) -> None:
    for keys in (Keys(b"salt"), MarkKeys(b"salt")):
        assert keys.of_all(names) == [keys.of(name) for name in names]


@given(NAMES, st.integers(0, 10**15))
def test_each_name_has_a_key_of_its_own(names: list[str], time: int) -> None:
    marks = {mark_of(name, time) for name in names}
    assert len({*MarkKeys(b"").of_all(marks)}) == len(marks)
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


@given(st.text(max_size=50) | st.sampled_from([*ODD_TEXTS, UUID]))
def test_the_keys_of_a_day_stand_together(insert_id: str) -> None:
    keys = MarkKeys(b"salt")
    ids = [insert_id, UUID, "ü"]
    days = [[keys.of(mark_of(id_, day * DAY_MS)) for id_ in ids] for day in (15, 16)]
    assert max(days[0]) < min(days[1])


@given(NAMES)
def test_a_mark_is_looked_for_on_three_days(insert_ids: list[str]) -> None:
    keys = MarkKeys(b"salt")
    marks = {mark_of(insert_id, 7 * DAY_MS) for insert_id in insert_ids}
    assert keys.around(marks) == {
        keys.of(mark_of(mark[4:], day * DAY_MS)): mark
        for mark, day in itertools.product(marks, (6, 7, 8))
    }
