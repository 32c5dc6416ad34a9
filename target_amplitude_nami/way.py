"""One record's way from what Nami told to delivery: choose, name, map, check, send."""

from __future__ import annotations

import hashlib
import typing as t

import msgspec

from target_amplitude_nami import kept, mapping
from target_amplitude_nami.amplitude.event import AmplitudeEvent, Refusal
from target_amplitude_nami.memory import DEVICE, EXTERNAL_ID
from target_amplitude_nami.nami import catalogue, purchase
from target_amplitude_nami.nami.records import (
    NO_STATE,
    NamiEvent,
    NamiUser,
    UnreadableRecordError,
)

if t.TYPE_CHECKING:
    from target_amplitude_nami.memory import Held, Known
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.run import Run

_EVENT_TYPES = frozenset(catalogue.NAMES)

USERS: t.Final = "(user records)"
OTHER: t.Final = "(other)"
"""What records are counted under that have no event type of Nami's."""
_MOST_NEW_TYPES = 20
"""So many event types that Nami's documentation does not name are told of."""
_OF_THE_SANDBOX = " (sandbox)"
"""What follows the event type where events of the sandbox go to another project."""


class Source(msgspec.Struct, frozen=True):
    """Where a record came from: all that settling it needs."""

    label: str
    stream: str
    line: bytes
    held: int | None = None
    """Its number in the memory, when it comes from there."""
    project: t.Literal["main", "sandbox"] = "main"


