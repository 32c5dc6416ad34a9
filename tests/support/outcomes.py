"""An outcome recorder with its parts, for tests of what becomes of records."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.outcomes import Checkpoint, Origin, Project, Refusal
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support.memory import sent_event

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.outcomes import SentEvent

REFUSAL = Refusal("amplitude_invalid_field", "time", "HTTP 400: bad", 400)
LINE = b'{"type":"RECORD","stream":"events","record":{"id":"a"}}'
ORIGIN = Origin("read", "events", LINE)
PROJECTS: dict[Project, str] = {"main": "main", "sandbox": "sandbox"}


class NotedRejects:
    """A reject sink in memory that notes what was written, and when it was synced."""

    advice = "They are in this test."

    def __init__(self, notes: list[str]) -> None:
        """Take where to note it."""
        self.notes = notes
        self.is_full = False

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Note it."""
        assert (stream, line, refusal) == ("events", LINE, REFUSAL)
        self.notes.append("reject")

    def declare_if_missing(self, stream: str) -> None:
        """Note it."""
        self.notes.append(f"declare {stream}")

    def sync(self) -> None:
        """Note it, or fail."""
        if self.is_full:
            raise OutputUnwritable("full")
        self.notes.append("sync")

    def close(self) -> None:
        """Do nothing."""


class NotedStore(SqliteStore):
    """A store that is gone with the test, and notes when it is made safe."""

    def __init__(self, notes: list[str]) -> None:
        """Take where to note it."""
        super().__init__(None, 90, projects=PROJECTS)
        self.notes = notes
        self.open()

    def commit(self, first: Callable[[], None] = lambda: None) -> None:
        """Note it."""
        first()
        self.notes.append("commit")


class OutcomeHarness:
    """A recorder, and the events that went through it by their names."""

    def __init__(self, *, emits_state: bool = True) -> None:
        """Begin with nothing read."""
        self.notes: list[str] = []
        self.rejects = NotedRejects(self.notes)
        self.states: list[int] = []
        self.store = NotedStore(self.notes)
        self.seconds = 0.0
        self.ledger = Ledger()
        self.recorder = OutcomeRecorder(
            self.ledger,
            self.rejects,
            self.store,
            self._write_state if emits_state else None,
            now=lambda: self.seconds,
        )
        self.lanes = self.recorder.of_project("main")
        self.events: dict[str, EncodedEvent] = {}
        self.fresh: Sequence[EncodedEvent] = []

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _write_state(self, state: bytes) -> None:
        self.notes.append("STATE")
        self.states.append(int(state))

    def read(self, name: str, origin: Origin = ORIGIN, **changes: t.Any) -> None:
        """Read a record whose event goes to delivery."""
        sent = sent_event(name, **({"time": None} | changes))
        self.events[name] = event(self.recorder.open(origin.report_key), sent, origin)

    def play(self, play: str) -> list[int]:
        """Do step after step: each is one character, and a name where it needs one.

        `+a` reads record a, `.a` delivers it, `=a` asks whether it must be sent, `!a`
        rejects it, `-` filters one, `h` holds one, `x` rejects one at once, `[` keeps
        back each later STATE until `]`, and a digit is a STATE message.
        """
        for step in play.split():
            name = step[1:]
            recorder = self.recorder
            match step[0]:
                case "+":
                    self.read(name)
                case ".":
                    self.lanes.delivered([self.events[each] for each in name])
                case "=":
                    asked = [self.events[each] for each in name]
                    self.fresh = self.lanes.drop_delivered(asked).to_send
                case "!":
                    self.lanes.rejected(self.events[name], REFUSAL)
                case "-":
                    recorder.filter(ORIGIN, "event_filter")
                case "h":
                    recorder.hold(ORIGIN, "user", b"{}", is_of_now=False)
                case "x":
                    recorder.reject(ORIGIN, REFUSAL)
                case "[" | "]" as bracket:
                    state = recorder.state
                    (state.suspend if bracket == "[" else state.resume)()
                case digit:
                    recorder.state.take(digit.encode())
        return self.states


def event(
    checkpoint: Checkpoint, sent_event: SentEvent, origin: Origin = ORIGIN
) -> EncodedEvent:
    """Return the event of a record of one user."""
    body = sent_event.insert_id.encode()
    return EncodedEvent(body, "user", None, "user", sent_event, origin, checkpoint, 0)


def with_report_key(report_key: str) -> Origin:
    """Return where a record came from that is counted under a key."""
    return msgspec.structs.replace(ORIGIN, report_key=report_key)
