"""The plugin definition in a real Meltano: `meltano add --from-ref`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from target_amplitude_nami.settings.schema import DEFAULTS
from tests.support.meltano import ROOT, MeltanoProject

if TYPE_CHECKING:
    from pathlib import Path

LOADER = "target-amplitude-nami"
GIVEN = {
    "api_key": "0123456789",
    "start_date": "2024-01-31T08:00:00+02:00",
    "flattening_enabled": True,
    "batch_config": {"encoding": {"format": "jsonl"}},
    "stream_maps": {"events": {"city": "'Graz'"}},
}


@pytest.mark.slow
def test_a_project_that_adds_it_passes_on_every_setting(tmp_path: Path) -> None:
    project = MeltanoProject(tmp_path)
    yaml = YAML(typ="safe")
    definition = yaml.load(ROOT / "plugins" / "loaders" / f"{LOADER}.yml")
    del definition["pip_url"]  # Its installation is a slow test's.
    (project.root / "loader.yml").write_text(json.dumps(definition))
    (project.root / "meltano.yml").write_text(
        json.dumps({"requires_meltano": ">=4.0", "send_anonymous_usage_stats": False})
    )
    reference = ["--plugin-type", "loader", "--from-ref", "loader.yml"]
    added = project.meltano("add", "--no-install", *reference, LOADER)
    assert added.returncode == 0, added.stderr

    variables = {
        "API_KEY": GIVEN["api_key"],
        "START_DATE": GIVEN["start_date"],
        "FLATTENING_ENABLED": "true",
        "BATCH_CONFIG_ENCODING_FORMAT": "jsonl",
        "STREAM_MAPS": json.dumps(GIVEN["stream_maps"]),
    }
    dumped = project.meltano(
        "invoke",
        "--dump=config",
        LOADER,
        **{f"TARGET_AMPLITUDE_NAMI_{name}": str(v) for name, v in variables.items()},
    )
    defaults = {name: value for name, value in DEFAULTS.items() if value is not None}
    assert json.loads(dumped.stdout) == {**defaults, **GIVEN}, dumped.stderr
