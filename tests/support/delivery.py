"""Helpers for tests of delivery: events, a scripted sender, a fake clock."""

from __future__ import annotations

import dataclasses
import sys
import threading
import typing as t
from collections import Counter

from target_amplitude_nami.amplitude.answers import Answer, Delivered
from target_amplitude_nami.amplitude.event import EncodedEvent, memory_bytes_of
from target_amplitude_nami.delivery.batch_sender import BatchSender
from target_amplitude_nami.delivery.clock import Clock
from target_amplitude_nami.delivery.delivery import Delivery
from target_amplitude_nami.delivery.lane import Lane
from target_amplitude_nami.delivery.packing import RequestLimits
from target_amplitude_nami.delivery.protocols import Undelivered
from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter, RateLimiter
from target_amplitude_nami.delivery.retry_policy import RetryPolicy
from target_amplitude_nami.outcomes import (
    Checkpoint,
    Origin,
    Refusal,
    SentEvent,
    dedup_key,
)
from target_amplitude_nami.settings.options import DeliveryOptions
from target_amplitude_nami.shutdown import Shutdown

if t.TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from target_amplitude_nami.delivery.waits import Waits

BAD = Refusal("amplitude_invalid_field", "time", "HTTP 400: bad", 400)
"""A refusal that Amplitude gives a reason for."""

_REAL_SECONDS = 0.001
_USUAL_LIMITS = RequestLimits(2000, 900_000)


def numbered(
    number: int,
    user: str = "user",
    *,
    body: bytes | None = None,
    kept_bytes: int = 0,
    line: bytes = b"",
    **changes: t.Any,
) -> EncodedEvent:
    """Return an event whose body and insert id give its number.

    Args:
        number: What `number_of` finds again.
        user: The Nami user, and Amplitude's where `user_id` names no other.
        body: Its bytes, where the number and the user do not do.
        kept_bytes: How many bytes its record takes until it is settled.
        line: The record itself.
        changes: Other fields of `EncodedEvent`.
    """
    body = b"%d %s" % (number, user.encode()) if body is None else body
    fields: dict[str, t.Any] = {
        "user_id": user,
        "device_id": None,
        "user_key": user,
        "checkpoint": Checkpoint(),
    }
    fields |= changes
    return EncodedEvent(
        body=body,
        sent_event=sent_event(str(number), fields["device_id"], fields["user_id"]),
        origin=Origin("label", "stream", line),
        memory_bytes=memory_bytes_of(body, line or bytes(kept_bytes)),
        **fields,
    )


def sent_event(insert_id: str, device_id: str | None, user_id: str | None) -> SentEvent:
    """Return what is remembered of an event with these ids."""
    return SentEvent(
        event_type="device.impression",
        time=0,
        key=dedup_key(insert_id, device_id, user_id),
        insert_id=insert_id,
        device_id=device_id,
        user_id=user_id,
    )


def number_of(event: EncodedEvent) -> int:
    """Return the number that `numbered` gave to an event."""
    return int(event.sent_event.insert_id)


def of_many_users(count: int) -> list[EncodedEvent]:
    """Return events, each of a user of its own."""
    return [numbered(number, f"user-{number}") for number in range(count)]


AnswerScript: t.TypeAlias = "Callable[[Sequence[int]], Answer]"


def one_by_one(answers: Iterable[Answer]) -> AnswerScript:
    """Return a script that gives these answers, and then takes all."""
    rest = iter(answers)
    return lambda numbers: next(rest, Delivered(len(numbers)))


class ScriptedSender:
    """Answers by a function of the numbers of the events in a request."""

    def __init__(self, answer: AnswerScript | Iterable[Answer] = ()) -> None:
        """Take a function, or the first answers: what follows is taken."""
        self.requests: list[list[int]] = []
        self.bodies: list[bytes] = []
        self.is_closed = False
        self.on_post: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._answer = answer if callable(answer) else one_by_one(answer)

    def answer_next(self, *answers: Answer) -> None:
        """Give these answers from now on, and then take all."""
        self._answer = one_by_one(answers)

    def answer_by(self, answer: AnswerScript) -> None:
        """Answer by a function from now on."""
        self._answer = answer

    def encode(self, events: Iterable[bytes]) -> bytes:
        """Return a body from which the events can be read again."""
        return b"\n".join(events)

    def post(self, body: bytes, count: int) -> Answer:
        """Take a request."""
        numbers = [int(line.split()[0]) for line in body.split(b"\n")]
        assert len(numbers) == count
        self.on_post()
        with self._lock:
            self.bodies.append(body)
            self.requests.append(numbers)
            return self._answer(numbers)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    @property
    def times_sent(self) -> Counter[int]:
        """How often each event was sent."""
        return Counter(number for request in self.requests for number in request)


