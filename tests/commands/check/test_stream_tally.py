"""The tally of a rehearsal: per stream, and bounded whatever comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.commands.check.stream_tally import (
    MOST_STREAMS,
    REST,
    StreamFigures,
    StreamTally,
)
from target_amplitude_nami.singer.rehearsal import rehearse
from tests.support.nami import impression, subscription
from tests.support.singer import record, records, schema

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = {"api_key": "key"}


def tallied(lines: list[bytes], **config: Any) -> StreamTally:
    tally = StreamTally("__")
    rehearse(CONFIG | config, lines, tally)
    return tally


def only(tally: StreamTally) -> StreamFigures:
    (figures,) = tally.streams.values()
    return figures


def test_each_stream_has_its_own_figures() -> None:
    lines = [
        *records("events", [subscription(1), subscription(1), subscription(2, id=7)]),
        *records("others", [{"total": 5}]),
    ]
    tally = tallied(lines)
    assert dict(tally.streams["events"].outcomes) == {"sent": 2, "duplicate": 1}
    assert dict(tally.streams["others"].filtered) == {"not_nami": 1}


def test_what_goes_to_the_sandbox_is_shown() -> None:
    lines = records("events", [impression(1, purchase_env="sandbox"), impression(2)])
    figures = only(tallied(lines, sandbox_api_key="another"))
    assert figures.outcomes["sent"] == 2
    assert figures.outcomes["sent to the sandbox"] == 1


def test_a_column_that_is_left_out_is_not_used() -> None:
    lines = records("events", [impression(1, locale="de", sku="a") | {"empty": None}])
    figures = only(tallied(lines, exclude_properties=["locale"]))
    assert list(figures.properties) == ["sku"]
    assert figures.unused == ["locale", "empty"]


def test_streams_columns_and_layouts_are_bounded() -> None:
    lines = []
    for number in range(MOST_STREAMS + 10):
        event = impression(number, **{f"column_{number}": 1})
        lines += [schema(f"s{number}"), record(f"s{number}", event)]
    lines += [
        record("s0", impression(1000 + number, **{f"odd_{number}": number}))
        for number in range(400)
    ]
    tally = tallied(lines)
    assert len(tally.streams) == MOST_STREAMS + 1
    assert len(tally.streams_beyond) == 10
    assert tally.streams[REST].outcomes["sent"] == 10
    first = tally.streams["s0"]
    assert first.outcomes["sent"] == 401
    assert len(first.layouts) <= 50
    assert len(first.properties) <= 201
    assert len(json.dumps(list(first.columns))) < 10_000


def test_the_properties_of_duplicates_and_held_records_are_known_too(
    tmp_path: Path,
) -> None:
    event = subscription(1, external_ids=[], sku="a", locale="de")
    lines = records("events", [event, event])
    figures = only(
        tallied(
            lines,
            anonymous_users="hold",
            memory_path=str(tmp_path / "memory.db"),
        )
    )
    assert dict(figures.outcomes) == {"held": 1, "duplicate": 1}
    assert {"sku", "locale", "event_platform"} == set(figures.properties)
    assert figures.unused == []
