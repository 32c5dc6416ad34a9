"""The plugin loads no more than a run uses."""

from __future__ import annotations

import json
import subprocess
import sys


def test_what_is_not_used_is_not_loaded() -> None:
    script = (
        "import json, sys, target_amplitude_nami.singer.target; "
        "print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True
        ).stdout
    )
    extras = {"pyarrow", "starlette", "uvicorn", "target_amplitude_nami.local"}
    assert not extras.intersection(loaded)
