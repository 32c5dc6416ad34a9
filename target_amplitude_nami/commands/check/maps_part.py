"""Checks the stream maps: whether each can be used, and matches a stream."""

from __future__ import annotations

import logging
import typing as t

from singer_sdk.exceptions import ConfigurationError as SdkConfigurationError
from singer_sdk.exceptions import MappingError
from singer_sdk.mapper import MAPPER_KEY_PROPERTIES_OPTION, MAPPER_SOURCE_OPTION

from target_amplitude_nami.singer.stream_mapper import StreamMapper
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.commands.check.checklist import Checklist
    from target_amplitude_nami.settings.usable import UsableSettings

MAPS: t.Final = "Stream maps"
_UNUSABLE: t.Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MappingError,
    NotImplementedError,
    SdkConfigurationError,
    TypeError,
    ValueError,
)
"""What the SDK raises for a map that it cannot use."""


class MapKeys:
    """The keys of the stream maps that can be used."""

    def __init__(self, mapper: StreamMapper | None = None) -> None:
        """Take the maps; None without any."""
        self._mapper = mapper

    def add_unmatched(self, checklist: Checklist, streams: Iterable[str]) -> None:
        """Add a line for each key that matches none of the streams that came."""
        if self._mapper is None:
            return
        matched = {key for stream in streams for key in self._mapper.keys_for(stream)}
        for key in self._mapper.stream_maps_dict:
            if key not in matched:
                checklist.warn(
                    MAPS,
                    f"{key} matches no stream of this input",
                    "compare it with the tap's names",
                )
            else:
                checklist.ok(MAPS, f"{key} matches a stream of this input")


def check_maps(
    checklist: Checklist, values: Mapping[str, object], usable: UsableSettings
) -> MapKeys:
    """Add a line for each stream map, compiled as for a stream without columns.

    Returns:
        Those that can be used, to be compared with the streams of an input.
    """
    maps = values.get("stream_maps")
    if not isinstance(maps, dict) or "stream_maps" in usable.left_out:
        return MapKeys()
    logger = logging.getLogger(__name__)
    usable_maps = {}
    for key, definition in maps.items():
        problem = _problem_with(key, definition, values, logger)
        if problem is not None:
            checklist.wrong(MAPS, f"{key} cannot be used: {problem}")
            continue
        usable_maps[key] = definition
        checklist.ok(MAPS, f"{key}: {_described(definition)}")
    if not usable_maps:
        return MapKeys()
    return MapKeys(StreamMapper({**values, "stream_maps": usable_maps}, logger))


def _problem_with(
    key: str, definition: object, values: Mapping[str, object], logger: logging.Logger
) -> str | None:
    stream, columns = key, {}
    if isinstance(definition, dict):
        source = definition.get(MAPPER_SOURCE_OPTION, key)
        stream = source if isinstance(source, str) else key
        keys = definition.get(MAPPER_KEY_PROPERTIES_OPTION)
        if isinstance(keys, list):  # which the tap may have
            columns = {name: {"type": ["string"]} for name in keys}
    try:
        mapper = StreamMapper({**values, "stream_maps": {key: definition}}, logger)
        mapper.register_raw_stream_schema(stream, {"properties": columns}, [])
    except _UNUSABLE as error:
        return str(error) or type(error).__name__
    return None


def _described(definition: object) -> str:
    if isinstance(definition, dict):
        named = sum(not str(name).startswith("__") for name in definition)
        return f"{counted(named, 'column')} mapped"
    return "leaves the stream out"
