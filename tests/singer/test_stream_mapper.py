"""Stream maps: the streams that each is for, found without a look at all of them."""

from __future__ import annotations

import functools
import logging
import statistics
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from singer_sdk.mapper import PluginMapper

from target_amplitude_nami.singer.stream_mapper import StreamMapper
from tests.support import nami, singer
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from target_amplitude_nami.singer.target import TargetAmplitudeNami

_LOGGER: Final = logging.getLogger("test")
_STREAMS: Final = ("events", "EVENTS", "public-events", "users", "a[b]", "orders")

MAPS: Final[dict[str, dict[str, Any]]] = {
    "none": {},
    "a name": {"events": {"x": "1"}},
    "a name left out": {"events": None},
    "others left out": {"events": {"x": "1"}, "__else__": None},
    "a pattern": {"*events": {"x": "1"}},
    "a pattern before a name": {"*": {"x": "1"}, "events": {"y": "2"}},
    "a name before a pattern": {"events": {"y": "2"}, "*": {"x": "1"}},
    "a class of characters": {"[eu]*": {"x": "1"}, "a[b]": {"y": "2"}},
    "an alias": {"events": {"__alias__": "'nami'"}},
    "an alias of a pattern": {"*s": {"__alias__": "__stream_name__ + '_nami'"}},
    "a second stream": {"copy": {"__source__": "events"}, "events": {"x": "1"}},
    "copies of a pattern": {"copy": {"__source__": "*events"}},
    "copies of copies": {"c": {"__source__": "users"}, "d": {"__source__": "users"}},
}


def _registered(mapper: PluginMapper) -> dict[str, list[tuple[str, str, object]]]:
    for stream in _STREAMS:
        schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        mapper.register_raw_stream_schema(stream, schema, [])
    return {
        stream: [
            (type(each).__name__, each.stream_alias, each.transformed_schema)
            for each in maps
        ]
        for stream, maps in mapper.stream_maps.items()
    }


@pytest.mark.parametrize("maps", MAPS)
def test_streams_are_mapped_as_the_sdk_maps_them(maps: str) -> None:
    configs = [{"stream_maps": dict(MAPS[maps])} for _ in range(2)]
    ours = StreamMapper(configs[0], _LOGGER)
    assert _registered(ours) == _registered(PluginMapper(configs[1], _LOGGER))


class _Counted(dict[str, Any]):
    """A map that counts how often the SDK has begun to apply it."""

    copies = 0

    def copy(self) -> dict[str, Any]:
        self.copies += 1
        return super().copy()


def test_a_map_is_looked_at_for_its_own_stream_alone() -> None:
    maps = {f"s{n}": _Counted(x="1") for n in range(50)}
    mapper = StreamMapper({"stream_maps": maps}, _LOGGER)
    for stream in maps:
        mapper.register_raw_stream_schema(stream, {"properties": {}}, [])
    assert [each.copies for each in maps.values()] == [1] * 50


def test_a_map_for_a_stream_that_has_not_come_is_known() -> None:
    maps = {
        "events": {"x": "1"},
        "Events": {"x": "1"},
        "user*": {"x": "1"},
        "nobody*": {"x": "1"},
        "copy": {"__source__": "users"},
        "another": {"__source__": "orders"},
    }
    mapper = StreamMapper({"stream_maps": maps}, _LOGGER)
    for stream in ("events", "users"):
        mapper.register_raw_stream_schema(stream, {"properties": {}}, [])
    assert mapper.streams_not_come == ["Events", "orders"]


@pytest.mark.parametrize("has_maps", [False, True])
def test_a_stream_takes_as_many_steps_however_many_came_before(
    has_maps: bool,  # noqa: FBT001 - a case of the table
    tmp_path: Path,
) -> None:
    streams, counted = 1_000, 20
    maps = {f"s{n}": {"x": "1"} for n in range(streams)} if has_maps else {}
    target = TargetHarness(tmp_path, stream_maps=maps).target
    steps = []
    try:
        for number in range(streams):
            lines = singer.records(f"s{number}", [nami.impression(number)])
            take = functools.partial(_take, target, lines)
            is_counted = 100 <= number < 100 + counted or number >= streams - counted
            if is_counted:
                steps.append(_steps(take))
            else:
                take()
    finally:
        target.run.close("failed")
    first, last = steps[:counted], steps[counted:]
    assert statistics.median(last) == pytest.approx(statistics.median(first), rel=0.05)


def _take(target: TargetAmplitudeNami, lines: list[bytes]) -> None:
    for line in lines:
        target.message_reader.process_line(line)


def _steps(action: Callable[[], None]) -> int:
    """Return how many lines of Python an action runs."""
    steps = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal steps
        steps += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return steps
