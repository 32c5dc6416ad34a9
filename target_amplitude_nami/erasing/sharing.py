"""Keeps a file that is being written from being rewritten."""

from __future__ import annotations


def share(descriptor: int) -> None:
    """Let nobody rewrite an open file before it is closed; see `LineFile`.

    Raises:
        OSError: When somebody does.
    """
    try:
        import fcntl  # noqa: PLC0415 - the library loads it for a dry run at most
    except ImportError:  # pragma: no cover - not on POSIX, where nobody locks files
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(error.errno, "it is being rewritten") from error
    except OSError:  # a device, or a file system without locks
        return
