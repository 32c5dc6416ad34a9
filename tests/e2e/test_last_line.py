"""The last line of a failed run says what is wrong and what to do."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.zygote import Zygote

PATIENCE_SECONDS = 30
GOOD = b"".join(singer.records("events", [nami.impression(1)]))
BAD = b"".join(singer.records("events", [nami.impression(1, created_date="soon")]))
OF_MELTANO = b"".join(
    [
        json.dumps(message).encode() + b"\n"
        for message in (
            {
                "type": "SCHEMA",
                "stream": "meltano_test_stream",
                "schema": {"type": "object", "properties": {"id": {}, "name": {}}},
                "key_properties": ["id"],
            },
            {
                "type": "RECORD",
                "stream": "meltano_test_stream",
                "record": {"id": 1, "name": "Meltano Test Record"},
            },
            {"type": "STATE", "value": {"bookmarks": {}}},
        )
    ]
)
"""What `meltano config test` feeds a loader (Meltano 4.4.1, plugin_test_service.py)."""
BUSY = Faults((Fault(do=Do(status=503, raw="busy")),))


@dataclass(frozen=True)
class Case:
    """A run that fails, and words of its last line."""

    words: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    text: bytes = GOOD
    keys: tuple[str, ...] = (API_KEY,)
    faults: Faults | None = None
    exit_code: int = 1


CASES = {
    "a mistake in the settings": Case(
        ("region", '"us" or "eu"'), settings={"region": "mars"}
    ),
    "a stream map that makes no sense": Case(
        ("stream_maps.events",), settings={"stream_maps": {"events": 5}}
    ),
    "a path that cannot be written": Case(
        ("rejects_path", "folder"), settings={"rejects_path": "."}
    ),
    "a memory file that is none": Case(
        ("memory_path", "stderr"), settings={"memory_path": "stderr"}
    ),
    "a key that Amplitude does not know": Case(
        ("does not know the API key", "`api_key`"), keys=("another",)
    ),
    "Amplitude is busy": Case(
        ("taken nothing for", "HTTP 503", "run again"),
        settings={"retry_for": 1},
        faults=BUSY,
    ),
    "nothing is Nami's": Case(("meltano_test_stream",), text=OF_MELTANO),
    "the input is no Singer": Case(
        ("not what a Singer tap writes",), text=b"oh\n" * 200
    ),
    "too many rejects": Case(
        ("1 record was rejected", "`max_rejected` (0)", "exit code is 3"),
        settings={"max_rejected": 0},
        text=BAD,
        exit_code=3,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_last_line_of_a_failed_run_is_the_useful_one(
    tmp_path: Path, zygote: Zygote, name: str
) -> None:
    case = CASES[name]
    with LocalAmplitude(
        tmp_path / "amplitude.db", keys=case.keys, faults=case.faults
    ) as local:
        settings = {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")}
        reader, writer = os.pipe()
        os.write(writer, case.text)
        os.close(writer)
        run = zygote.run(tmp_path, settings | case.settings, reader)
        os.close(reader)
        assert run.wait(PATIENCE_SECONDS) == case.exit_code, run.log
    last = run.log.splitlines()[-1]
    assert "| ERROR " in last
    for words in case.words:
        assert words in last
