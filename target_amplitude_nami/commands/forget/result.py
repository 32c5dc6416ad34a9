"""What `forget` found and did: for programs, and as lines for people."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_SINGULAR: t.Final = {
    "records": "record",
    "events": "event",
    "named ids": "named id",
    "users": "user",
    "logged requests": "logged request",
    "sent states": "sent state",
    "delivered events": "delivered event",
    "held records": "held record",
    "owners of ids": "owner of an id",
    "id conflicts": "id conflict",
    "unfinished files": "unfinished file of a run that was killed",
}
"""What is counted, by its plural."""

FileOutcome: t.TypeAlias = t.Literal[
    "erased", "clean", "missing", "failed", "not tried"
]


class PersonIds(msgspec.Struct, frozen=True):
    """The ids that belong together."""

    nami_user_ids: list[str]
    external_ids: list[str]
    device_ids: list[str]
    shared_device_ids: list[str]
    """Devices that others use as well: data with these ids alone is not erased."""
    others: list[str]
    """Nami users that the ids lead to, and who are other people."""

    def lines(self) -> Iterator[str]:
        """Yield who the person is."""
        parts = [
            f"{noun if len(ids) == 1 else f'{noun}s'} {', '.join(map(printable, ids))}"
            for noun, ids in (
                ("Nami user", self.nami_user_ids),
                ("External ID", self.external_ids),
                ("device", self.device_ids),
            )
            if ids
        ]
        yield f"Person: {'; '.join(parts)}"
        if self.shared_device_ids:
            yield (
                f"Shared with others, so data with this id alone is not erased: device"
                f"{'' if len(self.shared_device_ids) == 1 else 's'} "
                f"{', '.join(map(printable, self.shared_device_ids))}"
            )
        if self.others:
            yield (
                f"Others who had one of these ids, and are not erased: Nami user"
                f"{'' if len(self.others) == 1 else 's'} "
                f"{', '.join(map(printable, self.others))}"
            )


class FileResult(msgspec.Struct, frozen=True):
    """The outcome for one file."""

    setting: str
    path: str
    outcome: FileOutcome
    """`clean` when it does not have the person, `missing` when there is no file."""
    counts: dict[str, int] = {}
    error: str | None = None

    def line(self, *, is_rehearsal: bool) -> str:
        """Return the outcome as text."""
        found = ", ".join(
            counted(n, _SINGULAR[name], name) for name, n in self.counts.items() if n
        )
        outcome = {
            "erased": f"{'would erase ' if is_rehearsal else 'erased '}{found}",
            "clean": "nothing about them",
            "missing": "no such file",
            "failed": f"NOT erased: {self.error}",
            "not tried": "not erased yet",
        }[self.outcome]
        return f"  {self.path}: {outcome}"


class ForgetResult(msgspec.Struct, frozen=True):
    """What `forget` found and did."""

    person: PersonIds
    files: list[FileResult]
    is_rehearsal: bool
    """Whether nothing was changed: `--dry-run`, or `--amplitude` without `--yes`."""
    amplitude: dict[str, t.Any] | None = None
    """The requests to Amplitude, and what came of them."""

    @property
    def is_done(self) -> bool:
        """Whether no file failed."""
        return all(each.outcome not in {"failed", "not tried"} for each in self.files)

    def lines(self) -> Iterator[str]:
        """Yield the result as text."""
        yield from self.person.lines()
        for each in self.files:
            yield each.line(is_rehearsal=self.is_rehearsal)
        if not self.is_done:
            yield "Not everything is erased: fix the cause and run this again"
        elif not any(each.outcome == "erased" for each in self.files):
            yield "These files have nothing about the person"
        elif self.is_rehearsal:
            yield "Nothing was changed"
