"""What `forget` asks of Amplitude: the deletion of a user, and how far it is."""

from __future__ import annotations

import datetime as dt
import json
import typing as t

from target_amplitude_nami.amplitude import privacy_api
from target_amplitude_nami.amplitude.account_api import AccountApi
from target_amplitude_nami.amplitude.account_connection import Account
from target_amplitude_nami.commands.account_url import account_url
from target_amplitude_nami.erasing.person import Ids
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings.settings import LOCAL_KEY
from target_amplitude_nami.text import counted, printable
from target_amplitude_nami.user_agent import user_agent

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_amplitude_nami.amplitude.privacy_api import Job
    from target_amplitude_nami.erasing.person import Person
    from target_amplitude_nami.settings import Settings

_RETRY_SECONDS: t.Final = 15.0
WARNING: t.Final = (
    "Amplitude deletes everything that any source has sent of this user in the "
    "project, not only Nami's events, and sends the admins of the account an e-mail. "
    "It takes up to 30 days and can be revoked there until 3 days before. New events "
    "of the user are accepted afterwards and count as a new user: erase the person at "
    "the source, too"
)


_DEVICE_ALONE: t.Final = (
    "Amplitude deletes by user id, and the person is known there by a device alone: "
    "nothing was sent, and nothing was changed."
)


class Deletion:
    """The deletion of a person's users in the project of the keys."""

    def __init__(self, settings: Settings, privacy_url: str | None) -> None:
        """Take the project.

        Args:
            settings: The settings, with the keys.
            privacy_url: Where the User Privacy API is, in place of Amplitude.

        Raises:
            ConfigurationError: When a key is missing, or the address cannot be used.
        """
        self._settings = settings
        self.account = _account(settings, privacy_url)

    def requests_for(self, person: Person, requester: str) -> list[dict[str, object]]:
        """Return the requests that delete a person.

        Raises:
            ConfigurationError: When the person has no user id in Amplitude.
        """
        user_ids = _user_ids(person, self._settings)
        if not user_ids:
            raise ConfigurationError([_DEVICE_ALONE])
        return privacy_api.requests_for([*user_ids], requester)

    def send(
        self, requests: list[dict[str, object]], note: Callable[[str], None]
    ) -> list[Job]:
        """Send the requests; return the jobs that they are in.

        Raises:
            RequestFailed: When Amplitude refuses, or cannot be reached.
        """
        with AccountApi(self.account, note=note) as api:
            return privacy_api.delete(api, requests)

    def status(self, note: Callable[[str], None]) -> list[Job]:
        """Return the jobs of the last days and the next.

        Raises:
            RequestFailed: When Amplitude refuses, or cannot be reached.
        """
        with AccountApi(self.account, note=note) as api:
            return privacy_api.jobs_around(api, dt.datetime.now(dt.UTC).date())

    def request_lines(self, requests: list[dict[str, object]]) -> Iterator[str]:
        """Yield the requests for people, without the keys."""
        for request in requests:
            yield f"  POST {self.account.base_url}{privacy_api.PATH}"
            yield f"  {json.dumps(request, ensure_ascii=False)}"


def job_lines(jobs: list[Job]) -> Iterator[str]:
    """Yield deletion jobs for people."""
    for job in jobs:
        users = counted(len(job.amplitude_ids), "user")
        yield f"  job of {printable(job.day)}: {printable(job.status)}, {users}"
        if job.invalid_ids:
            ids = ", ".join(printable(str(each)) for each in job.invalid_ids)
            yield f"  Amplitude does not know {ids}"


def _account(settings: Settings, privacy_url: str | None) -> Account:
    problems: list[str] = []
    is_local = settings.endpoint_url is None
    base_url = account_url(settings.endpoint_url or "", settings.project_region)
    if privacy_url is not None:
        base_url = privacy_url.rstrip("/").removesuffix(privacy_api.PATH)
    elif is_local:
        problems.append(
            "With `endpoint: local` nothing is in Amplitude: without --amplitude the "
            "person is erased from the file of the local one. To ask a local Amplitude "
            "that runs, give its address with --privacy-url."
        )
    local_key = LOCAL_KEY if is_local else ""
    api_key = settings.api_key or local_key
    secret_key = settings.secret_key or local_key
    for name, key in (("api_key", api_key), ("secret_key", secret_key)):
        if not key:
            problems.append(f"{name} is missing: the User Privacy API needs both keys.")
    if problems:
        raise ConfigurationError(problems)
    return Account(
        base_url=base_url,
        api_key=api_key,
        secret_key=secret_key,
        user_agent=user_agent(),
        read_timeout=settings.request_timeout,
        retry_for=_RETRY_SECONDS,
    )


def _user_ids(person: Person, settings: Settings) -> Ids:
    """Return the ids of a person that these settings send as user ids."""
    theirs: list[str] = []
    if settings.user_source == "nami_user_id":
        theirs += person.nami_user_ids
    else:
        theirs += person.external_ids
        if settings.anonymous_users == "nami_user_id":
            theirs += person.nami_user_ids
    return Ids(each for each in theirs if each in person.user_ids)
