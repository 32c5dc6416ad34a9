"""What database servers of a test's own have in common."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"

OWNER: Final = "nobody" if os.geteuid() == 0 else None
"""Whom a server runs as when the tests run as root, which servers refuse."""


@contextlib.contextmanager
def server_folder(prefix: str) -> Iterator[Path]:
    """Make a folder for a server, and remove it in the end.

    Its path is short, since a socket's may have no more than 107 characters.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if OWNER:
        shutil.chown(folder, OWNER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def not_installed(what: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it where CI is set."""
    reason = f"{what} is not installed ({remedy})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
