"""Asks the APIs of Amplitude that take a project's API key and its secret key.

Those are the Export API and the User Privacy API: other hosts than ingestion, Basic
authentication, and answers that may be as long as an archive. What both have in common
is here; `export_api.py` has what concerns exports alone.
"""

from __future__ import annotations

import contextlib
import random
import time
import typing as t

import requests
from urllib3.exceptions import HTTPError, ProtocolError

from target_amplitude_nami.amplitude import failures
from target_amplitude_nami.amplitude.account_connection import (
    Account,
    Answer,
    Stream,
    open_session,
)
from target_amplitude_nami.amplitude.answers import Fatal
from target_amplitude_nami.amplitude.client import trusts_environment
from target_amplitude_nami.amplitude.destination import Destination
from target_amplitude_nami.amplitude.name_lookup import NameLookup
from target_amplitude_nami.amplitude.redacted_quotes import RedactedQuotes
from target_amplitude_nami.errors import RequestFailed

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_amplitude_nami.amplitude.limits import Region

HOSTS: t.Final[Mapping[Region, str]] = {
    "us": "https://amplitude.com",
    "eu": "https://analytics.eu.amplitude.com",
}
"""Export API and User Privacy API, "Endpoints"; not the hosts of ingestion."""

_MOST_BYTES: t.Final = 1 << 20
"""Of an answer that is no archive."""
_FIRST_WAIT: t.Final = 1.0
_LONGEST_WAIT: t.Final = 60.0
_TOO_MANY: t.Final = 429
_SERVER_ERRORS: t.Final = range(500, 600)
_REDIRECTS: t.Final = range(300, 400)
_REFUSED: t.Final = frozenset({401, 403})


class AccountApi:
    """A connection to the account APIs, for one thread.

    Redirects are not followed: the keys go to no other host. Proxies and certificates
    of the environment apply as they do to ingestion.
    """

    def __init__(
        self,
        account: Account,
        *,
        note: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Initialise without a connection.

        Args:
            account: The project.
            note: Takes a line for people before each repetition.
            sleep: Waits for some seconds.
            now: Returns monotonic seconds.
        """
        self.account: t.Final = account
        self._note = note
        self._sleep = sleep
        self._now = now
        self._names = NameLookup(now)
        self._session = open_session(account)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def __enter__(self) -> t.Self:
        """Return this connection, which the end of the block closes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        document: object = None,
        handled: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send a request, again while that may help, and return its whole answer.

        Args:
            method: The HTTP method.
            path: The path, such as `/api/2/deletions/users`.
            parameters: Of the query.
            document: The body, to be sent as JSON.
            handled: Statuses beside 200 that the caller acts on.

        Raises:
            RequestFailed: When there is no such answer; the message says what to do.
        """
        return self.exchange(
            lambda: self._ask_once(method, path, parameters, document), handled
        )

    def exchange(
        self, send: Callable[[], Answer], handled: frozenset[int] = frozenset()
    ) -> Answer:
        """Return the answer of a request that is repeated while that may help.

        Args:
            send: Sends it once, by `opened`.
            handled: Statuses beside 200 that the caller acts on.

        Raises:
            RequestFailed: When there is no such answer; the message says what to do.
        """
        deadline = None
        wait = _FIRST_WAIT
        while True:
            status = None
            try:
                answer = send()
            except _Passing as error:
                trouble = str(error)
            else:
                if answer.status == requests.codes.ok or answer.status in handled:
                    return answer
                trouble = self._judge(answer)
                status = answer.status
            seconds = random.uniform(wait / 2, wait)  # noqa: S311
            if deadline is None:  # an answer of gigabytes may fail after hours
                deadline = self._now() + self.account.retry_for
            if self._now() + seconds > deadline:
                raise RequestFailed(f"{trouble}: try again later", status)
            self._note(f"{trouble}; asking again in {seconds:.0f} s")
            self._sleep(seconds)
            wait = min(2 * wait, _LONGEST_WAIT)

    @contextlib.contextmanager
    def opened(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        document: object = None,
    ) -> Iterator[Stream]:
        """Send a request once, and yield its answer, to be read piece by piece.

        Only for use within `exchange`, which repeats it after trouble that may pass.

        Raises:
            RequestFailed: When asking again would not help.
        """
        account = self.account
        self._names.start()
        try:
            with self._session.request(
                method,
                account.base_url + path,
                params=parameters,
                json=document,
                timeout=(account.connect_timeout, account.read_timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._names.succeed()
                yield Stream(response, self._now() + account.read_timeout, self._now)
        except ProtocolError:  # of what is read; `requests` has others of its own
            raise _Passing(f"the answer from {account.host} is cut short") from None
        except (requests.RequestException, HTTPError, UnicodeError) as error:
            raise self._explained(error) from None

    def whole(self, stream: Stream) -> Answer:
        """Read all of an answer that is no archive.

        Raises:
            RequestFailed: When it is too long.
        """
        content = bytearray()
        for piece in stream.pieces(in_time=True):
            content += piece
            if len(content) > _MOST_BYTES:
                raise RequestFailed(
                    f"{self.account.host}: the answer is longer than {_MOST_BYTES:,} "
                    f"bytes",
                    stream.status,
                )
        quotes = RedactedQuotes(self.account.api_key, b"")
        quote = self.account.without_keys(quotes.first_line(bytes(content)))
        return Answer(stream.status, bytes(content), quote)

    def _ask_once(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None,
        document: object,
    ) -> Answer:
        with self.opened(
            method, path, parameters=parameters, document=document
        ) as stream:
            return self.whole(stream)

    def _judge(self, answer: Answer) -> str:
        """Return what the trouble is if asking again may help.

        Raises:
            RequestFailed: When it does not.
        """
        host, status = self.account.host, answer.status
        text = f" ({answer.quote})" if answer.quote else ""
        if status in _REFUSED and answer.is_page:
            raise RequestFailed(
                f"{host} answers {status} with a web page{text}: a proxy or firewall "
                f"may stand between",
                status,
            )
        if status in _REFUSED:
            raise RequestFailed(
                f"{host} refuses the keys ({status}): check `api_key` and "
                f"`secret_key`, which must be of one project, and `region`",
                status,
            )
        if status == _TOO_MANY or status in _SERVER_ERRORS:
            return f"{host} answers {status}{text}"
        if status in _REDIRECTS:
            raise RequestFailed(
                f"{host} redirects to another address ({status}), which does not get "
                f"the keys: check the address",
                status,
            )
        raise RequestFailed(f"{host} answers {status}{text}: check the address", status)

    def _explained(self, error: Exception) -> Exception:
        account = self.account
        answer = failures.explain_failure(
            error,
            Destination(
                url=account.base_url,
                api_key=account.api_key,
                connect_timeout=account.connect_timeout,
                read_timeout=account.read_timeout,
            ),
            trusts_environment=trusts_environment(account.base_url),
            names=self._names,
            quotes=RedactedQuotes(account.api_key, b""),
        )
        message = account.without_keys(getattr(answer, "message", ""))
        message = message.replace("`endpoint`", "the address")
        return (
            RequestFailed(message) if isinstance(answer, Fatal) else _Passing(message)
        )


class _Passing(Exception):  # noqa: N818 - as in `errors`
    """There is no answer, which may pass."""
