"""meltano-map-transform runs between a tap and the target, as its recipe says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from ruamel.yaml import YAML

from tests.examples.expected import SAMPLE, read_records
from tests.support.meltano import ROOT
from tests.taps.pipeline import Pipeline, plain_run
from tests.taps.recipes import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import Record

pytestmark = [pytest.mark.taps, pytest.mark.timeout(300)]

RECIPE: Final = Recipe.of("meltano-map-transform")


def test_records_arrive_as_the_map_makes_them(tmp_path: Path) -> None:
    tap, mapper = tap_nami(), RECIPE.mapper()
    mapped = Pipeline(tmp_path, tap, RECIPE.loader, mapper=mapper).run()
    records = [made for record in read_records() for made in as_mapped(record)]
    plain = plain_run(tmp_path / "plain", records)
    assert mapped.by_id == plain.by_id
    assert mapped.report["read"] == plain.report["read"]
    assert sorted(map(json.dumps, mapped.identifies)) == sorted(
        map(json.dumps, plain.identifies)
    )


def tap_nami() -> dict[str, Any]:
    """Return the example tap of the repository's project, as it is found from here."""
    project = YAML(typ="safe").load(ROOT / "meltano.yml")
    [tap] = project["plugins"]["extractors"]
    places = {"executable": str(ROOT / tap["executable"])}
    return dict(tap) | places | {"config": {"path": str(SAMPLE)}}


def as_mapped(record: Record) -> list[Record]:
    """Return what the page says that its map makes of a record."""
    if "event_type" not in record:
        return [record]
    if record["event_type"] in {"device.session.start", "device.session.end"}:
        return []
    kept = {
        name: value for name, value in record.items() if name != "localized_description"
    }
    return [kept | {"team": "marketing"}]
