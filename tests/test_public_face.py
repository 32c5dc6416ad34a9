"""What `import target_amplitude_nami` offers, and what it costs."""

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

MEASURE = """
import json, resource, signal, sys

def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
before = cpu()
{code}
seconds = cpu() - before
is_same = handlers == [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
loaded = [name for name in {heavy!r} if name in sys.modules]
print(json.dumps([seconds, loaded, is_same]))
"""


def in_fresh_interpreter(folder: Path, code: str) -> Any:
    """Return the CPU seconds of code, what it loaded, and if signals are as before."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(code=code, heavy=HEAVY)],
        capture_output=True,
        check=True,
        cwd=folder,
        # An installed package has its bytecode: the first of several writes it here.
        env=clean_environment(
            {
                "PYTHONPATH": "",
                "PYTHONDONTWRITEBYTECODE": "",
                "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            }
        ),
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
    # The least of three: other processes disturb the caches, too.
    measured = [in_fresh_interpreter(tmp_path, code) for _ in range(3)]

    assert all(loaded == [] for _, loaded, _ in measured)
    assert all(is_same for _, _, is_same in measured)
    assert min(seconds for seconds, _, _ in measured) < 0.15


def test_nothing_heavy_is_loaded_until_something_is_sent(tmp_path: Path) -> None:
    code = """
from target_amplitude_nami import AmplitudeWriter, EventBuilder, Settings
settings = Settings.load({"api_key": "0123456789abcdef0123456789abcdef"})
EventBuilder(settings)
with AmplitudeWriter(settings) as writer:
    pass
"""
    _, loaded, is_same = in_fresh_interpreter(tmp_path, code)

    assert loaded == []
    assert is_same
