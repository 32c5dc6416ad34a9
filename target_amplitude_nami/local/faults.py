"""Faults by script: when the local Amplitude misbehaves, and how."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta

if TYPE_CHECKING:
    from collections.abc import Callable, Container

_Count: TypeAlias = Annotated[int, Meta(ge=1)]


class FaultError(ValueError):
    """A script of faults that makes no sense; the message says where."""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which requests a fault strikes: those that meet all that is given."""

    every: _Count | None = None
    """Every nth request, counted from the first that the server took."""
    requests: frozenset[_Count] | None = None
    """The requests of these numbers; the first is 1."""
    path: str | None = None
    user_id: str | None = None
    """Requests with an event of this user."""
    probability: Annotated[float, Meta(ge=0, le=1)] | None = None
    seed: int = 0
    """With the same seed, the same requests are struck."""


class Do(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens to a request that is struck.

    A scripted answer (`status` with `json` or `raw`) takes the place of the rules, and
    the request leaves nothing behind. A delay comes before all else.
    """

    delay: Annotated[float, Meta(ge=0)] = 0
    """Seconds before the request is looked at."""
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    json: Any = UNSET
    raw: str | None = None
    content_type: str = "text/html"
    headers: dict[str, str] = {}
    """Further headers of a scripted answer, such as Retry-After."""
    reset: Literal["before", "after"] | None = None
    """Drop the connection, before the request has its effects or after."""
    cut: bool = False
    """Promise a longer answer than is sent, then close; the effects stay."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        body = self.raw is not None or self.json is not UNSET
        if self.status is None and (body or self.headers):
            raise ValueError("`json`, `raw` and `headers` need a `status`")
        if self.raw is not None and self.json is not UNSET:
            raise ValueError("`json` and `raw` exclude each other")
        if self.reset and (self.cut or self.status is not None):
            raise ValueError("`reset` leaves no answer for `status` or `cut`")
        if not (self.delay or self.status or self.reset or self.cut):
            raise ValueError("one of `delay`, `status`, `reset`, `cut` is needed")

    @property
    def body(self) -> bytes:
        """The scripted answer's body."""
        if self.json is not UNSET:
            return msgspec.json.encode(self.json)
        return (self.raw or "").encode()

    @property
    def media_type(self) -> str:
        """The scripted answer's content type."""
        return "application/json" if self.json is not UNSET else self.content_type


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule of a script."""

    do: Do
    when: When = When()
    times: _Count | None = None
    """How often it strikes at most."""
    name: str = ""
    """What the request log calls it."""


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script: the first fault that applies to a request strikes it."""

    faults: tuple[Fault, ...] = ()

    @classmethod
    def from_json(cls, document: object) -> Faults:
        """Return the script that a JSON value describes.

        Raises:
            FaultError: It does not describe one.
        """
        try:
            return msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            raise FaultError(f"faults: {error}") from error

    @classmethod
    def from_text(cls, text: bytes) -> Faults:
        """Return the script that a JSON text holds.

        Raises:
            FaultError: It does not hold one.
        """
        try:
            return cls.from_json(msgspec.json.decode(text))
        except msgspec.DecodeError as error:
            raise FaultError(f"faults: {error}") from error


class Script:
    """A script that is being played: it knows what struck how often."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults.faults
        self._struck = [0] * len(self._faults)
        self._dice = [random.Random(f.when.seed) for f in self._faults]  # noqa: S311

    def next(
        self,
        number: int,
        path: str,
        user_ids: Callable[[], Container[str]],
    ) -> Fault | None:
        """Return the fault that strikes the request of this number, if one does.

        `user_ids` is only called if a fault asks for it.
        """
        for index, fault in enumerate(self._faults):
            if fault.times is not None and self._struck[index] >= fault.times:
                continue
            when = fault.when
            if (
                (when.every is None or number % when.every == 0)
                and (when.requests is None or number in when.requests)
                and (when.path is None or when.path == path)
                and (when.user_id is None or when.user_id in user_ids())
                and (
                    when.probability is None
                    or self._dice[index].random() < when.probability
                )
            ):
                self._struck[index] += 1
                return fault
        return None
