"""One record's way from what Nami told to delivery: choose, name, map, check, send."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import Refusal
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import purchase
from target_amplitude_nami.nami.records import NO_STATE, NamiEvent, NamiUser, UserState
from target_amplitude_nami.pipeline import held_record as kept
from target_amplitude_nami.pipeline import mapping
from target_amplitude_nami.pipeline.event_filter import Choice
from target_amplitude_nami.pipeline.freshness import Targets, in_turn
from target_amplitude_nami.pipeline.identity import Learning, who
from target_amplitude_nami.store import Mark, Project, dedup_key, target_of

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.pipeline.mapping import Identity
    from target_amplitude_nami.run import Run
    from target_amplitude_nami.store import DedupKey, Held, Known, Occurrence

_TAKEN_AT_ONCE = 200
_OF_THE_SANDBOX = " (sandbox)"
"""What follows the event type where events of the sandbox go to another project."""


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a record came from: all that settling it needs."""

    label: str
    stream: str
    line: bytes
    held: int | None = None
    """Its number in the memory, when it comes from there."""
    project: Project = "main"


class Way:
    """Takes the records of all streams, and those that the memory lets go."""

    def __init__(self, run: Run) -> None:
        """Take what the records of a run meet."""
        self._run = run
        self._memory = run.memory
        self._users = run.memory.users
        self._learning = Learning(run.memory, run.checks, run.is_of_the_future)
        self._targets = {
            project: Targets(told, run.memory.run, run.is_of_the_future)
            for project, told in run.memory.told.items()
        }
        self._settings = run.settings
        self._checks = run.checks
        self._sent_names = dict(run.settings.sent_names)
        self._waiting: list[tuple[NamiEvent | NamiUser, str, bytes]] = []
        self.choice: t.Final = Choice(run.settings, run.note_new_type)
        self._waits = (
            run.settings.anonymous_users == "hold"
            and run.settings.user_source == "external_id"
        )
        self._may_have_been_nameless = run.settings.anonymous_users == "nami_user_id"
        self._skips_stale = run.settings.stale_user_properties == "skip"
        self._parts_sandbox = "sandbox" in run.memory.told

    def take(self, record: NamiEvent | NamiUser, stream: str, line: bytes) -> None:
        """Take a record; `flush` sends it on its way, at the latest.

        Args:
            record: What Nami told.
            stream: The stream that it was read from.
            line: The message that it was read from.
        """
        self._waiting.append((record, stream, line))
        if len(self._waiting) >= _TAKEN_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Settle the records that were taken, or hand them to delivery, in order.

        Several at a time, so that the memory can look up all that they need at once.
        """
        waiting, self._waiting = self._waiting, []
        self._look_ahead([record for record, _, _ in waiting])
        label_of = self.choice.label_of
        for record, stream, line in waiting:
            self._take(record, Source(label_of(record), stream, line))
        self._run.post()

    def _look_ahead(self, records: Sequence[NamiEvent | NamiUser]) -> None:
        memory = self._memory
        memory.take_back_doubted()
        if memory.is_all_in_ram:
            return
        self._users.prepare(who(record) for record in records)
        targets: set[str] = set()
        keys: set[DedupKey] = set()
        for record in records:
            external_id = record.external_id
            if external_id is None:
                external_id = self._users.get(who(record)).external_id
            identity = mapping.identify(record, external_id, self._settings)
            if isinstance(identity, mapping.Identity):
                targets |= {identity.target, target_of(None, identity.device_id)}
                if isinstance(record, NamiEvent) and record.event_id:
                    keys.add(_key_of(record.event_id, identity))
        memory.prepare(targets, keys)

    def _take(self, record: NamiEvent | NamiUser, source: Source) -> None:
        user = who(record)
        before = self._users.get(user)
        known = self._learning.with_ids(before, record)
        has_new_name = known is not before and known.external_id != before.external_id
        if has_new_name and self._waits and before.external_id is None:
            # Who gets a name gets what was held, which may tell more.
            self._users.put(user, known)
            for number, held in enumerate(self._memory.held_of(user)):
                if number % _TAKEN_AT_ONCE == 0:
                    self._run.post()
                self._let_go(held)
            before = known = self._users.get(user)
        known = self._go(record, source, user, known)
        if known is not before:
            self._users.put(user, known)

    def release(self) -> None:
        """Send the records that an earlier run held and that need not wait any more.

        They can be named meanwhile, or the settings do not hold records any more.
        """
        memory = self._memory
        records = memory.held_of_named_users() if self._waits else memory.all_held()
        for number, held in enumerate(records):
            if number % _TAKEN_AT_ONCE == 0:
                self._run.post()
                self._run.tick()
                if self._run.is_interrupted:
                    return
            self._let_go(held)
        self._run.post()

    def _go(
        self, record: NamiEvent | NamiUser, source: Source, user: str, known: Known
    ) -> Known:
        """Settle a record, or hand it to delivery; return what is known then."""
        try:
            if isinstance(record, NamiUser):
                return self._take_user(record, source, user, known)
            return self._take_event(record, source, user, known)
        except UnreadableRecord as error:
            self._reject(Refusal(error.reason, error.field, error.detail), source)
        except RecursionError:
            detail = "the record is nested too deep to be sent"
            self._reject(Refusal("too_deep", "", detail), source)
        return known

    def _take_event(  # noqa: C901 - more calls would take longer
        self, event: NamiEvent, source: Source, user: str, known: Known
    ) -> Known:
        unwanted = self.choice.why_not(event)
        if unwanted is not None:
            self._filter(unwanted, source)
            return known
        if self._parts_sandbox and purchase.is_sandbox(event.properties):
            label = source.label + _OF_THE_SANDBOX
            source = msgspec.structs.replace(source, label=label, project="sandbox")
        identity = mapping.identify(event, known.external_id, self._settings)
        if isinstance(identity, mapping.Unnamed):
            self._leave_out(identity, event, source)
            return known
        event_type, time, project = event.event_type, event.time, source.project
        state: UserState = event.state
        state_time: int | None = time
        tells_state = event_type.startswith("user.")
        is_main = project == "main"
        if (
            tells_state
            and state == NO_STATE
            and is_main
            and not known.is_newer_than(time)
        ):
            state, state_time = known.state or NO_STATE, known.state_time
        targets = self._targets[project]
        told = targets.told(identity)
        is_late = self._skips_stale and targets.is_late(identity, told, time)
        name = self._sent_names[event_type]
        mapped = mapping.event_of(
            event, name, identity, self._settings, state, is_stale=is_late
        )
        insert_id = mapped.insert_id
        if insert_id != event.event_id:
            self._run.note_no_id(source.stream)
        key = dedup_key(insert_id, identity.device_id, identity.user_id)
        mark = Mark(event_type, time, key, insert_id)
        first = self._memory.delivered_before(project, key)
        if first is None and self._may_have_been_nameless:
            first = self._delivered_nameless(project, mark, event, identity)
        if first is not None:
            self._repeat(source, mark, first)
            return known
        # In a backfill no event changes user properties, late or not.
        is_late = is_late and not self._settings.backfill
        if not self._send(mapped, mark, user, source, is_late=is_late):
            return known
        self._run.note_time(time)
        if tells_state:
            targets.note(identity, told, state, state_time, mapped, key=key)
            if is_main:  # what testers have is no state of the main project
                return self._learning.with_state(known, event.state, time)
        return known

    def _take_user(
        self, record: NamiUser, source: Source, user: str, known: Known
    ) -> Known:
        identity = mapping.identify(record, known.external_id, self._settings)
        if isinstance(identity, mapping.Unnamed):
            self._leave_out(identity, record, source)
            return known
        mapped = mapping.identify_event_of(record, identity, self._settings)
        if mapped is None:
            self._filter("nothing_to_set", source)
            return known
        targets = self._targets["main"]
        told = targets.told(identity)
        if self._skips_stale and targets.is_late(identity, told, record.time):
            self._filter("stale_user_record", source)
            return known
        is_repeat = targets.says_nothing_new(identity, told, mapped)
        if is_repeat and (
            targets.was_told_in_this_run(told)
            or self._memory.delivered_before("main", told.key) is not None
        ):
            self._filter("unchanged", source)
            targets.note_unchanged(identity, told, record.time)
        else:
            if record.time is None:
                mapped = in_turn(mapped, told, is_repeat=is_repeat)
            # Its id is one of our own, made of all that it tells: no other one has it.
            key = _key_of(mapped.insert_id, identity)
            mark = Mark(mapped.event_type, None, key, mapped.insert_id)
            if not self._send(mapped, mark, user, source):
                return known
            targets.note(identity, told, record.state, record.time, mapped, key=key)
        return self._learning.with_state(known, record.state, record.time)

    def _send(
        self,
        mapped: AmplitudeEvent,
        mark: Mark,
        lane_key: str,
        source: Source,
        *,
        is_late: bool = False,
    ) -> bool:
        """Hand an event to delivery; return whether it is one that can be sent."""
        event = self._checks.encode(
            mapped, numbers_are_finite=not jsontext.may_have_met_not_finite()
        )
        if isinstance(event, Refusal):
            self._reject(event, source)
            return False
        origin = self._run.ledger.open(
            source.label,
            source.stream,
            source.line,
            mark,
            source.held,
            is_late=is_late,
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

    def _delivered_nameless(
        self, project: Project, mark: Mark, event: NamiEvent, identity: Identity
    ) -> Occurrence | None:
        """Return the same event, delivered before its user had a name.

        Without a device it went under the Nami user id.
        """
        if identity.device_id or event.external_id or event.user_id == identity.user_id:
            return None
        key = dedup_key(mark.insert_id, None, event.user_id)
        return self._memory.delivered_before(project, key)

    def _repeat(self, source: Source, mark: Mark, first: Occurrence) -> None:
        """Settle an event that an earlier run delivered, and go on remembering it."""
        held = [] if source.held is None else [source.held]
        self._memory.settle(source.project, [mark], held)
        id_conflict = mark.insert_id if mark.differs_from(first) else None
        self._run.ledger.repeat(source.label, id_conflict)

    def _forget(self, source: Source) -> None:
        if source.held is not None:
            self._memory.forget_held(source.held)

    def _hold(self, record: NamiEvent | NamiUser, source: Source) -> None:
        try:
            packed = kept.pack(record)
        except RecursionError:
            detail = "the record is nested too deep to be kept"
            self._reject(Refusal("too_deep", "", detail), source)
            return
        is_new = self._memory.hold(
            record.user_id or "",
            source.stream,
            source.line,
            packed,
            is_of_now=record.time is None,
        )
        if is_new:
            self._run.ledger.hold(source.label)
        else:
            self._run.ledger.repeat(source.label)

    def _let_go(self, held: Held) -> None:
        """Send a record on its way that was held; it counts as read once more."""
        self._run.rejects.declare_if_missing(held.stream)
        try:
            record = kept.unpack(held.record)
            kept.check_line(held.line)
        except (ValueError, RecursionError) as error:
            raise self._memory.damaged() from error
        source = Source(
            self.choice.label_of(record), held.stream, held.line, held.number
        )
        self._run.ledger.note_released()
        user = who(record)
        before = self._users.get(user)
        known = self._go(record, source, user, before)
        if known is not before:
            self._users.put(user, known)


def _key_of(insert_id: str, identity: Identity) -> DedupKey:
    return dedup_key(insert_id, identity.device_id, identity.user_id)
