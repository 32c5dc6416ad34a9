"""Runs `amplitude-nami local`: serves a local Amplitude, or sums one up."""

from __future__ import annotations

import errno
import signal
import socket
import sqlite3
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from target_amplitude_nami.commands.command import configured
from target_amplitude_nami.destinations import local_amplitude
from target_amplitude_nami.errors import (
    ConfigurationError,
    InputUnreadable,
    OutputUnwritable,
)
from target_amplitude_nami.local import DEFAULT_PORT
from target_amplitude_nami.local.faults import FaultError, Faults
from target_amplitude_nami.local.page.explanations import Explainers
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.run_note import RunFiles
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.local.ingest.behaviour import Region
    from target_amplitude_nami.local.queries.reader import Summary

_MAX_PORT = 65_535
_RESERVED_PORTS = range(1, 1_024)
_REGIONS = frozenset({"us", "eu"})


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """The options of the command that say how the local Amplitude behaves."""

    port: int
    host: str | None
    faults: Path | None
    keys: tuple[str, ...]
    eu: bool

    @property
    def region(self) -> Region:
        """The region that it stands for."""
        return "eu" if self.eu else "us"


@click.command(
    "local",
    short_help="Serve a local Amplitude, or sum one up.",
    epilog="Example: amplitude-nami local output/local-amplitude.db",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--summary", is_flag=True, help="Only print a summary of FILE.")
@click.option("--new", is_flag=True, help="Make FILE if it does not exist.")
@click.option(
    "--port",
    type=click.IntRange(0, _MAX_PORT),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port; 0 for any free one.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    help="The address to listen on: whoever reaches it can read everything and change"
    " faults. Without it the loopback, for this machine only.",
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A JSON file of faults: when and how to misbehave.",
)
@click.option(
    "--keys",
    metavar="KEY,KEY",
    multiple=True,
    help="The API keys that exist; a key of another region as us:KEY or eu:KEY, and"
    " KEY/SECRET with the secret key that exports need. May be given several times."
    " Without it any.",
)
@click.option(
    "--eu",
    is_flag=True,
    help="Stand for Amplitude's EU region, where keys of the US are invalid.",
)
@click.option(
    "--input",
    "source",
    metavar="FILE",
    help="The input that the events came from: the page of an event then explains it,"
    " with the settings of --config.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The rejects file of the run that sent the events; without it the one that the"
    " last run with endpoint: local noted.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The report of that run; without it likewise.",
)
@configured
def command(  # noqa: PLR0913 - its options
    configuration: Configuration,
    output: Output,
    *,
    file: Path | None,
    summary: bool,
    new: bool,
    source: str | None,
    rejects: Path | None,
    report: Path | None,
    **options: object,
) -> int:
    """Stand in for Amplitude's APIs on this machine, until Ctrl-C.

    What arrives is stored in FILE, an SQLite file that a run with `endpoint: local` has
    made (default: the setting `local_path`), and shown on a page whose address is
    printed.
    """
    path = file or configuration.without_delivery().settings.local_path
    if summary:
        _sum_up(path, output)
    else:
        if not new and not path.exists():
            raise InputUnreadable(
                f"{path} does not exist: a run with `endpoint: local` makes it; to"
                f" begin with an empty file, add --new"
            )
        # They take long to import.
        from target_amplitude_nami.commands.event_explainer import (  # noqa: PLC0415
            EventExplainer,
        )
        from target_amplitude_nami.commands.reject_explainer import (  # noqa: PLC0415
            RejectExplainer,
        )

        values, redacted = configuration.values, output.redacted
        with ExitStack() as stack:
            explain = None
            if source is not None:
                explainer = EventExplainer(values, source, redacted)
                explain = stack.enter_context(explainer)
            explainers = Explainers(explain, RejectExplainer(values, redacted))
            server = msgspec.convert(options, ServerOptions)
            _serve(path, server, output, explainers, RunFiles(report, rejects))
    return 0


def local_amplitude_alias() -> None:
    """Run the command under its former name, `local-amplitude`."""
    from target_amplitude_nami.commands.main import (  # noqa: PLC0415 - a circle
        main,
    )

    click.echo(
        "local-amplitude is now called `amplitude-nami local`; the old name will be"
        " removed in the next release",
        err=True,
    )
    main(["local", *sys.argv[1:]], prog_name="amplitude-nami")


def render(summary: Summary) -> list[str]:
    """Format a summary as text: a line per event type, then the totals."""
    totals = (
        counted(summary.total, "event in all", "events in all"),
        counted(summary.identifies, "identify", "identifies"),
        counted(summary.users, "user"),
        counted(summary.duplicates, "duplicate dropped", "duplicates dropped"),
        f"{counted(summary.requests, 'request')}, {summary.refused:,} of them refused",
    )
    rows = [(f"{count:,}", name) for name, count in summary.events.items()]
    for total in totals:
        number, _, noun = total.partition(" ")
        rows.append((number, noun))
    return [f"{number:>9}  {what}" for number, what in rows]


def keys_of(text: str | None, region: Region) -> frozenset[str] | None:
    """Parse a list of keys; return those of a region, or None without a list.

    A key without a region belongs to the region that is served. So one list works for
    two local Amplitudes, and mixed-up keys are invalid there as in the real ones.

    Args:
        text: The list, such as `a,eu:b`.
        region: The region that is served.

    Raises:
        click.BadParameter: A region is unknown.
    """
    if not text:
        return None
    known = set()
    for entry in text.split(","):
        home, colon, key = entry.strip().partition(":")
        if not colon:
            known.add(home)
        elif home == region:
            known.add(key)
        elif home not in _REGIONS:
            raise click.BadParameter(  # which may be a key, and is not shown
                "what stands before a colon is a region, us or eu; a secret key "
                "follows its API key after a slash",
                param_hint="--keys",
            )
    return frozenset(known)


def _sum_up(path: Path, output: Output) -> None:
    try:
        summary = Reader(path).summary()
    except (OSError, sqlite3.Error) as error:
        raise InputUnreadable(f"{path} cannot be read ({error})") from error
    total = {"file": str(path), "total": summary.total}
    output.result(total | msgspec.to_builtins(summary), render(summary))


def _serve(
    path: Path,
    options: ServerOptions,
    output: Output,
    explainers: Explainers,
    run_files: RunFiles,
) -> None:
    server = local_amplitude()(
        path,
        port=options.port,
        host=options.host,
        region=options.region,
        faults=_faults(options.faults),
        keys=keys_of(",".join(options.keys), options.region),
        on_trouble=lambda why: output.note(
            f"{path} cannot be written ({why}): requests are answered with an"
            " error until it can"
        ),
        explain=explainers.event,
        explain_reject=explainers.reject,
        run_files=run_files,
    )
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            local = stack.enter_context(server)
        except (OSError, sqlite3.Error) as error:
            raise OutputUnwritable(_why_not(error, path, options)) from error
        endpoints = [local.endpoint("http_v2"), local.endpoint("batch")]
        if output.as_json:
            served = {"file": str(path), "url": local.url, "endpoints": endpoints}
            output.result(served, ())
        else:
            output.note(f"{local.url} shows what arrives in {path}; Ctrl-C stops it")
            output.note(
                f"events go to {' or '.join(endpoints)}"
                f" (Amplitude region {options.region.upper()})"
            )
        threading.Event().wait()


def _why_not(error: Exception, path: Path, options: ServerOptions) -> str:
    """Say why a server does not start, and what to do."""
    where = f"port {options.port}"
    if options.host is not None:
        where += f" of {options.host}"
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"{where} is taken, perhaps by another local Amplitude: stop what listens"
            f" there, or choose another port with --port (0 for any free one)"
        )
    if code == errno.EACCES and options.port in _RESERVED_PORTS:
        return f"{where} is for the system's services: choose one from 1024 on"
    if code == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{options.host} is no address of this machine: change --host"
    return f"cannot serve {path} on {where} ({error})"


def _faults(path: Path | None) -> Faults | None:
    if path is None:
        return None
    try:
        return Faults.from_text(path.read_bytes())
    except (FaultError, OSError) as error:
        raise ConfigurationError([f"--faults {path}: {error}"]) from error


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
