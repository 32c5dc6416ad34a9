"""A ledger and those around it, for tests of what becomes of records."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.outcomes import Origin, Project, Refusal
from target_amplitude_nami.singer.rejects import RejectsFile
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support.memory import mark_of

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REFUSAL = Refusal("amplitude_invalid_field", "time", "HTTP 400: bad", 400)
LINE = b'{"type":"RECORD","stream":"events","record":{"id":"a"}}'
PROJECTS: dict[Project, str] = {"main": "main", "sandbox": "sandbox"}


class Sheet(RejectsFile):
    """Rejects in memory that note what was written, and when it was synced."""

    def __init__(self, notes: list[str]) -> None:
        """Take where to note it."""
        self.notes = notes
        self.is_full = False

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Note it."""
        assert (stream, line, refusal) == ("events", LINE, REFUSAL)
        self.notes.append("reject")

    def sync(self) -> None:
        """Note it, or fail."""
        if self.is_full:
            raise OutputUnwritable("full")
        self.notes.append("sync")


class Notebook(SqliteStore):
    """A memory that is gone with the test, and notes when it is made safe."""

    def __init__(self, notes: list[str]) -> None:
        """Take where to note it."""
        super().__init__(None, 90, projects=PROJECTS)
        self.notes = notes
        self.open()

    def commit(self, first: Callable[[], None] = lambda: None) -> None:
        """Note it."""
        first()
        self.notes.append("commit")


class Desk:
    """A ledger, and the events that went through it by their names."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.notes: list[str] = []
        self.rejects = Sheet(self.notes)
        self.states: list[int] = []
        self.memory = Notebook(self.notes)
        self.ledger = Ledger(self.rejects, self.memory, self._write_state)
        self.settling = OutcomeRecorder(self.ledger, self.memory, "main")
        self.events: dict[str, EncodedEvent] = {}
        self.fresh: Sequence[EncodedEvent] = []

    def _write_state(self, state: bytes) -> None:
        self.notes.append("STATE")
        self.states.append(int(state))

    def play(self, play: str) -> list[int]:
        """Do step after step: each is one character, and a name where it needs one.

        `+a` reads record a, `.a` delivers it, `=a` asks whether it must be sent, `!a`
        rejects it, `-` filters one, `h` holds one, `x` rejects one at once, `[` keeps
        back each later STATE until `]`, and a digit is a STATE message.
        """
        for step in play.split():
            name = step[1:]
            match step[0]:
                case "+":
                    mark = mark_of(name, None)
                    origin = self.ledger.open("read", "events", LINE, mark)
                    self.events[name] = event(origin, name)
                case ".":
                    self.settling.delivered([self.events[each] for each in name])
                case "=":
                    sifted = [self.events[each] for each in name]
                    self.fresh = self.settling.sift(sifted).fresh
                case "!":
                    self.settling.rejected(self.events[name], REFUSAL)
                case "-":
                    self.ledger.filter("read", "event_filter")
                case "h":
                    self.ledger.hold("read")
                case "x":
                    self.ledger.reject("read", "events", LINE, REFUSAL)
                case "[" | "]" as bracket:
                    ledger = self.ledger
                    (ledger.hold_state if bracket == "[" else ledger.let_state_go)()
                case digit:
                    self.ledger.take_state(digit.encode())
        return self.states


def event(origin: Origin, name: str = "a") -> EncodedEvent:
    """Return the event of a record."""
    return EncodedEvent(name.encode(), "user", None, "user", origin, 0)
