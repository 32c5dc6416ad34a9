"""Where the account APIs are: Amplitude's, or those of a server on this machine."""

from __future__ import annotations

import sys
import typing as t
from urllib.parse import urlsplit

import click

from target_amplitude_nami.amplitude.account_api import HOSTS
from target_amplitude_nami.amplitude.client import trusts_environment

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.limits import Region


class AccountUrl(click.ParamType[str]):
    """An address that both keys may be sent to."""

    name = "url"

    @override
    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if (why := _objection(value)) is not None:
            self.fail(why, param, ctx)
        return value


def account_url(endpoint: str, region: Region) -> str:
    """Return the base URL of the account APIs of where events go.

    Keys for a server on this machine are no keys of Amplitude's.

    Args:
        endpoint: The address that events are sent to.
        region: The region of the project, if that is at Amplitude.
    """
    if not is_on_this_machine(endpoint):
        return HOSTS[region]
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def is_on_this_machine(url: str) -> bool:
    """Return whether a URL leads to this machine."""
    return not trusts_environment(url)


def _objection(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "this is not a valid URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "this is not a valid URL"
    if parts.username is not None or parts.query or parts.fragment:
        return "a URL without user, query and fragment is needed"
    if parts.scheme == "http" and not is_on_this_machine(url):
        return "http:// is for this machine only, as the keys would be readable"
    return None
