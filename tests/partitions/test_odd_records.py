"""Records that are no records, and rejects that are hard to keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pytest

from target_amplitude_nami import Settings, deliver
from target_amplitude_nami.arrow import records_of
from tests.support import nami
from tests.support.arrow import impressions
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def settings() -> Iterator[Settings]:
    with ScriptedServer() as server:
        yield Settings.load({"api_key": API_KEY, "endpoint": server.url})


@pytest.mark.parametrize("record", [None, "text", ("id", "event_type"), ("ab", "cd")])
@pytest.mark.parametrize("before", [0, 1], ids=["first", "later"])
def test_what_is_no_mapping_is_an_error_of_the_caller(
    record: Any, before: int, settings: Settings
) -> None:
    records = [*[nami.impression(1)] * before, record, nami.impression(2)]

    with pytest.raises(TypeError, match=r"^a record is a mapping of names"):
        deliver(records, settings)


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("not now")


class _Half:
    def __repr__(self) -> str:
        return "\ud83d"


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


HARD: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "deeper than Python recurses": ({"x": _nested(100_000)}, "'x': dict"),
    "longer than Python writes": ({"x": 10**5_000, "y": b"\xff"}, r"'y': b'\xff'"),
    "a name longer than that": ({10**5_000: 1, "y": b"\xff"}, "int: int"),  # type: ignore[dict-item]
    "an object that fails": ({"x": _Unprintable()}, "'x': _Unprintable"),
    "half of an emoji": ({"x": _Half()}, r"'x': \ud83d"),
}


@pytest.mark.parametrize(("fields", "kept"), HARD.values(), ids=HARD)
def test_a_record_that_python_cannot_write_is_one_reject(
    fields: dict[Any, Any], kept: str, settings: Settings
) -> None:
    records = [nami.impression(1) | fields, nami.impression(2)]

    outcome = deliver(records, settings)

    assert (outcome.report.delivered, outcome.report.rejected) == (1, 1)
    [rejected] = outcome.rejects
    line = json.loads(rejected.message)["record"]["line"]
    assert kept in line
    assert nami.event_id(1) in line


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (pa.array([2**31 - 1], pa.int32()).view(pa.date32()), "2147483647"),
        (pa.array([253402300800]).view(pa.timestamp("s")), "10000-01-01 00:00:00"),
        (pa.array([1]).view(pa.duration("ns")), "text='1'"),
    ],
    ids=lambda each: str(getattr(each, "type", "")),
)
def test_a_value_of_arrow_without_a_form_in_python_is_one_reject(
    values: pa.Array, kept: str, settings: Settings
) -> None:
    [rejected] = deliver(records_of(impressions(value=values)), settings).rejects

    message = json.loads(rejected.message)
    assert (message["rejected"]["reason"], message["rejected"]["field"]) == (
        "value_not_json",
        "value",
    )
    assert kept in message["record"]["line"]


def test_a_reject_that_has_no_room_leaves_it_to_the_others(
    settings: Settings,
) -> None:
    huge = nami.impression(0, created_date="soon", note="x" * 2_000_000)
    small = [nami.impression(n, created_date="soon") for n in range(1, 6)]

    outcome = deliver([huge, *small], settings)

    assert len(outcome.rejects) == 5
    assert outcome.rejects_left_out == 1


@pytest.mark.parametrize("slots", [0, -2])
def test_less_than_one_slot_is_an_error_of_the_caller(
    slots: int, settings: Settings
) -> None:
    with pytest.raises(ValueError, match=f"slots is {slots}, but must be at least 1"):
        deliver([nami.impression(1)], settings, slots=slots)