@dataclasses.dataclass
class NotedOutcomes:
    """Outcomes that are noted, and may come only once for each event."""

    known: Collection[int] = ()
    """The events that Amplitude has before they are sent."""
    accepted: list[int] = dataclasses.field(default_factory=list)
    refused: dict[int, Refusal] = dataclasses.field(default_factory=dict)
    settled: set[int] = dataclasses.field(default_factory=set)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def drop_delivered(self, events: Sequence[EncodedEvent]) -> Undelivered:
        """Settle those that Amplitude has."""
        to_send = [event for event in events if number_of(event) not in self.known]
        with self.lock:
            for event in events:
                if number_of(event) in self.known:
                    self._settle(event)
        return Undelivered(to_send)

    def delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Note events that Amplitude has."""
        with self.lock:
            for event in events:
                self._settle(event)
                self.accepted.append(number_of(event))

    def rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Note an event that Amplitude will not take."""
        with self.lock:
            self._settle(event)
            self.refused[number_of(event)] = refusal

    def _settle(self, event: EncodedEvent) -> None:
        assert number_of(event) not in self.settled
        self.settled.add(number_of(event))


class FakeClock(Clock):
    """Time that passes only when everybody waits for it, and then at once.

    Everybody is the thread that submits and the lanes that are alive.
    """

    def __init__(self) -> None:
        """Begin at an arbitrary moment."""
        self.time = 1000.0
        self._submitter = threading.get_ident()
        self._waiting: dict[int, float | None] = {}
        self._entries: Counter[int] = Counter()
        self._seen: Counter[int] = Counter()

    def now(self) -> float:
        """Return the moment that it is."""
        return self.time

    def pause(self, seconds: float) -> None:
        """Let so much time pass."""
        self.time += max(0.0, seconds)

    def notice(self) -> None:
        """Take note that somebody works: all have to look around once more."""
        self._seen = self._entries.copy()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait for others; when they all wait as well, let the time pass."""
        me = threading.get_ident()
        self._waiting[me] = None if seconds is None else self.time + seconds
        self._entries[me] += 1
        try:
            if self._everybody_waits():
                self._pass_on()
                condition.notify_all()
            else:
                condition.wait(_REAL_SECONDS)
        finally:
            del self._waiting[me]

    def _everybody_waits(self) -> bool:
        """Whether all wait, and each has looked around since they all did."""
        lanes = [thread for thread in threading.enumerate() if isinstance(thread, Lane)]
        everybody = {self._submitter, *(lane.ident for lane in lanes)}
        if everybody != self._waiting.keys():
            self.notice()
            return False
        return all(self._entries[who] > self._seen[who] for who in self._waiting)

    def _pass_on(self) -> None:
        # The submitting thread only polls: its moments matter when no others do.
        moments = {who: at for who, at in self._waiting.items() if at is not None}
        others = {who: at for who, at in moments.items() if who != self._submitter}
        if moments:
            self.time = max(self.time, min((others or moments).values()))
        self.notice()


class SingleLane:
    """A batch sender and what a lane does for it, in one thread on a fake clock."""

    def __init__(
        self,
        answer: AnswerScript | Iterable[Answer] = (),
        *,
        retry_for: float = 1800,
        per_id_per_second: int = 1000,
        max_events_per_second: int | None = None,
    ) -> None:
        """Take what the sender answers, and the settings that matter."""
        self.clock = FakeClock()
        self.sender = ScriptedSender(answer)
        self.outcomes = NotedOutcomes()
        self.log: list[str] = []
        self.pauses: list[float] = []
        self.waits: list[Waits] = []
        """What the sender waited for in each pause."""
        self.batch_sender = BatchSender(
            self.sender,
            self.outcomes,
            PerIdRateLimiter(
                per_id_per_second=per_id_per_second,
                run_limiter=RateLimiter(max_events_per_second),
            ),
            retry_policy=RetryPolicy(retry_for),
            now=self.clock.now,
            pause=self._pause,
            log=self.log.append,
        )

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self.pauses.append(seconds)
            self.waits.append(self.batch_sender.waits)
        self.clock.pause(seconds)

    def deliver(self, events: Sequence[EncodedEvent], limit: int = 2000) -> None:
        """Deliver a batch and all that it made wait."""
        self.batch_sender.deliver(events)
        deferred = self.batch_sender.deferred
        while (seconds := deferred.seconds_until_due(self.clock.now())) is not None:
            self.clock.pause(seconds)
            limits = RequestLimits(limit, 10**9)
            for request in limits.pack(deferred.take_due(self.clock.now())):
                self.batch_sender.deliver(request)


class ScriptedShutdown(Shutdown):
    """A shutdown whose time left is a function of the test's."""

    def __init__(self, seconds_left: Callable[[], float | None]) -> None:
        """Take the function."""
        super().__init__()
        self.left = seconds_left

    def seconds_left(self) -> float | None:
        """Return what the function does."""
        return self.left()


