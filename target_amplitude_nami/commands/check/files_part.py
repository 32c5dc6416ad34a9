"""Checks the files of a run: those that it writes, and its memory."""

from __future__ import annotations

import datetime as dt
import typing as t

import msgspec

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.local.storage.schema import objection_to
from target_amplitude_nami.settings.paths import look_at_paths
from target_amplitude_nami.settings.wording import show
from target_amplitude_nami.store.inspection import inspect, is_in_use
from target_amplitude_nami.store.schema import FORM
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.commands.check.checklist import Checklist
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.store.inspection import StoreContents

FILES: t.Final = "Files"
MEMORY: t.Final = "Memory"
_MS_PER_DAY: t.Final = 86_400_000


class Memory(msgspec.Struct, frozen=True):
    """What the memory file holds, for programs; days are ISO 8601."""

    exists: bool
    in_use: bool = False
    form: int | None = None
    users: int | None = None
    held: int | None = None
    held_since: str | None = None
    delivered: int | None = None
    delivered_since: str | None = None
    delivered_until: str | None = None
    days: int | None = None


def check_files(
    checklist: Checklist, settings: Settings, input_descriptor: int | None
) -> Memory | None:
    """Add a line for each file that a run would write, and for its memory.

    Nothing is made or changed.

    Args:
        checklist: Gets the lines.
        settings: The settings, which name the files.
        input_descriptor: The input of the run, which none of them may be.

    Returns:
        What the memory file holds; None without one.
    """
    is_usable = True
    for name, path, found in look_at_paths(settings, input_descriptor):
        problem = found or (_problem_with_local(path) if name == "local_path" else None)
        if problem is not None:
            checklist.wrong(FILES, problem)
            is_usable &= name != "memory_path"
        elif path.exists():
            checklist.ok(FILES, f"{name}: {path} can be written")
        else:
            checklist.ok(FILES, f"{name}: {path} can be made")
    return _check_memory(checklist, settings) if is_usable else None


def _problem_with_local(path: Path) -> str | None:
    if not path.is_file():  # the run makes it
        return None
    try:
        why = objection_to(path)
    except OSError as error:
        why = error.strerror
    return why and (
        f"local_path is {show(str(path))}, in which the local Amplitude cannot keep "
        f"anything ({why}): choose another path."
    )


def _check_memory(checklist: Checklist, settings: Settings) -> Memory | None:
    path = settings.memory_path
    if path is None:
        checklist.ok(
            MEMORY,
            "none: without memory_path, what was delivered is remembered within a run "
            "alone",
        )
        return None
    if not path.exists():
        checklist.ok(MEMORY, f"{path} is not there yet: the first run makes it")
        return Memory(exists=False)
    in_use = is_in_use(path)
    try:
        contents = inspect(path)
    except StoreUnusable as error:
        # A run that is not enabled does without.
        add = checklist.wrong if settings.enabled else checklist.warn
        add(MEMORY, str(error))
        return None
    if in_use:
        checklist.ok(
            MEMORY, f"{path} is in use by a run; the figures are of its last commit"
        )
    if not contents.is_of_this_version:
        checklist.warn(
            MEMORY,
            f"{path} has form {contents.form}: the next run brings it to form {FORM}, "
            f"which older versions of the target cannot read",
        )
        return _memory(contents, in_use=in_use)
    checklist.ok(
        MEMORY,
        f"{path}: form {contents.form}, {counted(contents.users, 'user')}, "
        f"{counted(contents.delivered, 'delivered event')}{_span(contents)}",
    )
    if contents.held:
        _add_held(checklist, settings, contents)
    else:
        checklist.ok(MEMORY, "no record is held")
    return _memory(contents, in_use=in_use)


def _add_held(
    checklist: Checklist, settings: Settings, contents: StoreContents
) -> None:
    are_held = (
        f"{counted(contents.held, 'record')} held until an External ID comes, the "
        f"oldest since {_day(contents.held_since)}"
    )
    if settings.anonymous_users == "hold" and settings.user_source == "external_id":
        checklist.ok(MEMORY, are_held)
    else:
        checklist.warn(
            MEMORY,
            are_held,
            "the next run treats them by anonymous_users, which is no longer hold",
        )


def _span(contents: StoreContents) -> str:
    days = _days(contents)
    if not days:
        return ""
    first, last = _day(contents.delivered_since), _day(contents.delivered_until)
    if days == 1:
        return f" (delivered on {first})"
    return f" (first delivered on {first}, last on {last}: {counted(days, 'day')})"


def _days(contents: StoreContents) -> int:
    first, last = contents.delivered_since, contents.delivered_until
    if first is None or last is None:
        return 0
    return last // _MS_PER_DAY - first // _MS_PER_DAY + 1


def _day(milliseconds: int | None) -> str | None:
    """Return the day of a time, ISO 8601; None for one that nobody wrote."""
    if milliseconds is None:
        return None
    try:
        moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.date().isoformat()


def _memory(contents: StoreContents, *, in_use: bool) -> Memory:
    if not contents.is_of_this_version:
        return Memory(exists=True, in_use=in_use, form=contents.form)
    return Memory(
        exists=True,
        in_use=in_use,
        form=contents.form,
        users=contents.users,
        held=contents.held,
        held_since=_day(contents.held_since),
        delivered=contents.delivered,
        delivered_since=_day(contents.delivered_since),
        delivered_until=_day(contents.delivered_until),
        days=_days(contents),
    )
