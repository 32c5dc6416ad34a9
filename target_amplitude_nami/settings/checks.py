"""Checks what the type of a setting does not show, and settings together."""

from __future__ import annotations

import contextlib
import os.path
import re
import stat
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.settings.schema import DEFAULTS, ENVIRONMENT_PREFIX
from target_amplitude_nami.settings.wording import show

_Values: t.TypeAlias = Mapping[str, t.Any]


def problems_together(values: _Values, wrong: Iterable[str]) -> Iterator[str]:
    """Yield a line for each mistake that a setting's type alone does not show.

    Args:
        values: Every declared setting, given or default.
        wrong: The settings that are known to be wrong; neither they nor what depends
            on them is checked again.
    """
    for involved, check in _CHECKS.items():
        if not involved.intersection(wrong):
            yield from check(values)


def reserved_names(sent_names: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each name that Amplitude refuses for an event."""
    for event_type, name in sent_names.items():
        if name in limits.RESERVED_EVENT_TYPES:
            yield (
                f'event_names: "{event_type}" would be sent as "{name}", a name that '
                "Amplitude keeps for itself."
            )


def warnings_about(values: _Values) -> Iterator[str]:
    """Yield a line for each setting that is given but has no effect."""
    endpoint, region = values["endpoint"], values["region"]
    regions_host = urlsplit(limits.ENDPOINTS[region, "http_v2"]).hostname
    if (
        region != DEFAULTS["region"]
        and endpoint not in {None, LOCAL}
        and urlsplit(endpoint).hostname != regions_host
    ):
        yield (
            f"region: {show(region)} has no effect on runs, as `endpoint` says where "
            f"to send."
        )
    if (
        values["user_source"] == "nami_user_id"
        and values["anonymous_users"] != DEFAULTS["anonymous_users"]
    ):
        yield (
            f"anonymous_users: {show(values['anonymous_users'])} has no effect with "
            "`user_source: nami_user_id`."
        )
    if values["sandbox_api_key"] and values["sandbox_purchases"] == "skip":
        yield "sandbox_api_key has no effect with `sandbox_purchases: skip`."


def moment(text: str) -> datetime:
    """Read an ISO 8601 date or date-time; without a zone it is UTC."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _api_key_is_there(values: _Values) -> Iterator[str]:
    api_key = values["api_key"]
    if api_key and any(character.isspace() for character in api_key):
        yield "api_key has white space in it (its value is not shown)."
    if not api_key and not values["dry_run"] and values["endpoint"] != LOCAL:
        yield (
            f"api_key is {'missing' if api_key is None else 'empty'}: give the API key "
            "of the Amplitude project as setting `api_key` or in the environment "
            f"variable {ENVIRONMENT_PREFIX}API_KEY. `endpoint: local` and "
            "`dry_run: true` do without one."
        )


def _secret_key_is_one_word(values: _Values) -> Iterator[str]:
    if any(character.isspace() for character in values["secret_key"] or ""):
        yield "secret_key has white space in it (its value is not shown)."


def _the_sandbox_has_a_project_of_its_own(values: _Values) -> Iterator[str]:
    sandbox_api_key = values["sandbox_api_key"]
    if not sandbox_api_key:
        return
    if any(character.isspace() for character in sandbox_api_key):
        yield "sandbox_api_key has white space in it (its value is not shown)."
    if sandbox_api_key == values["api_key"]:
        yield (
            "sandbox_api_key and api_key are the same (not shown): leave "
            "sandbox_api_key out, or give the key of another Amplitude project."
        )


def _what_is_held_has_a_file(values: _Values) -> Iterator[str]:
    if values["anonymous_users"] == "hold" and values["memory_path"] is None:
        yield (
            'anonymous_users is "hold", which keeps records from run to run: say in '
            "which file with `memory_path`."
        )


def _endpoint_is_safe(values: _Values) -> Iterator[str]:
    endpoint = values["endpoint"]
    if endpoint is None or endpoint == LOCAL:
        return
    url = _split(endpoint)
    if url is None:
        # What looks like a user name and password is not shown.
        given_as = "" if "@" in endpoint else f" is {show(endpoint)}, but"
        yield (
            f'endpoint{given_as} must be a URL such as "https://relay.example.com/" '
            f'or the word "{LOCAL}".'
        )
    elif "@" in url.netloc:
        yield "endpoint must not hold a user name or password (it is not shown)."
    elif "#" in endpoint:
        yield f"endpoint is {show(endpoint)}, but must have no part after a #."
    elif url.scheme == "http" and not _is_loopback(str(url.hostname)):
        yield (
            f"endpoint is {show(endpoint)}, but must begin with https:// unless it is "
            "on this machine."
        )


def _split(endpoint: str) -> SplitResult | None:
    """Return the parts of an http or https URL, or None if it is none."""
    if not endpoint.isprintable() or " " in endpoint:
        return None
    try:
        url = urlsplit(endpoint)
        valid = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        return None
    return url if valid else None


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415 - slow, and seldom needed

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _a_dry_run_is_not_local(values: _Values) -> Iterator[str]:
    if values["dry_run"] and values["endpoint"] == LOCAL:
        yield (
            "dry_run and `endpoint: local` exclude each other, as a dry run uses no "
            "network: leave one of them out."
        )


def _requests_fit_the_api(values: _Values) -> Iterator[str]:
    size, api = values["max_request_bytes"], values["api"]
    most = limits.MAX_REQUEST_BYTES[api]
    if size is not None and size > most:
        yield (
            f"max_request_bytes is {show(size)}, but with `api: {api}` must be at "
            f"most {most}."
        )


def _start_date_is_a_date(values: _Values) -> Iterator[str]:
    if values["start_date"] is None:
        return
    try:
        moment(values["start_date"])
    except ValueError:
        yield (
            f"start_date is {show(values['start_date'])}, but must be an ISO 8601 "
            'date or date-time, such as "2024-01-31" or "2024-01-31T08:00:00Z".'
        )


def _each_file_has_one_use(values: _Values) -> Iterator[str]:
    seen: dict[str, str] = {}
    beside: dict[str, str] = {}
    for name in _PATHS:
        unused = (name == "local_path" and values["endpoint"] != LOCAL) or (
            name == "dry_run_path" and not values["dry_run"]
        )
        if values[name] is None or unused or _may_be_shared(values[name]):
            continue
        path = os.path.realpath(values[name])
        other = seen.setdefault(path, name)
        if other != name:
            yield f"{other} and {name} are the same file: {show(values[name])}."
            continue
        for suffix in _BESIDE.get(name, ()):
            beside[path + suffix] = name
    for path, name in seen.items():
        if path in beside:
            yield (
                f"{name} is {show(values[name])}, a file that {beside[path]} needs for "
                f"itself: choose another path."
            )


def _may_be_shared(path: str) -> bool:
    """Return whether a path may be given twice: a device such as `/dev/null`."""
    with contextlib.suppress(OSError):
        return not stat.S_ISREG(Path(path).stat().st_mode)
    return False


def _schemes_are_words(values: _Values) -> Iterator[str]:
    for scheme in values["batch_schemes"]:
        if not _SCHEME.fullmatch(scheme):
            word = scheme.partition(":")[0].strip().lower()
            like = show(word) if _SCHEME.fullmatch(word) else '"s3"'
            yield (
                f"batch_schemes has {show(scheme)}, but an entry must be a URL's "
                f"scheme in lower case, such as {like}."
            )


def _each_stream_has_one_kind(values: _Values) -> Iterator[str]:
    for stream in values["event_streams"] or ():
        if stream in (values["user_streams"] or ()):
            yield f"event_streams and user_streams both have {show(stream)}."


_SCHEME: t.Final = re.compile(r"[a-z][a-z0-9+._-]+")
_PATHS: t.Final = tuple(name for name in DEFAULTS if name.endswith("_path"))
_BY_SQLITE: t.Final = ("-wal", "-shm", "-journal")
_BESIDE: t.Final = {"local_path": _BY_SQLITE, "memory_path": (*_BY_SQLITE, ".lock")}
"""The ends of the names of the files that are made beside another."""

_CHECKS: t.Final[dict[frozenset[str], Callable[[_Values], Iterator[str]]]] = {
    frozenset({"api_key", "endpoint", "dry_run"}): _api_key_is_there,
    frozenset({"secret_key"}): _secret_key_is_one_word,
    frozenset({"api_key", "sandbox_api_key"}): _the_sandbox_has_a_project_of_its_own,
    frozenset({"anonymous_users", "memory_path"}): _what_is_held_has_a_file,
    frozenset({"endpoint"}): _endpoint_is_safe,
    frozenset({"endpoint", "dry_run"}): _a_dry_run_is_not_local,
    frozenset({"api", "max_request_bytes"}): _requests_fit_the_api,
    frozenset({"start_date"}): _start_date_is_a_date,
    frozenset({"endpoint", "dry_run", *_PATHS}): _each_file_has_one_use,
    frozenset({"batch_schemes"}): _schemes_are_words,
    frozenset({"event_streams", "user_streams"}): _each_stream_has_one_kind,
}
"""Each check with the settings it reads."""