class Way:
    """Takes the records of all streams, and those that the memory lets go."""

    def __init__(self, run: Run) -> None:
        """Take what the records of a run meet."""
        self._run = run
        self._settings = run.settings
        self._new_types: set[str] = set()
        self._start_ms = run.settings.start_ms
        self._skips_stale = run.settings.stale_user_properties == "skip"
        self._skips_sandbox = run.settings.sandbox_purchases == "skip"
        self._parts_sandbox = self._skips_sandbox or bool(run.settings.sandbox_api_key)

    def label(self, event_type: object) -> str:
        """Return what records of a type are counted under: a bounded number of rows."""
        if isinstance(event_type, str) and (
            event_type in self._settings.sent_names or event_type in _EVENT_TYPES
        ):
            return event_type
        return OTHER

    def is_wanted(self, event_type: str) -> bool:
        """Whether events of a type are sent; says once that an unknown one is not."""
        if event_type in self._settings.sent_names:
            return True
        is_new = event_type not in _EVENT_TYPES and event_type not in self._new_types
        if is_new and len(self._new_types) < _MOST_NEW_TYPES:
            self._new_types.add(event_type)
            self._run.note_new_type(event_type)
        return False

    def take(self, record: NamiEvent | NamiUser, stream: str, line: bytes) -> None:
        """Settle a record, or hand it to delivery.

        Args:
            record: What Nami told.
            stream: The stream that it was read from.
            line: The message that it was read from.
        """
        self._learn_ids(record)
        self._go(record, Source(self._label_of(record), stream, line))

    def release(self) -> None:
        """Send the records that an earlier run held and that need not wait any more.

        They can be named meanwhile, or the settings do not hold records any more.
        """
        memory = self._run.memory
        waits = self._settings.anonymous_users == "hold"
        for held in memory.held_of_named_users() if waits else memory.all_held():
            self._let_go(held)

    def _label_of(self, record: NamiEvent | NamiUser) -> str:
        return USERS if isinstance(record, NamiUser) else self.label(record.event_type)

    def _go(self, record: NamiEvent | NamiUser, source: Source) -> None:
        try:
            if isinstance(record, NamiUser):
                self._take_user(record, source)
            else:
                self._take_event(record, source)
        except UnreadableRecordError as error:
            self._reject(Refusal(error.reason, error.field, error.detail), source)

    def _take_event(self, event: NamiEvent, source: Source) -> None:
        if not self.is_wanted(event.event_type):
            self._filter("event_not_chosen", source)
            return
        name = self._settings.sent_names[event.event_type]
        if self._start_ms is not None and event.time < self._start_ms:
            self._filter("before_start_date", source)
            return
        if self._parts_sandbox and purchase.is_sandbox(event.properties):
            if self._skips_sandbox:
                self._filter("sandbox", source)
                return
            label = source.label + _OF_THE_SANDBOX
            source = msgspec.structs.replace(source, label=label, project="sandbox")
        who = _who(event)
        known = self._run.memory.recall(who)
        identity = mapping.identify(event, known.external_id, self._settings)
        if isinstance(identity, mapping.Unnamed):
            self._leave_out(identity, event, source)
            return
        is_late = known.is_outdated_at(event.time)
        mapped = mapping.event_of(
            event,
            name,
            identity,
            self._settings,
            # What is known is as of a later time than a late event's.
            known_state=NO_STATE if is_late else known.state or NO_STATE,
            is_stale=is_late and self._skips_stale,
        )
        tells_state = event.event_type.startswith("user.") and event.state != NO_STATE
        is_sent = self._send(mapped, who, source)
        if is_sent:
            self._run.note_time(event.time)
        if is_sent and tells_state and not is_late and source.project == "main":
            self._learn_state(who, known, event.state, mapped)

    def _take_user(self, user: NamiUser, source: Source) -> None:
        who = _who(user)
        known = self._run.memory.recall(who)
        identity = mapping.identify(user, known.external_id, self._settings)
        if isinstance(identity, mapping.Unnamed):
            self._leave_out(identity, user, source)
            return
        mapped = mapping.identify_event_of(user, identity, self._settings)
        if mapped is None:
            self._filter("nothing_to_set", source)
            return
        is_late = known.is_outdated_at(user.time)
        if is_late and self._skips_stale:
            self._filter("stale_user_record", source)
            return
        says_nothing_new = (
            known.told_to == _target(mapped) and known.merged(user.state) == known.state
        )
        if says_nothing_new and known.told_in == self._run.memory.run and not is_late:
            self._filter("unchanged", source)
            if user.time is not None:  # it holds as of that time, too
                still = msgspec.structs.replace(known, state_time=user.time)
                self._run.memory.learn(who, still)
            return
        if user.time is None:
            mapped = _in_turn(mapped, known, is_repeat=says_nothing_new)
        if self._send(mapped, who, source) and not is_late:
            self._learn_state(who, known, user.state, mapped)

    def _send(self, mapped: AmplitudeEvent, lane_key: str, source: Source) -> bool:
        """Hand an event to delivery; return whether it is one that can be sent."""
        event = self._run.checks.encode(mapped)
        if isinstance(event, Refusal):
            self._reject(event, source)
            return False
        origin = self._run.ledger.open(
            source.label, source.stream, source.line, source.held
        )
        self._run.send(event, lane_key, origin, source.project)
        return True

    # What becomes of records that are not sent

    def _leave_out(
        self, unnamed: mapping.Unnamed, record: NamiEvent | NamiUser, source: Source
    ) -> None:
        match unnamed.fate:
            case "filtered":
                self._filter(unnamed.reason, source)
            case "held":
                self._hold(record, source)
            case "rejected":
                refusal = Refusal(unnamed.reason, "external_ids", unnamed.detail)
                self._reject(refusal, source)

    def _filter(self, reason: str, source: Source) -> None:
        self._run.ledger.filter(source.label, reason)
        self._forget(source)

    def _reject(self, refusal: Refusal, source: Source) -> None:
        self._run.ledger.reject(source.label, source.stream, source.line, refusal)
        self._forget(source)

    def _forget(self, source: Source) -> None:
        if source.held is not None:
            self._run.memory.settle((), [source.held])

    def _hold(self, record: NamiEvent | NamiUser, source: Source) -> None:
        if source.held is not None:  # it goes on waiting
            self._run.ledger.hold(source.label)
            return
        try:
            packed = kept.pack(record)
        except RecursionError:
            detail = "the record is nested too deep to be kept"
            self._reject(Refusal("too_deep", "", detail), source)
            return
        is_new = self._run.memory.hold(
            record.user_id or "", source.stream, source.line, packed
        )
        if is_new:
            self._run.ledger.hold(source.label)
        else:
            self._run.ledger.repeat(source.label)

    def _let_go(self, held: Held) -> None:
        """Send a record on its way that was held; it counts as read once more."""
        self._run.rejects.declare_if_missing(held.stream)
        record = kept.unpack(held.record)
        source = Source(self._label_of(record), held.stream, held.line, held.number)
        self._run.ledger.note_released()
        self._go(record, source)

    # What is learnt

    def _learn_ids(self, record: NamiEvent | NamiUser) -> None:
        """Learn whose the ids of a record are; who gets a name gets what was held."""
        memory = self._run.memory
        who = _who(record)
        known = before = memory.recall(who)
        if record.external_id is not None and (
            record.external_id == before.external_id
            or self._is_usable(record.external_id)
        ):
            known = known.with_external_id(record.external_id, record.time)
            if before.external_id != record.external_id:
                self._note_external_id(record, before)
        if record.device_id is not None and record.device_id != known.device_id:
            known = msgspec.structs.replace(known, device_id=record.device_id)
            if record.user_id is not None:
                memory.claim(DEVICE, record.device_id, record.user_id)
        if known is not before:
            memory.learn(who, known)
        if before.external_id is None and known.external_id is not None:
            for held in memory.held_of(who):
                self._let_go(held)

    def _note_external_id(self, record: NamiEvent | NamiUser, before: Known) -> None:
        if record.external_id is None or record.user_id is None:
            return
        memory = self._run.memory
        memory.claim(EXTERNAL_ID, record.external_id, record.user_id)
        if before.external_id is not None:
            memory.note_second_external_id(
                record.user_id, before.external_id, record.external_id
            )

    def _is_usable(self, external_id: str) -> bool:
        # What Amplitude refuses would spoil all other records of the user.
        return self._run.checks.refuse_user_id(external_id) is None

    def _learn_state(
        self, who: str, known: Known, state: UserState, mapped: AmplitudeEvent
    ) -> None:
        """Learn a state that Amplitude is told."""
        if mapped.skip_user_properties_sync:
            return
        time = known.state_time if mapped.time is None else mapped.time
        self._run.memory.learn(
            who,
            msgspec.structs.replace(
                known,
                state=known.merged(state),
                state_time=time,
                state_mark=mapped.insert_id,
                told_to=_target(mapped),
                told_in=self._run.memory.run,
            ),
        )


def _who(record: NamiEvent | NamiUser) -> str:
    """Return whom a record is about: the Nami user, or whatever else it names."""
    return record.user_id or record.external_id or record.device_id or ""


def _target(mapped: AmplitudeEvent) -> str | None:
    return mapped.user_id or mapped.device_id


def _in_turn(
    mapped: AmplitudeEvent, known: Known, *, is_repeat: bool
) -> AmplitudeEvent:
    """Give a `$identify` without a time an insert id that tells its turn.

    State may change and change back: the third of A, B, A is no copy of the first. But
    what says nothing new is a copy of what said it.
    """
    if not known.state_mark:
        return mapped
    insert_id = known.state_mark
    if not is_repeat:
        turn = f"{known.state_mark}\n{mapped.insert_id}"
        insert_id = hashlib.sha256(turn.encode("utf-8", "surrogatepass")).hexdigest()
    return msgspec.structs.replace(mapped, insert_id=insert_id)
