"""The command line of `amplitude-nami forget`."""

from __future__ import annotations

import contextlib
import functools
import typing as t

import click
import msgspec

from target_amplitude_nami.commands.account_url import AccountUrl
from target_amplitude_nami.commands.command import configured
from target_amplitude_nami.commands.configuration import Configuration
from target_amplitude_nami.commands.forget.amplitude import (
    WARNING,
    Deletion,
    job_lines,
)
from target_amplitude_nami.commands.forget.files import ErasableFiles, remove
from target_amplitude_nami.commands.forget.result import (
    FileOutcome,
    FileResult,
    ForgetResult,
    PersonIds,
)
from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.errors import AmplitudeNamiError
from target_amplitude_nami.store.person_lookup import FoundPerson, PersonLookup

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.settings import Settings

_EXAMPLES: t.Final = """\b
Examples:
  amplitude-nami forget --config config.json --external-id 035b30e2-… --dry-run
  amplitude-nami forget --config config.json --external-id 035b30e2-…
"""


_IDS: t.Final = frozenset({"user", "external_id", "device"})


class _Options(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    user: str | None
    external_id: str | None
    device: str | None
    dry_run: bool
    amplitude: bool
    yes: bool
    status: bool
    requester: str
    privacy_url: str | None

    def check(self) -> None:
        """Refuse options that cannot be combined.

        Raises:
            click.UsageError: For that.
        """
        named = [each for each in (self.user, self.external_id, self.device) if each]
        given = [
            each
            for each in (self.user, self.external_id, self.device)
            if each is not None
        ]
        if self.status:
            if given or self.amplitude or self.dry_run or self.yes:
                raise click.UsageError(
                    "--status can be combined with --privacy-url only"
                )
        elif len(given) != 1 or len(named) != 1:
            raise click.UsageError(
                "give exactly one of --user, --external-id and --device, and not empty"
            )
        for each in given:
            try:
                each.encode()
            except UnicodeEncodeError as error:
                raise click.UsageError("the id is not valid UTF-8") from error
        if self.yes and not self.amplitude:
            raise click.UsageError("--yes needs --amplitude")
        if self.yes and self.dry_run:
            raise click.UsageError("--dry-run and --yes cannot be combined")
        if self.privacy_url is not None and not (self.amplitude or self.status):
            raise click.UsageError("--privacy-url needs --amplitude or --status")


@click.command("forget", epilog=_EXAMPLES)
@click.option("--user", metavar="ID", help="The person's Nami user id.")
@click.option("--external-id", metavar="ID", help="The person's External ID.")
@click.option("--device", metavar="ID", help="A device of the person.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be erased; change nothing."
)
@click.option(
    "--amplitude",
    is_flag=True,
    help="Also ask Amplitude to delete the user: show the request, and change nothing"
    " without --yes.",
)
@click.option("--yes", is_flag=True, help="Send the request, and erase the person.")
@click.option(
    "--status", is_flag=True, help="Show Amplitude's deletion jobs of these weeks."
)
@click.option(
    "--requester",
    default="amplitude-nami",
    show_default=True,
    metavar="NAME",
    help="Who asks Amplitude, for its records.",
)
@click.option(
    "--privacy-url",
    type=AccountUrl(),
    metavar="URL",
    help="Where the User Privacy API is, in place of Amplitude.",
)
@configured
def command(configuration: Configuration, output: Output, **parameters: t.Any) -> int:
    """Erase one person from all that runs have left behind.

    From the memory file, the rejects, a dry run, the report, and the file of the local
    Amplitude; with --amplitude from Amplitude, too. Files that were moved elsewhere are
    not searched. If the source still has the person, the next run reads them as new.
    """
    options = _Options(
        **{
            name: value.strip() if name in _IDS and value is not None else value
            for name, value in parameters.items()
        }
    )
    options.check()
    uses_amplitude = options.amplitude or options.status
    if not uses_amplitude:
        configuration = _without_destination(configuration)
    settings = configuration.settings
    deletion = Deletion(settings, options.privacy_url) if uses_amplitude else None
    if options.status:
        assert deletion is not None  # noqa: S101 - checked two lines above
        return _show_status(deletion, output)
    separator = "__"
    if configuration.values.get("flattening_enabled"):
        separator = str(configuration.values.get("flattening_separator") or separator)
    with contextlib.closing(ErasableFiles(settings, separator)) as files:
        return _forget(options, settings, files, deletion, output)


def _without_destination(configuration: Configuration) -> Configuration:
    """Return settings that need no key, as nothing is sent."""
    values = {**configuration.values, "dry_run": True, "endpoint": None}
    return Configuration(values, configuration.sources)


def _show_status(deletion: Deletion, output: Output) -> int:
    jobs = deletion.status(output.note)
    output.result(
        {"jobs": jobs},
        job_lines(jobs) if jobs else ["Amplitude has no deletion jobs for these weeks"],
    )
    return 0


def _forget(
    options: _Options,
    settings: Settings,
    files: ErasableFiles,
    deletion: Deletion | None,
    output: Output,
) -> int:
    found = _find(options, settings, files)
    person = found.person
    leftovers = files.leftovers(person)
    is_rehearsal = options.dry_run or (options.amplitude and not options.yes)
    amplitude: dict[str, t.Any] | None = None
    lines: list[str] = []
    if deletion is not None:
        requests = deletion.requests_for(person, options.requester)
        amplitude = {"url": deletion.account.base_url, "requests": requests, "jobs": []}
        lines += [f"{WARNING}:", *deletion.request_lines(requests)]
        if not is_rehearsal:
            jobs = deletion.send(requests, output.note)
            amplitude["jobs"] = jobs
            lines += ["Amplitude accepted the request:", *job_lines(jobs)]
        else:
            lines.append("The request was not sent: --yes sends it")
        amplitude["is_sent"] = not is_rehearsal
    result = ForgetResult(
        PersonIds(
            [*person.nami_user_ids],
            [*person.external_ids],
            [*person.device_ids],
            [*person.shared_device_ids],
            [*found.others],
        ),
        [*_erase(files, person, leftovers, is_rehearsal=is_rehearsal)],
        is_rehearsal,
        amplitude,
    )
    output.result(result, [*result.lines(), *lines])
    return 0 if result.is_done else 1


def _find(options: _Options, settings: Settings, files: ErasableFiles) -> FoundPerson:
    """Return the person of the id that was given, as far as the store knows more."""
    if files.store is None:
        nami, external = Ids([options.user or ""]), Ids([options.external_id or ""])
        devices = Ids([options.device or ""])
        return FoundPerson(Person(nami, external, devices, user_ids=nami | external))
    people = PersonLookup(
        files.store.file, sends_nami_ids=settings.user_source == "nami_user_id"
    )
    if options.user is not None:
        return people.of_nami_user(options.user)
    if options.external_id is not None:
        return people.of_external_id(options.external_id)
    return people.of_device(options.device or "")


def _erase(
    files: ErasableFiles,
    person: Person,
    leftovers: list[Path],
    *,
    is_rehearsal: bool,
) -> Iterator[FileResult]:
    """Erase a person from file after file, up to the first that fails."""

    def erase_leftover(path: Path) -> dict[str, int]:
        if not is_rehearsal:
            remove(path)
        return {"unfinished files": 1}

    steps: list[tuple[str, Path, Callable[[], dict[str, int]]]] = [
        ("", path, functools.partial(erase_leftover, path)) for path in leftovers
    ]
    for setting, path in files.paths.items():
        erase = functools.partial(
            files.erase, setting, person, is_rehearsal=is_rehearsal
        )
        steps.append((setting, path, erase))
    has_failed = False
    for setting, path, step in steps:
        counts: dict[str, int] = {}
        outcome: FileOutcome = "not tried"
        problem = None
        if not has_failed:
            try:
                counts = step()
                outcome = "erased" if any(counts.values()) else "clean"
            except AmplitudeNamiError as error:
                has_failed, outcome, problem = True, "failed", str(error)
        yield FileResult(setting, f"{path}", outcome, counts, problem)
    for setting, path in files.missing.items():
        yield FileResult(setting, f"{path}", "missing")
