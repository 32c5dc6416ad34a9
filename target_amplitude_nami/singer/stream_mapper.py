"""The user's stream maps: finds those of a stream, and applies one to a record."""

from __future__ import annotations

import fnmatch
import os
import re
import sys
import typing as t
from decimal import Decimal

import msgspec
from singer_sdk.mapper import MAPPER_SOURCE_OPTION, CustomStreamMap, PluginMapper

from target_amplitude_nami import normalising

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Sequence

    from singer_sdk.mapper import StreamMap

_WILDCARDS: t.Final = frozenset("*?[")


class StreamMapper(PluginMapper):
    """The SDK's mapper, which compares each new stream with every map.

    With thousands of streams and a map for each that would take minutes.
    """

    def __init__(self, plugin_config: dict[str, t.Any], logger: logging.Logger) -> None:
        """Sort the maps by the streams that they name; see the SDK for the arguments.

        Raises:
            StreamMapConfigError: For stream maps that cannot be used.
        """
        # The SDK takes `__else__` out of the maps that it is given.
        maps = dict(plugin_config.get("stream_maps") or {})
        super().__init__(plugin_config | {"stream_maps": maps}, logger)
        self._order = {key: at for at, key in enumerate(self.stream_maps_dict)}
        self._keys_of_name: dict[str, list[str]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._not_come: dict[str, None] = {}
        for key, definition in self.stream_maps_dict.items():
            source = _source(key, definition)
            name = os.path.normcase(source)
            # A stream may also have a pattern for a name.
            self._keys_of_name.setdefault(name, []).append(key)
            if _WILDCARDS.isdisjoint(source):
                self._not_come[source] = None
            else:
                self._patterns.append((re.compile(fnmatch.translate(name)), key))

    @property
    def streams_not_come(self) -> Sequence[str]:
        """The streams that a map is for by name, no pattern, and that have not come."""
        return list(self._not_come)

    @override
    def register_raw_stream_schema(
        self,
        stream_name: str,
        schema: dict[str, t.Any],
        key_properties: t.Sequence[str] | None,
    ) -> None:
        all_maps = self.stream_maps_dict
        self.stream_maps_dict = {
            key: all_maps[key] for key in self.keys_for(stream_name)
        }
        try:
            super().register_raw_stream_schema(stream_name, schema, key_properties)
        finally:
            self.stream_maps_dict = all_maps
        self._not_come.pop(stream_name, None)

    def name_any(self, stream: str, columns: Collection[str]) -> bool:
        """Return whether a map for a stream names one of some columns.

        Args:
            stream: The stream, as the tap calls it.
            columns: Names in lower case; the maps may write them in any.
        """
        definitions = (self.stream_maps_dict[key] for key in self.keys_for(stream))
        return any(
            name.lower() in columns
            for definition in definitions
            if isinstance(definition, dict)
            for name in definition
        )

    def keys_for(self, stream: str) -> list[str]:
        """Return the keys of all maps that the SDK would apply, in the user's order."""
        name = os.path.normcase(stream)
        keys = {*self._keys_of_name.get(name, ())}
        keys |= {key for pattern, key in self._patterns if pattern.match(name)}
        return sorted(keys, key=self._order.__getitem__)


def transform(
    stream_map: StreamMap, record: dict[str, t.Any]
) -> dict[str, t.Any] | None:
    """Return what a stream map makes of a record; None where it filters it.

    It is what JSON could hold: an expression may make a date.

    Raises:
        Exception: Anything that an expression of the user's raises.
    """
    mapped: dict[str, t.Any] | None = stream_map.transform(dict(record))
    if mapped is None or not isinstance(stream_map, CustomStreamMap):
        return mapped
    plain = msgspec.to_builtins(mapped, builtin_types=(Decimal,))
    return normalising.normalise(plain)


def _source(key: str, definition: object) -> str:
    """Return the name or pattern of the streams that a map is for."""
    if isinstance(definition, dict):
        source = definition.get(MAPPER_SOURCE_OPTION, key)
        if isinstance(source, str):
            return source
    return key
