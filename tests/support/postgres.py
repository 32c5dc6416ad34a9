"""A PostgreSQL server of a test's own, on a socket in its folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEBIANS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextlib.contextmanager
def postgres() -> Iterator[Path]:
    """Run a server; yield its socket's folder, where user `nami` needs no password.

    Without PostgreSQL on the machine the test is skipped, and fails where CI is set.
    """
    binaries = _binaries()
    # A short path: a socket's may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    as_owner: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody")
        as_owner = ["runuser", "-u", "nobody", "--"]
    data = folder / "data"
    options = f"-c listen_addresses='' -k {folder} -c fsync=off"
    control = [*as_owner, str(binaries / "pg_ctl"), "--pgdata", str(data), "--wait"]
    initdb = [*as_owner, str(binaries / "initdb"), "--auth=trust", "--username=nami"]
    _run([*initdb, "--no-sync", "--pgdata", str(data)], folder)
    log = str(folder / "log")
    _run([*control, "--log", log, "--options", options, "start"], folder)
    try:
        yield folder
    finally:
        _run([*control, "--mode=immediate", "stop"], folder)
        shutil.rmtree(folder)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _binaries() -> Path:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    if _DEBIANS:
        return _DEBIANS[-1]
    reason = "PostgreSQL's server is not installed (Debian: apt install postgresql)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
