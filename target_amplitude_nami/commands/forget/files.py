"""The files of a configuration that may hold a person, opened to erase them."""

from __future__ import annotations

import contextlib
import stat
import typing as t

from target_amplitude_nami.accounting.report_erasing import erase_from_report
from target_amplitude_nami.erasing.event_bodies import EventEraser
from target_amplitude_nami.erasing.line_files import LineFile, leftovers_beside
from target_amplitude_nami.erasing.mentions import Mentions
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.local.storage.erasable import ErasableFile
from target_amplitude_nami.singer.rejects_erasing import RejectsEraser
from target_amplitude_nami.singer.rejects_file import LockedRejects, locked_rejects
from target_amplitude_nami.store.erasing import ErasableStore

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.erasing.person import Person
    from target_amplitude_nami.settings import Settings

_WITH_PERSONS: t.Final = (
    "rejects_path",
    "dry_run_path",
    "report_path",
    "local_path",
    "memory_path",
)
"""In the order of erasing. The store comes last: it knows which ids belong together,
and after a failure the command is run again."""

Counts: t.TypeAlias = dict[str, int]
"""How many of what were erased, by a plural."""


class ErasableFiles:
    """All files, each locked or opened alone until the end, so that none changes."""

    def __init__(self, settings: Settings, separator: str) -> None:
        """Open the files that there are; change none.

        Args:
            settings: The settings, which name them.
            separator: What stands between the parts of a flattened column's name.

        Raises:
            AmplitudeNamiError: When one is in use, or cannot be used.
        """
        self._settings = settings
        self._separator = separator
        self.paths: dict[str, Path] = {}
        """By setting, the files that there are."""
        self.missing: dict[str, Path] = {}
        """Those that there are not."""
        self.store: ErasableStore | None = None
        self._last_things = contextlib.ExitStack()
        with contextlib.ExitStack() as until_failure:
            until_failure.push(self._last_things)
            self._open()
            until_failure.pop_all()

    def close(self) -> None:
        """Close all; what was not committed is taken back."""
        self._last_things.close()

    def erase(self, setting: str, person: Person, *, is_rehearsal: bool) -> Counts:
        """Erase a person from one file; return how many of what.

        Args:
            setting: The setting that names the file.
            person: The person.
            is_rehearsal: Whether the file stays as it is.

        Raises:
            AmplitudeNamiError: When it cannot be done; the file is as it was.
        """
        erase: t.Any = {
            "rejects_path": self._erase_from_rejects,
            "dry_run_path": self._erase_from_dry_run,
            "report_path": self._erase_from_report,
            "local_path": self._erase_from_local,
            "memory_path": self._erase_from_store,
        }[setting]
        counts: Counts = erase(person, is_rehearsal)
        return counts

    def _open(self) -> None:
        open_file: dict[str, t.Any] = {
            "rejects_path": self._open_rejects,
            "dry_run_path": self._open_dry_run,
            "report_path": lambda _path: None,
            "local_path": self._open_local,
            "memory_path": self._open_store,
        }
        for setting in _WITH_PERSONS:
            path: Path | None = getattr(self._settings, setting)
            if path is None:
                continue
            if _is_file(path):
                self.paths[setting] = path
                open_file[setting](path)
            else:
                self.missing[setting] = path

    def _open_rejects(self, path: Path) -> None:
        self._rejects: LockedRejects = self._last_things.enter_context(
            locked_rejects(path)
        )

    def _open_dry_run(self, path: Path) -> None:
        self._dry_run = self._last_things.enter_context(
            contextlib.closing(LineFile(path))
        )

    def _open_local(self, path: Path) -> None:
        self._local = self._last_things.enter_context(
            contextlib.closing(ErasableFile(path))
        )

    def _open_store(self, path: Path) -> None:
        self.store = self._last_things.enter_context(
            contextlib.closing(ErasableStore(path))
        )

    def _erase_from_rejects(self, person: Person, is_rehearsal: bool) -> Counts:  # noqa: FBT001
        rejects = self._rejects
        eraser = RejectsEraser(person, self._settings, separator=self._separator)
        found = eraser.count(rejects.lines(rejects.size()))
        if found and not is_rehearsal:
            rejects.replace(eraser.without_person)
            found = len(eraser.erased)
            if self.store is not None:
                self.store.move_rejects(eraser.erased, eraser.moved)
        return {"records": found}

    def _erase_from_dry_run(self, person: Person, is_rehearsal: bool) -> Counts:  # noqa: FBT001
        lines, without = self._dry_run.lines, EventEraser(person).without_events
        found = sum(without(line).events for line in lines())
        if found and not is_rehearsal:
            self._dry_run.replace(without(line).body or b"" for line in lines())
        return {"events": found} | self._remove_leftovers(
            self.paths["dry_run_path"], person, is_rehearsal=is_rehearsal
        )

    def _erase_from_report(self, person: Person, is_rehearsal: bool) -> Counts:  # noqa: FBT001
        def delivered(insert_ids: Iterable[str]) -> set[str]:
            if self.store is None:
                return set()
            return self.store.insert_ids_of(person, insert_ids)

        path = self.paths["report_path"]
        found = erase_from_report(path, person, delivered, is_rehearsal=is_rehearsal)
        return {"named ids": found} | self._remove_leftovers(
            path, person, is_rehearsal=is_rehearsal
        )

    def _erase_from_local(self, person: Person, is_rehearsal: bool) -> Counts:  # noqa: FBT001
        counts = self._local.erase(person)
        if not is_rehearsal:
            self._local.file.commit(ids=person.ids, has_deleted=any(counts.values()))
        return counts

    def _erase_from_store(self, person: Person, is_rehearsal: bool) -> Counts:  # noqa: FBT001
        assert self.store is not None  # noqa: S101 - there is its path
        counts = self.store.erase(person)
        if not is_rehearsal:
            self.store.file.commit(ids=person.ids, has_deleted=any(counts.values()))
        return counts

    def _remove_leftovers(
        self, path: Path, person: Person, *, is_rehearsal: bool
    ) -> Counts:
        """Remove unfinished files of killed processes that name the person."""
        mentions, found = Mentions(person, person.ids), 0
        for leftover in leftovers_beside(path):
            try:
                with leftover.open("rb") as file:
                    names_them = any(
                        mentions.may_be_in(line)
                        and mentions.in_text(line.decode("utf-8", "replace"))
                        for line in file
                    )
                if names_them:
                    found += 1
                    if not is_rehearsal:
                        leftover.unlink(missing_ok=True)
            except OSError as error:
                raise OutputUnwritable(
                    f"{leftover} cannot be removed ({error.strerror})"
                ) from error
        return {"unfinished files": found} if found else {}


def _is_file(path: Path) -> bool:
    """Return whether there is a file, not a device or pipe, with anything in it."""
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > 0
