"""The settings that the SDK builds into every target, as the settings know them."""

from __future__ import annotations

import typing as t

from singer_sdk.helpers import capabilities as sdk
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from target_amplitude_nami.settings.schema import BuiltInSettings, Mistake

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIGS: t.Final = (
    sdk.BATCH_CONFIG,
    sdk.ADD_RECORD_METADATA_CONFIG,
    sdk.FLATTENING_CONFIG,
    sdk.STREAM_MAPS_CONFIG,
)


def _find_mistakes(value: object, schema: dict[str, t.Any]) -> Iterator[Mistake]:
    for error in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(value):
        yield Mistake(tuple(error.absolute_path), error.instance, error.schema)


SDK_SETTINGS: t.Final = BuiltInSettings(
    {name: schema for part in _CONFIGS for name, schema in part["properties"].items()},
    _find_mistakes,
)
"""Stream maps, flattening, record metadata and the format of BATCH files."""