def delivery_options(
    limits: RequestLimits = _USUAL_LIMITS,
    per_id_per_second: int = 1000,
    **options: t.Any,
) -> DeliveryOptions:
    """Return the usual options, but for these."""
    values: dict[str, t.Any] = {
        "lanes": 1,
        "events_per_request": limits.events,
        "event_bytes": limits.event_bytes,
        "batch_wait_seconds": 5,
        "retry_for": 1800,
        "events_per_second": None,
        "events_per_second_per_id": per_id_per_second,
    }
    return DeliveryOptions(**values | options)


class DeliveryHarness:
    """A delivery with real lanes, all of whose senders answer by one script."""

    def __init__(
        self,
        answer: AnswerScript | Iterable[Answer] = (),
        *,
        seconds_left: Callable[[], float | None] = lambda: None,
        max_events_per_second: int | None = None,
        **options: t.Any,
    ) -> None:
        """Take what Amplitude answers, and options that differ from the usual ones."""
        self.clock = FakeClock()
        self.outcomes = NotedOutcomes()
        self.log: list[str] = []
        self.amplitude = ScriptedSender(answer)
        self.amplitude.on_post = self.clock.notice
        self.shutdown = ScriptedShutdown(seconds_left)
        self.delivery = Delivery(
            lambda: self.amplitude,
            delivery_options(**options),
            self.outcomes,
            rate_limiter=RateLimiter(max_events_per_second),
            log=self.log.append,
            shutdown=self.shutdown,
            clock=self.clock,
        )
        self._let_the_clock_notice_work()

    def _let_the_clock_notice_work(self) -> None:
        condition = self.delivery._condition
        notify_all = condition.notify_all

        def notify_and_notice() -> None:
            self.clock.notice()
            notify_all()

        condition.notify_all = notify_and_notice  # type: ignore[method-assign]

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.delivery.close()

    def submit(self, events: Iterable[EncodedEvent]) -> None:
        """Submit all of them."""
        self.delivery.submit(list(events))

    def use_all_lanes(self) -> None:
        """Use all lanes from now on, as if they had fallen behind."""
        self.use_lanes(sys.maxsize)

    def use_lanes(self, count: int) -> None:
        """Use so many lanes from now on, if that is more than before."""
        with self.delivery._condition:
            if count > len(self.delivery._lanes._used):
                self.delivery._lanes._open(count)

    def wait_until_lanes_send(self) -> None:
        """Wait until each lane is at work on a request, or has none to send."""
        lanes = self.delivery._lanes._lanes
        self.wait_until(
            lambda: all(lane.is_sending or not lane.backlog.is_ready for lane in lanes)
        )

    def assert_nothing_is_kept(self) -> None:
        """Assert that delivery keeps nothing of events, all of which are settled."""
        with self.delivery._condition:
            lanes = self.delivery._lanes
            assert not lanes._in_first
            assert not lanes._router._places
            assert not lanes._router.has_parked
            assert not lanes.waiting_events
            assert not self.delivery._unsettled_bytes

    def wait_until_lanes_are_free(self) -> None:
        """Wait until nothing is on its way, without letting time pass."""
        self.wait_until(lambda: self.delivery._lanes.are_free)

    def wait_until_settled(self, numbers: Iterable[int]) -> None:
        """Wait until these events, and no others, are settled; no time passes."""
        wanted = set(numbers)
        self.wait_until(lambda: self.outcomes.settled == wanted)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait until the lanes have got so far, without letting time pass."""
        with self.delivery._condition:
            assert self.delivery._condition.wait_for(is_so, 20)

    def deliver(self, events: Iterable[EncodedEvent]) -> None:
        """Submit all of them and wait until they are settled."""
        self.submit(events)
        assert self.delivery.flush()

    def flush_within(self, seconds_left: Callable[[], float | None]) -> bool:
        """Flush with a deadline; return whether all is settled by then."""
        self.shutdown.left = seconds_left
        try:
            return self.delivery.flush()
        finally:
            self.shutdown.left = lambda: None


def assert_in_order_per_user(accepted: Sequence[int], users: int) -> None:
    """Assert that events, numbered in turn over so many users, kept their order."""
    for user in range(users):
        of_user = [number for number in accepted if number % users == user]
        assert of_user == sorted(of_user)
