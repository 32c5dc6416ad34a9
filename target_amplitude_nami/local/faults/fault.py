"""Defines faults: when the local Amplitude misbehaves, and how."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta

_Count: TypeAlias = Annotated[int, Meta(ge=1)]


class FaultError(ValueError):
    """A definition of faults is invalid; the message says where."""


class When(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
):
    """Which requests a fault strikes: those that meet all given conditions."""

    every: _Count | None = None
    """Every nth request, counted from the first one that arrives."""
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

    An answer (`status` with `json` or `raw`) replaces ingestion, and nothing of the
    request is stored but its line in the log. A delay comes first.
    """

    read_rate: _Count | None = None
    """Bytes per second at which the body is read; the client has to wait."""
    delay: Annotated[float, Meta(ge=0)] = 0
    """Seconds to wait before the request is handled."""
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    json: Any = UNSET
    raw: str | None = None
    content_type: str = "text/html"
    headers: dict[str, str] = {}
    """Further headers of the answer, such as Retry-After."""
    reset: Literal["before", "after"] | None = None
    """Drop the connection before or after the request takes effect."""
    cut: bool = False
    """Announce a longer answer than is sent, then close; the effects stay."""
    drop: _Count | None = None
    """How many of its first events get lost, although the answer is 200."""
    change: dict[str, Any] = {}
    """What its first event is stored with instead; properties are merged."""
    double: _Count | None = None
    """How many of its first events are stored twice."""

    def __post_init__(self) -> None:
        """Check that the actions do not contradict each other."""
        body = self.raw is not None or self.json is not UNSET
        if self.status is None and (body or self.headers):
            raise ValueError("`json`, `raw` and `headers` need a `status`")
        if self.raw is not None and self.json is not UNSET:
            raise ValueError("`json` and `raw` exclude each other")
        if self.reset and (self.cut or self.status is not None):
            raise ValueError("`reset` leaves no answer for `status` or `cut`")
        if self.tampers and (self.status is not None or self.reset == "before"):
            raise ValueError("`drop`, `change` and `double` need an accepted request")
        if not (
            self.read_rate
            or self.delay
            or self.status
            or self.reset
            or self.cut
            or self.tampers
        ):
            raise ValueError(
                "one of `read_rate`, `delay`, `status`, `reset`, `cut`, `drop`,"
                " `change`, `double` is needed",
            )

    @property
    def tampers(self) -> bool:
        """Whether other events are stored than were sent."""
        return bool(self.drop or self.change or self.double)

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        if self.json is not UNSET:
            return msgspec.json.encode(self.json)
        return (self.raw or "").encode()

    @property
    def media_type(self) -> str:
        """The content type of the answer."""
        return "application/json" if self.json is not UNSET else self.content_type


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition and the action to take when a request meets it."""

    do: Do
    when: When = When()
    times: _Count | None = None
    """The most requests that it strikes."""
    name: str = ""
    """Its name in the request log."""
    id: Annotated[str, Meta(max_length=64)] = ""
    """Its id, by which it can be switched on and off; generated if missing."""
    enabled: bool = True

    def __post_init__(self) -> None:
        """Check that the condition is known when the action is due."""
        if self.do.read_rate is not None and self.when.user_id is not None:
            raise ValueError("before the body is read, no `user_id` is known")

    @property
    def title(self) -> str:
        """Its name, or a description of what it does."""
        return self.name or _describe(self.do)


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of faults: the first one that applies to a request strikes it."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Check that no id is given twice."""
        ids = [fault.id for fault in self.faults if fault.id]
        if len(ids) > len(set(ids)):
            raise ValueError("each `id` may be given to one fault only")

    @classmethod
    def from_json(cls, document: object) -> Faults:
        """Return the faults that a JSON value describes.

        Raises:
            FaultError: The document is invalid.
        """
        try:
            return msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            raise FaultError(f"faults: {error}") from error

    @classmethod
    def from_rules(cls, document: object) -> Faults:
        """Return the faults that a document of the page describes, `{"rules": []}`.

        Raises:
            FaultError: The document is invalid.
        """
        rules = document.get("rules") if isinstance(document, dict) else None
        if not isinstance(rules, list):
            raise FaultError("faults: `rules` has to be a list")
        # The page sends back the hits that it got with the rules.
        plain = [
            {name: value for name, value in rule.items() if name != "hits"}
            if isinstance(rule, dict)
            else rule
            for rule in rules
        ]
        return cls.from_json({"faults": plain})

    @classmethod
    def from_text(cls, text: bytes) -> Faults:
        """Return the faults that a JSON text describes.

        Raises:
            FaultError: The text is invalid.
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
        f"drop {do.drop}" if do.drop else "",
        f"change {' '.join(sorted(do.change))}" if do.change else "",
        f"double {do.double}" if do.double else "",
    )
    return ", ".join(part for part in parts if part)
