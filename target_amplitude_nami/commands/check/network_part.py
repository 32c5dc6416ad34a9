"""Checks the way to Amplitude, and with `--online` the keys."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ssl
import typing as t
from urllib.parse import urlsplit

from target_amplitude_nami.amplitude import key_proof
from target_amplitude_nami.amplitude.account_api import HOSTS
from target_amplitude_nami.amplitude.export_api import PATH, export_address
from target_amplitude_nami.commands.account_url import account_url
from target_amplitude_nami.destinations import local_amplitude
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings.usable import NO_KEY

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.destination import Destination
    from target_amplitude_nami.amplitude.limits import Region
    from target_amplitude_nami.commands.check.checklist import Checklist
    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.settings import Settings

NETWORK: t.Final = "Network"
KEYS: t.Final = "Keys"
_SECONDS: t.Final = 20.0
_DAYS_OF_WARNING: t.Final = 14
_USER_AGENT: t.Final = "amplitude-nami/check"
_REGIONS: t.Final[tuple[Region, ...]] = ("us", "eu")


def check_network(checklist: Checklist, settings: Settings, *, is_online: bool) -> bool:
    """Connect to where events go, through the proxy if there is one; send nothing.

    Returns:
        Whether there is a connection that could be used.
    """
    if settings.endpoint_url is None:
        try:
            local_amplitude()
        except ConfigurationError as error:
            checklist.wrong(NETWORK, str(error))
        else:
            checklist.ok(NETWORK, "not needed: a run starts the local Amplitude")
        return False
    if not is_online and (settings.dry_run or not settings.enabled):
        run = "a dry run" if settings.enabled else "a run that is not enabled"
        checklist.ok(NETWORK, f"not needed: {run} sends nothing")
        return False
    destination = _destination(settings, "main")
    host = urlsplit(destination.url).netloc
    found = key_proof.reach(destination)
    if isinstance(found, key_proof.Finding):
        remedy = "check `endpoint` or `region`, and this machine's network and proxy"
        checklist.wrong(NETWORK, found.message, "" if found.says_what_to_do else remedy)
        return False
    through = f" through the proxy in {found.through}" if found.through else ""
    if found.tls is None:
        checklist.ok(NETWORK, f"{host} is reached{through}, without TLS")
        return True
    until = _day_of(found.tls.expires)
    text = (
        f"{host} is reached{through} with {found.tls.version}, and its certificate "
        f"is trusted"
    )
    if until is not None and (until - dt.datetime.now(dt.UTC)).days < _DAYS_OF_WARNING:
        checklist.warn(NETWORK, f"{text}, but only until {until.date()}", "renew it")
    else:
        checklist.ok(NETWORK, text)
    return True


def may_prove_keys(settings: Settings) -> bool:
    """Return whether there is a key, and somebody to ask about it."""
    return settings.endpoint_url is not None and settings.api_key not in {None, NO_KEY}


def check_keys(
    checklist: Checklist, settings: Settings, *, export_url: str | None
) -> None:
    """Prove the keys and the region by requests that store nothing.

    An API key alone cannot be proved, and the checklist says so.
    """
    if not may_prove_keys(settings):
        checklist.warn(KEYS, "no api_key is set, so there is none to check")
        return
    projects: list[Project] = ["main"]
    if settings.sandbox_api_key is not None:
        projects.append("sandbox")
    for project in projects:
        destination = _destination(settings, project)
        found = key_proof.ask_without_events(destination)
        if found.verdict == "bad":
            checklist.wrong(KEYS, found.message)
            continue
        checklist.ok(KEYS, f"{found.message}; nothing was sent to be stored")
        name = destination.key_setting
        if project == "sandbox" or settings.secret_key is None:
            checklist.warn(
                KEYS,
                f"{name} is not proved, as Amplitude gives this answer to any key",
                "watch the first events arrive"
                if project == "sandbox"
                else "give secret_key, with which the Export API proves the pair, or "
                "watch the first events arrive",
            )
        else:
            _check_pair(checklist, settings, destination, export_url)


def _check_pair(
    checklist: Checklist,
    settings: Settings,
    destination: Destination,
    export_url: str | None,
) -> None:
    secret_key = settings.secret_key or ""
    here = settings.project_region
    base = export_url or account_url(settings.endpoint_url or "", here)
    is_usual = base == HOSTS[here]
    url = "".join(export_address(base))
    found = key_proof.ask_for_export(destination, secret_key, url)
    if found.verdict == "good":
        where = f", so the project is in region {here}" if is_usual else ""
        checklist.ok(KEYS, f"{found.message}{where}")
    elif found.verdict == "unproved":
        checklist.warn(KEYS, f"{found.message}: api_key is not proved")
    elif found.is_answer and is_usual:
        (other,) = (region for region in _REGIONS if region != here)
        there = key_proof.ask_for_export(destination, secret_key, HOSTS[other] + PATH)
        remedy = (
            f"the project is in region {other}: set `region: {other}`"
            if there.verdict == "good"
            else "copy both keys again from the settings of the project in Amplitude"
        )
        checklist.wrong(KEYS, found.message, remedy)
    elif found.is_answer:
        checklist.wrong(KEYS, found.message, "copy both keys again from the project")
    else:
        checklist.warn(KEYS, f"{found.message}: api_key is not proved")


def _destination(settings: Settings, project: Project) -> Destination:
    found = settings.destination(project, user_agent=_USER_AGENT)
    seconds = min(_SECONDS, found.read_timeout)
    return dataclasses.replace(found, read_timeout=seconds)


def _day_of(expires: str | None) -> dt.datetime | None:
    if expires is None:
        return None
    try:
        return dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(expires), dt.UTC)
    except ValueError:
        return None
