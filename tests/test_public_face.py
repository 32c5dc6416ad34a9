"""What `import target_amplitude_nami` offers, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import target_amplitude_nami
from tests.support.environment import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("singer_sdk", "sqlite3", "fcntl", "requests", "target_amplitude_nami.singer")

LOOK = """
import json, signal, sys

handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
{code}
is_same = handlers == [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
loaded = [name for name in {heavy!r} if name in sys.modules]
print(json.dumps([loaded, is_same]))
"""


def in_fresh_interpreter(folder: Path, code: str) -> Any:
    """Return what code loaded of `HEAVY`, and whether signals are as before."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(code=code, heavy=HEAVY)],
        capture_output=True,
        check=True,
        cwd=folder,
        env=clean_environment({"PYTHONPATH": ""}),
    )
    return json.loads(done.stdout)


def test_all_that_is_promised_is_there() -> None:
    assert target_amplitude_nami.__all__ == sorted(target_amplitude_nami.__all__)
    for name in target_amplitude_nami.__all__:
        assert getattr(target_amplitude_nami, name).__name__ == name
    assert set(target_amplitude_nami.__all__) <= set(dir(target_amplitude_nami))


def test_every_error_is_offered() -> None:
    errors = {
        name
        for name, value in vars(target_amplitude_nami.errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }

    assert errors <= set(target_amplitude_nami.__all__)


def test_any_other_name_is_missing_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = target_amplitude_nami.Nothing


def test_naming_the_settings_and_the_writer_is_light(tmp_path: Path) -> None:
    code = "from target_amplitude_nami import AmplitudeWriter, Settings"

    assert in_fresh_interpreter(tmp_path, code) == [[], True]


def test_nothing_heavy_is_loaded_until_something_is_sent(tmp_path: Path) -> None:
    code = """
from target_amplitude_nami import AmplitudeWriter, EventBuilder, Settings
settings = Settings.load({"api_key": "0123456789abcdef0123456789abcdef"})
EventBuilder(settings)
with AmplitudeWriter(settings) as writer:
    pass
"""

    assert in_fresh_interpreter(tmp_path, code) == [[], True]
