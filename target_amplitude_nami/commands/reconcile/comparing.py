"""Puts a comparison together: what is expected, what Amplitude has, the result."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import sqlite3
import typing as t

import click
import msgspec

from target_amplitude_nami.amplitude.account_api import AccountApi
from target_amplitude_nami.amplitude.account_connection import Account
from target_amplitude_nami.amplitude.export_api import ExportApi, export_address
from target_amplitude_nami.amplitude.hours import hour_of, show
from target_amplitude_nami.commands.account_url import account_url, is_on_this_machine
from target_amplitude_nami.commands.singer_input import read_input
from target_amplitude_nami.destinations import local_amplitude
from target_amplitude_nami.errors import (
    ConfigurationError,
    OutputUnwritable,
    RequestFailed,
    StoreUnusable,
)
from target_amplitude_nami.reconciliation import result
from target_amplitude_nami.reconciliation.expectations import (
    IDENTIFY,
    InputExpectations,
    LeftOut,
    expect_delivered,
)
from target_amplitude_nami.reconciliation.exported import read_archive
from target_amplitude_nami.reconciliation.judging import Subject, judge
from target_amplitude_nami.reconciliation.matching import Matcher
from target_amplitude_nami.reconciliation.new_file import new_file
from target_amplitude_nami.reconciliation.resending import resend
from target_amplitude_nami.reconciliation.window import Window, moment_of, window_of
from target_amplitude_nami.reconciliation.workspace import Workspace
from target_amplitude_nami.settings.settings import LOCAL_KEY
from target_amplitude_nami.singer.rehearsal import NoRejects, rehearse
from target_amplitude_nami.store.delivered_reader import (
    DeliveredReader,
    check_not_in_use,
)
from target_amplitude_nami.store_choice import names_of, projects_of
from target_amplitude_nami.user_agent import user_agent

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.commands.reconcile.arguments import Arguments
    from target_amplitude_nami.reconciliation.result import Result
    from target_amplitude_nami.settings import Settings

_FOREVER_MS: t.Final = 1 << 62
_SECONDS: t.Final = 300.0
_SECONDS_LOCALLY: t.Final = 5.0
_PACKAGE: t.Final = "target-amplitude-nami"


class _Schemas(NoRejects):
    def __init__(self, expectations: InputExpectations) -> None:
        self._expectations = expectations

    def declare(self, stream: str, schema_line: bytes, /) -> None:
        self._expectations.declare(stream, schema_line)


class Reconciliation:
    """One comparison: its parts, closed by the stack."""

    def __init__(
        self,
        configuration: Configuration,
        settings: Settings,
        arguments: Arguments,
        output: Output,
        stack: contextlib.ExitStack,
    ) -> None:
        """Take what was asked for.

        Args:
            configuration: The settings that are given.
            settings: The same, checked.
            arguments: Those of the command.
            output: Takes notes for people.
            stack: Closes the parts.
        """
        self._configuration = configuration
        self._settings = settings
        self._arguments = arguments
        self._note = output.note
        self._stack = stack
        self._project = projects_of(settings)["main"]

    def run(self) -> Result:
        """Compare, and write the files that were asked for.

        Raises:
            AmplitudeNamiError: When nothing can be compared.
            click.Abort: After Ctrl-C.
        """
        settings, arguments = self._settings, self._arguments
        reader = self._open_reader()
        base_url, path = self._address()
        window = self._window(reader, base_url)
        workspace = Workspace()
        self._stack.callback(workspace.close)
        left_out = self._expect(reader, window, workspace)
        workspace.index()
        names = [name for _, name in settings.sent_names]
        matcher = Matcher(workspace, reader, window, sent_names=names)
        if window.span.hours >= 1:
            account = Account(
                base_url=base_url,
                api_key=settings.api_key or LOCAL_KEY,
                secret_key=settings.secret_key or LOCAL_KEY,
                user_agent=user_agent(),
                read_timeout=settings.request_timeout,
                retry_for=min(settings.retry_for, _longest_retry(base_url)),
            )
            with AccountApi(account, note=self._note) as api:
                export = ExportApi(api, path=path, note=self._note)
                for part, archive in export.archives(window.asked):
                    matcher.take(read_archive(archive, str(part)))
        workspace.sort()
        subject = Subject(
            memory=None if reader is None else str(settings.memory_path),
            source="standard input" if arguments.source == "-" else arguments.source,
            first_delivery=None if reader is None else reader.first_delivery(),
            has_sandbox=settings.sandbox_api_key is not None,
        )
        found = judge(subject, window, workspace, matcher.tally, left_out)
        if arguments.ids is not None:
            _write_findings(workspace, arguments.ids)
        if arguments.out is not None and found.missing:
            found = self._resend(workspace, found)
        return found

    def _open_reader(self) -> DeliveredReader | None:
        path = self._settings.memory_path
        if path is None:
            return None
        try:
            reader = DeliveredReader(path, self._project)
        except StoreUnusable:
            if path.exists() or self._arguments.source is None or self._arguments.out:
                raise
            return None
        self._stack.callback(reader.close)
        if self._arguments.out is not None:
            check_not_in_use(path)  # rather now than after gigabytes
        return reader

    def _address(self) -> tuple[str, str]:
        """Return the base URL of the account APIs, and the path of the Export API."""
        settings, url = self._settings, self._arguments.export_url
        if url is not None:
            return export_address(url)
        if settings.endpoint_url is None:
            return export_address(self._start_local())
        region = settings.project_region
        return export_address(account_url(settings.endpoint_url, region))

    def _start_local(self) -> str:
        """Serve the file of the local Amplitude; return its address."""
        path = self._settings.local_path
        if not path.is_file() or not path.stat().st_size:
            raise RequestFailed(f"there is no local Amplitude in {path} yet")
        try:
            local = self._stack.enter_context(local_amplitude()(path))
        except (OSError, sqlite3.Error) as error:
            raise OutputUnwritable(
                f"the local Amplitude in {path} cannot be used ({error})"
            ) from error
        return local.url

    def _window(self, reader: DeliveredReader | None, base_url: str) -> Window:
        now = dt.datetime.now(dt.UTC)
        start = self._arguments.start
        if start is None:
            if reader is None:
                raise ConfigurationError(
                    ["--start is needed, as no memory file knows the first delivery."]
                )
            first = reader.first_delivery()
            if first is None:
                problem = (
                    f"Nothing was compared: {self._settings.memory_path} knows of no "
                    f"event that was delivered to this project (see `api_key`); give "
                    f"--start to ask Amplitude anyway."
                )
                raise ConfigurationError([problem])
            start = hour_of(moment_of(first))
            end = self._arguments.end
            if end is not None and end < start:
                problem = (
                    f"Nothing was compared: the first delivery that "
                    f"{self._settings.memory_path} knows was after --end, at "
                    f"{show(start)}."
                )
                raise ConfigurationError([problem])
        return window_of(
            start,
            self._arguments.end,
            now=now,
            is_immediate=is_on_this_machine(base_url),
            retry_for=self._settings.retry_for,
        )

    def _expect(
        self, reader: DeliveredReader | None, window: Window, workspace: Workspace
    ) -> LeftOut:
        source = self._arguments.source
        if window.span.hours < 1 or source is None:
            left_out = LeftOut()
            if reader is None:
                return left_out
            if window.span.hours >= 1:
                left_out = expect_delivered(reader, window, workspace)
            if window.is_open or window.left_out is not None:
                until = window.wanted_until
                left_out.not_yet_exportable = reader.count(
                    max(window.since, window.until),
                    _FOREVER_MS if until is None else until,
                    without=IDENTIFY,
                )
            return left_out
        expectations = InputExpectations(
            workspace, reader, window, keeps_lines=self._arguments.out is not None
        )
        with _quiet():
            report = rehearse(
                self._configuration.values,
                read_input(source),
                expectations,
                make_store=names_of,
                rejects=_Schemas(expectations),
            )
        if report.outcome != "complete":
            raise click.Abort
        expectations.flush()
        return expectations.left_out

    def _resend(self, workspace: Workspace, found: Result) -> Result:
        memory, out = self._settings.memory_path, self._arguments.out
        if memory is None or out is None:
            return found
        if not found.in_both:
            text = (
                "Nothing was written for --resend, as Amplitude has none of the events:"
                " this looks like another project, or other hours."
            )
            return msgspec.structs.replace(found, problems=[*found.problems, text])
        resent = resend(workspace, out, memory, self._project)
        return msgspec.structs.replace(found, resent=resent)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep a rehearsal from logging what a run would warn of: nothing is sent."""
    logger = logging.getLogger(_PACKAGE)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _longest_retry(base_url: str) -> float:
    """Return for how long a request may fail: somebody waits for the command."""
    return _SECONDS_LOCALLY if is_on_this_machine(base_url) else _SECONDS


def _write_findings(workspace: Workspace, path: Path) -> None:
    with new_file(path) as file:
        for finding in result.findings(workspace):
            file.write(msgspec.json.encode(finding) + b"\n")
