"""A PostgreSQL server of a test's own, on a socket in its folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.servers import OWNER, not_installed, server_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEBIANS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextlib.contextmanager
def postgres(*settings: str) -> Iterator[Path]:
    """Run a server; yield its socket's folder, where user `nami` needs no password.

    Without PostgreSQL on the machine the test is skipped, and fails where CI is set.

    Args:
        settings: Further settings of the server, such as `wal_level=logical`.
    """
    binaries = _binaries()
    as_owner = [_runuser(), "-u", OWNER, "--"] if OWNER else []
    with server_folder("pg-") as folder:
        data = folder / "data"
        options = " ".join(
            f"-c {setting}"
            for setting in (
                "listen_addresses=''",
                f"unix_socket_directories={folder}",
                "fsync=off",
                *settings,
            )
        )
        control = [*as_owner, str(binaries / "pg_ctl"), "--pgdata", str(data), "--wait"]
        initdb = [*as_owner, str(binaries / "initdb"), "--auth=trust", "--no-sync"]
        _run([*initdb, "--username=nami", "--pgdata", str(data)], folder)
        log = str(folder / "log")
        _run([*control, "--log", log, "--options", options, "start"], folder)
        try:
            yield folder
        finally:
            _run([*control, "--mode=immediate", "stop"], folder)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _runuser() -> str:
    # Where only administrators have it on their path.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return shutil.which("runuser", path=places) or "runuser"


def _binaries() -> Path:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    if _DEBIANS:
        return _DEBIANS[-1]
    return not_installed("PostgreSQL's server", "Debian: apt install postgresql")
