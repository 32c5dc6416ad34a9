"""Tries whether a run could write a file, as it would write that file."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from target_amplitude_nami.settings.wording import show

if t.TYPE_CHECKING:
    from collections.abc import Callable

_STDOUT: t.Final = 1
_STDERR: t.Final = 2
_NAMES_OF_STDOUT: t.Final = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
_LONGEST_SHOWN: t.Final = 400
_ATTEMPTS: t.Final = 3
_RANDOM_CHARACTERS: t.Final = 8
"""So many has the name of a temporary file."""
TryToMake: t.TypeAlias = "Callable[[Path, str | None, bool], None]"
"""Tries whether a file can be made in a folder, and raises the OSError if not; the
folder, how the name begins, and whether a folder that is made stays."""


def make_and_remove(
    folder: Path,
    beside: str | None,
    keeps_folder: bool,  # noqa: FBT001 - as `TryToMake` has it
) -> None:
    """Make a file, and remove it and its folders again.

    Whoever writes the file makes its folder, but not always one that a link leads to.
    """
    missing = [above for above in (folder, *folder.parents) if not above.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix=beside, dir=folder)
        os.close(descriptor)
        Path(made).unlink()
    finally:
        for above in [] if keeps_folder else missing:
            with contextlib.suppress(OSError):
                above.rmdir()


def look(folder: Path, beside: str | None, _keeps_folder: object) -> None:
    """Try to make a file without a name, in the folder or where that would be made."""
    there = next(above for above in (folder, *folder.parents) if above.exists())
    if beside is not None:
        with contextlib.suppress(FileNotFoundError):
            (there / f"{beside}{'x' * _RANDOM_CHARACTERS}").stat()
    try:
        os.close(os.open(there, os.O_WRONLY | getattr(os, "O_TMPFILE", os.O_EXCL)))
    except OSError as error:
        if error.errno not in {errno.EISDIR, errno.EOPNOTSUPP, errno.EINVAL}:
            raise
        # Not every file system has such files.
        effective = os.access in os.supports_effective_ids
        if not os.access(there, os.W_OK | os.X_OK, effective_ids=effective):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error


@dataclass(frozen=True, slots=True)
class Use:
    """What a run does with a file."""

    try_to_make: TryToMake = make_and_remove

    is_replaced: bool = False
    """It writes another file beside it, which then takes its place."""
    is_database: bool = False
    """It reads what it wrote, and makes other files beside it."""


class UnusableError(Exception):
    """A file cannot be used; the message ends a sentence that begins with its path."""


def leads_to_standard_error(path: Path) -> bool:
    """Return whether a path is `/dev/stderr`, or another name of what that is."""
    return _is_same(status_of(path), status_of(_STDERR))


def try_path(path: Path, use: Use, given_input: os.stat_result | None) -> None:
    """Try what the run will do with a file.

    Raises:
        UnusableError: When it cannot be used.
        OSError: When it cannot be used for a reason that is not foreseen.
    """
    found = _find(path)
    is_standard_error = _is_same(found, status_of(_STDERR))
    if found is None:
        _try_folder(path, use)
    elif is_standard_error and use.is_replaced:
        pass  # the run writes to standard error itself
    elif stat.S_ISREG(found.st_mode):
        if _is_same(found, given_input):
            raise UnusableError(
                "the very file that is the input: move that and read it from there, or "
                "choose another path."
            )
        if is_standard_error:
            raise UnusableError(
                "which is the file that the log goes to: choose another path."
            )
        _try_file(path, use, found)
    elif stat.S_ISCHR(found.st_mode) or is_standard_error:
        _try_device(path, use)
    else:
        raise UnusableError(f"which is {_kind(found)}: choose the path of a file.")


def _find(path: Path) -> os.stat_result | None:
    """Return the status of a file, links followed; None if there is none yet."""
    if str(path) in _NAMES_OF_STDOUT:
        raise _is_standard_output()
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise _has_no_folder(path) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _is_too_long() from error
        raise
    if stat.S_ISDIR(found.st_mode):
        raise UnusableError("which is a folder: add the name of a file.")
    is_standard_output = _is_same(found, status_of(_STDOUT))
    if is_standard_output and not _is_null(found) and not _is_terminal(found):
        raise _is_standard_output()
    return found


def _try_file(path: Path, use: Use, found: os.stat_result) -> None:
    try:
        if use.is_replaced:
            _open_and_close(path, os.O_WRONLY)
        else:  # as the run does: systems may refuse that in /tmp
            _open_and_close(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        # A file that is replaced need not let itself be written.
        if not use.is_replaced or error.errno != errno.EACCES:
            raise UnusableError(
                f"which cannot be written ({reason_of(error)}): {_make_writable()}"
            ) from error
    if use.is_replaced or use.is_database:
        _try_folder(path, use)
    if use.is_replaced and _is_guarded(found, Path(os.path.realpath(path)).parent):
        raise UnusableError(
            "a file of another user, in a folder where nobody else may replace it: "
            "choose another path."
        )


def _try_folder(path: Path, use: Use) -> None:
    """Make a file in the folder, which is made when it is missing, and remove it."""
    target = Path(os.path.realpath(path))
    # As long as the longest name that the run may give to a file beside it.
    beside = f".{target.name}." if use.is_database else None
    is_behind_link = target != Path(os.path.abspath(path))  # noqa: PTH100 - no links
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            use.try_to_make(target.parent, beside, is_behind_link)
        except (FileExistsError, NotADirectoryError) as error:
            raise _has_no_folder(target) from error
        except OSError as error:
            if error.errno == errno.ENOENT and attempt < _ATTEMPTS:
                continue  # another run may have removed the folder that it had made
            if error.errno == errno.ENAMETOOLONG:
                raise _is_too_long() from error
            raise UnusableError(
                f"but no file can be made in folder {shown(target.parent)} "
                f"({reason_of(error)}): {_make_writable()}"
            ) from error
        return


def _try_device(path: Path, use: Use) -> None:
    if use.is_database:
        raise UnusableError(
            "which keeps nothing, but the run reads what it wrote: choose the path of "
            "a file."
        )
    # Without waiting for who reads it, and without getting hold of a terminal.
    _open_and_close(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)


def _open_and_close(path: Path, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def status_of(file: Path | int | None) -> os.stat_result | None:
    """Return the status of a file; None when it is missing or closed."""
    with contextlib.suppress(OSError):
        if isinstance(file, int):
            return os.fstat(file)
        if file is not None:
            return file.stat()
    return None


def _is_same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    return one is not None and other is not None and os.path.samestat(one, other)


def _is_null(found: os.stat_result) -> bool:
    """Return whether this is `/dev/null`, which may serve as anything at once."""
    return _is_same(found, status_of(Path(os.devnull)))


def _is_terminal(found: os.stat_result) -> bool:
    """Return whether this is the terminal with the log, where nobody reads STATE."""
    return _is_same(found, status_of(_STDERR)) and os.isatty(_STDERR)


def _is_guarded(found: os.stat_result, folder: Path) -> bool:
    """Return whether only others may replace a file, as in `/tmp`."""
    where = folder.stat()
    may_replace = {0, found.st_uid, where.st_uid}
    return bool(where.st_mode & stat.S_ISVTX) and os.geteuid() not in may_replace


def _kind(found: os.stat_result) -> str:
    if stat.S_ISFIFO(found.st_mode):
        return "a pipe (FIFO)"
    return "a socket" if stat.S_ISSOCK(found.st_mode) else "a device"


def _is_standard_output() -> UnusableError:
    return UnusableError(
        "which is standard output, where STATE or the result of a command goes and "
        "nothing else: choose the path of a file."
    )


def _is_too_long() -> UnusableError:
    return UnusableError("which is too long for the file system: choose another path.")


def _has_no_folder(path: Path) -> UnusableError:
    file = next((above for above in path.parents if above.exists()), path.parent)
    return UnusableError(
        f"but {shown(file)} is a file, not a folder: choose another path."
    )


def shown(path: Path) -> str:
    """Return a path for a message."""
    return show(str(path), _LONGEST_SHOWN)


def reason_of(error: Exception) -> str:
    """Return what an error says, without its number and its file."""
    return getattr(error, "strerror", None) or str(error)


def _make_writable() -> str:
    return f"make it writable for user id {os.geteuid()}, or choose another path."
