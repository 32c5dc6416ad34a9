"""Faults by script: when the local Amplitude misbehaves, and how."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta

_Count: TypeAlias = Annotated[int, Meta(ge=1)]


class FaultError(ValueError):
    """A script of faults that makes no sense; the message says where."""


class When(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
):
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


class Do(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
):
    """What happens to a request that is struck.

    A scripted answer (`status` with `json` or `raw`) takes the place of the rules, and
    the request leaves nothing behind. A delay comes before all else.
    """

    read_rate: _Count | None = None
    """Bytes per second at which the body is read: the client has to wait with it."""
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
        if not (self.read_rate or self.delay or self.status or self.reset or self.cut):
            raise ValueError(
                "one of `read_rate`, `delay`, `status`, `reset`, `cut` is needed",
            )

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
    id: Annotated[str, Meta(max_length=64)] = ""
    """What it is switched by while it is played; given to it if it has none."""
    enabled: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be decided."""
        if self.do.read_rate is not None and self.when.user_id is not None:
            raise ValueError("before the body is read, no `user_id` is known")

    @property
    def title(self) -> str:
        """Its name, or what it does."""
        return self.name or _describe(self.do)


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script: the first fault that applies to a request strikes it."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two faults of one id."""
        ids = [fault.id for fault in self.faults if fault.id]
        if len(ids) > len(set(ids)):
            raise ValueError("each `id` may be given to one fault only")

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
    def from_rules(cls, document: object) -> Faults:
        """Return the script that a document of the page describes, `{"rules": []}`.

        Raises:
            FaultError: It does not describe one.
        """
        rules = document.get("rules") if isinstance(document, dict) else None
        if not isinstance(rules, list):
            raise FaultError("faults: `rules` has to be a list")
        # What the page was told of them beside the rules themselves.
        told = [
            {name: value for name, value in rule.items() if name != "hits"}
            if isinstance(rule, dict)
            else rule
            for rule in rules
        ]
        return cls.from_json({"faults": told})

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


def _describe(do: Do) -> str:
    parts = (
        f"read {do.read_rate} bytes/s" if do.read_rate else "",
        f"delay {do.delay:g} s" if do.delay else "",
        f"status {do.status}" if do.status is not None else "",
        f"reset {do.reset}" if do.reset else "",
        "cut" if do.cut else "",
    )
    return ", ".join(part for part in parts if part)
