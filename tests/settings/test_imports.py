"""What loading settings imports: it must be quick, and possible without Singer."""

from __future__ import annotations

import subprocess
import sys

LOADS_SETTINGS = """
import sys
from target_amplitude_nami.settings import Settings
settings = Settings.load({"dry_run": True, "event_names": {"device.impression": "x"}})
assert settings.mapping and settings.delivery and settings.destination()
print(*sys.modules)
"""

SLOW_OR_NOT_EVERYWHERE = {
    *("singer_sdk", "click", "jsonschema", "jsonschema_rs", "msgspec"),
    *("requests", "urllib3", "ssl", "sqlite3", "fcntl", "signal"),
}
OF_A_RUN_ONLY = {
    f"target_amplitude_nami.settings.{module}"
    for module in ("environment", "unused_variables", "paths")
}


def test_settings_load_without_singer_and_what_only_a_run_needs() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LOADS_SETTINGS],
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    loaded = set(answer.stdout.split())
    assert "target_amplitude_nami.settings" in loaded
    assert not loaded & (SLOW_OR_NOT_EVERYWHERE | OF_A_RUN_ONLY)
    assert not any(name.startswith("target_amplitude_nami.singer") for name in loaded)
