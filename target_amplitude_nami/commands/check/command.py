"""The command `amplitude-nami check`."""

from __future__ import annotations

import functools
import sys
import typing as t
from pathlib import Path

import click

from target_amplitude_nami.commands.account_url import AccountUrl
from target_amplitude_nami.commands.check.checklist import Checklist
from target_amplitude_nami.commands.check.files_part import check_files
from target_amplitude_nami.commands.check.input_part import INPUT, check_input
from target_amplitude_nami.commands.check.local_part import (
    check_local,
    only_with_local,
)
from target_amplitude_nami.commands.check.maps_part import check_maps
from target_amplitude_nami.commands.check.network_part import (
    KEYS,
    NETWORK,
    check_keys,
    check_network,
    may_prove_keys,
)
from target_amplitude_nami.commands.check.settings_part import (
    check_events,
    check_settings,
    check_variables,
)
from target_amplitude_nami.commands.command import WRONG, configured
from target_amplitude_nami.commands.configuration import read_what_can_be_read
from target_amplitude_nami.settings.usable import usable_settings
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

if t.TYPE_CHECKING:
    from target_amplitude_nami.commands.check.input_part import Input
    from target_amplitude_nami.commands.check.maps_part import MapKeys
    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.settings.usable import UsableSettings

_STDIN: t.Final = "-"


def _check(  # noqa: PLR0913 - one for each option
    configuration: Configuration,
    output: Output,
    *,
    online: bool,
    stdin: bool,
    path: str | None,
    export_url: str | None,
    local: Path | None,
    rejects: Path | None,
    report: Path | None,
) -> int:
    if local is not None:
        if online or stdin or path is not None:
            raise click.UsageError("--local looks at events that were sent, alone")
        is_ok = check_local(output, local, rejects=rejects, report=report)
        return 0 if is_ok else WRONG
    only_with_local(rejects=rejects, report=report)
    if stdin:
        if path not in {None, _STDIN}:
            raise click.UsageError("--stdin and --input cannot be combined")
        path = _STDIN
    usable = usable_settings(configuration.values, SDK_SETTINGS)
    checklist = Checklist()
    found: dict[str, object] = {
        "settings": check_settings(checklist, configuration, usable)
    }
    settings = usable.settings
    if settings is not None:
        found["events"] = check_events(checklist, settings)
    check_variables(checklist, configuration, settings)
    maps = check_maps(checklist, configuration.values, usable)
    found["memory"] = None
    if settings is not None:
        found["memory"] = check_files(checklist, settings, _descriptor(path))
        _check_network(checklist, usable, is_online=online, export_url=export_url)
    found["input"] = None
    if path is not None:
        found["input"] = _check_input(checklist, configuration, usable, path, maps)
    result = {"ok": not checklist.is_wrong, "checks": checklist.lines, **found}
    output.result(result, checklist.for_people())
    return WRONG if checklist.is_wrong else 0


def _check_network(
    checklist: Checklist,
    usable: UsableSettings,
    *,
    is_online: bool,
    export_url: str | None,
) -> None:
    settings = usable.settings
    if settings is None or not usable.left_out.isdisjoint({"endpoint", "region"}):
        checklist.warn(NETWORK, "not tried, as the settings do not say where to send")
        return
    is_reached = check_network(checklist, settings, is_online=is_online)
    if is_online and is_reached:
        check_keys(checklist, settings, export_url=export_url)
    elif not is_online and may_prove_keys(settings):
        checklist.warn(KEYS, "not proved", "`--online` asks Amplitude")


def _check_input(
    checklist: Checklist,
    configuration: Configuration,
    usable: UsableSettings,
    path: str,
    maps: MapKeys,
) -> Input | None:
    settings = usable.settings
    if settings is None or usable.left_out - {"api_key"} or configuration.problems:
        checklist.warn(INPUT, "not read while settings are wrong")
        return None
    return check_input(
        checklist,
        configuration,
        path,
        maps,
        excluded=settings.exclude_properties,
        max_rejected=settings.max_rejected,
    )


def _descriptor(path: str | None) -> int | None:
    """Return standard input where it is the input of the run."""
    if path != _STDIN:
        return None
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return None


@click.command(
    short_help="Check settings, files and connections before a run.",
    epilog="Example: amplitude-nami check --config config.json --online",
)
@click.option(
    "--online",
    is_flag=True,
    help="Ask Amplitude whether it knows the keys, by requests that store nothing.",
)
@click.option(
    "--stdin", is_flag=True, help="Also rehearse a run over Singer input: `tap | ...`."
)
@click.option(
    "--input",
    "path",
    metavar="FILE",
    help="Also rehearse a run over a file of Singer messages or JSON records; - for"
    " standard input.",
)
@click.option(
    "--export-url",
    metavar="URL",
    type=AccountUrl(),
    help="The Export API, if it is not at Amplitude's own address.",
)
@click.option(
    "--local",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead say what is wrong with the events that a run has sent to this file of"
    " a local Amplitude.",
)
@click.option(
    "--rejects",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --local: the rejects file of that run, if it is not the one that the"
    " last run noted.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --local: its report, likewise.",
)
@functools.partial(configured, read=read_what_can_be_read)
def command(*args: t.Any, **parameters: t.Any) -> int:
    """Check the settings, files and connections of a run, before it begins.

    Prints a checklist: ✓ for what is as it should be, ! for what may be meant so or
    cannot be proved, ✗ for what would go wrong. Ends with 1 if there is any ✗. No event
    is sent, and nothing is made or changed, also beside a run.

    With --local, prints what the page of the local Amplitude says under Trust: ✗ for
    what would mislead, ! for what somebody should look at, · for what is good to know.
    Ends with 1 if there is any ✗.
    """
    return _check(*args, **parameters)
