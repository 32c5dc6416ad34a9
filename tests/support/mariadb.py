"""A MariaDB server of a test's own, on a loopback port, with its binlog on."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pymysql

from tests.support.servers import HOST, OWNER, free_port, not_installed, server_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER: Final = "nami"
PASSWORD: Final = "nami"

# Debian keeps servers where only root's PATH leads.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
_SECONDS = 60


@contextlib.contextmanager
def mariadb() -> Iterator[int]:
    """Run a server; yield its port, where user `nami` may do everything.

    Without MariaDB on the machine the test is skipped, and fails where CI is set.
    """
    install, serve = (_find(name) for name in ("mariadb-install-db", "mariadbd"))
    with server_folder("my-") as folder:
        usual = ["--no-defaults", f"--datadir={folder / 'data'}"]
        if OWNER:
            usual.append(f"--user={OWNER}")
        method = "--auth-root-authentication-method=normal"
        path, log_path = folder / "socket", folder / "log"
        with log_path.open("wb") as log:
            subprocess.run([install, *usual, method], check=True, stdout=log)
            port = free_port()
            command = [
                serve,
                *usual,
                f"--socket={path}",
                f"--bind-address={HOST}",
                f"--port={port}",
                "--skip-name-resolve",
                "--server-id=1",
                "--log-bin=binlog",
                "--binlog-format=ROW",
                "--innodb-flush-log-at-trx-commit=0",
            ]
            with subprocess.Popen(command, stderr=log, cwd=folder) as server:
                try:
                    _wait(log_path, server)
                    _make_user(path)
                    yield port
                finally:
                    server.kill()


def _find(program: str) -> str:
    found = shutil.which(program, path=_PATH)
    if found:
        return found
    return not_installed("MariaDB's server", "Debian: apt install mariadb-server")


def _wait(log: Path, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS
    while b": ready for connections" not in log.read_bytes():
        assert server.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < until, log.read_text("utf-8")
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.05)


def _make_user(socket_path: Path) -> None:
    with (
        pymysql.connect(user="root", unix_socket=str(socket_path)) as root,
        root.cursor() as cursor,
    ):
        cursor.execute(f"CREATE USER {USER}@'{HOST}' IDENTIFIED BY '{PASSWORD}'")
        cursor.execute(f"GRANT ALL ON *.* TO {USER}@'{HOST}'")
