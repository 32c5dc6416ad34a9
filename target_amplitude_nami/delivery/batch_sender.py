"""Works through one batch of events until each is settled or held back.

The rules are those of Amplitude's "HTTP V2 API batching and retries": a refused
request stored nothing, so the events that were not named go again; an unknown outcome
is asked for again with the same bytes, which `insert_id` makes safe.
"""

from __future__ import annotations

import typing as t
from http import HTTPStatus

import backoff

from target_amplitude_nami.amplitude.answers import (
    Delivered,
    Fatal,
    Refused,
    RefusedUnattributed,
    Throttle,
    Throttled,
    TooLarge,
    Unknown,
)
from target_amplitude_nami.delivery.deferred_users import DeferredUsers
from target_amplitude_nami.delivery.outgoing import Traffic
from target_amplitude_nami.delivery.split_plan import SplitPlan
from target_amplitude_nami.errors import DeliveryError
from target_amplitude_nami.outcomes import Refusal

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.outgoing import Sender, Settlement
    from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter

LONGEST_BACKOFF_SECONDS: t.Final = 60
SECONDS_FOR_A_TWIN: t.Final = 0.05
"""After which an event asks again for the outcome of another one of its id. Then it
waits as long again as it has, for that one may be throttled, and there may be many."""
MOST_SECONDS_FOR_A_TWIN: t.Final = 1.0
SUSPECTS_THAT_MEAN_CONFIGURATION: t.Final = 10
"""So many events refused alone, and none accepted meanwhile: it is not the events, if
as many from other places of the batch are refused as well."""


class BatchSender:
    """Sends the batches of one lane, one request at a time."""

    def __init__(  # noqa: PLR0913
        self,
        sender: Sender,
        settlement: Settlement,
        pacing: PerIdRateLimiter,
        *,
        retry_for: float,
        now: Callable[[], float],
        pause: Callable[[float], None],
        log: Callable[[str], None],
    ) -> None:
        """Take what is needed to send.

        Args:
            sender: A connection of its own.
            settlement: SentState what became of the events.
            pacing: Shared by all couriers of the run.
            retry_for: Seconds that requests may keep failing before the run ends.
            now: Monotonic seconds.
            pause: Waits so many seconds, or raises to end the work.
            log: Takes a line about trouble that is being waited out.
        """
        self.traffic = Traffic()
        self.holds = DeferredUsers()
        self._sender = sender
        self._settlement = settlement
        self._pacing = pacing
        self._retry_for = retry_for
        self._now = now
        self._pause = pause
        self._log = log
        self._stuck_since: float | None = None
        self._waiting_since: dict[int, float] = {}
        """Since when events wait for others of their id, by identity."""
        self._lone_suspects = 0
        self._has_delivered = False

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def deliver(self, events: Sequence[EncodedEvent]) -> None:
        """Send the events of one request; on return each is settled or held back.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        events = self.holds.absorb(events)
        fresh, waiting = self._settlement.sift(events)
        admission = self._pacing.admit(fresh, self._now())
        salvage = SplitPlan(admission.admitted)
        while salvage:
            part = self.holds.absorb(salvage.take())
            if part:
                self._act_on(self._post(part), part, salvage)
        self._judge_suspects(salvage)
        self.holds.begin(admission.until)
        self.holds.absorb(admission.postponed)
        if waiting or self._waiting_since:
            self._hold_twins(events, waiting)

    def _hold_twins(
        self, events: Sequence[EncodedEvent], waiting: Sequence[EncodedEvent]
    ) -> None:
        """Hold back those of the events that wait for others of their id."""
        now = self._now()
        before = [self._waiting_since.pop(id(event), now) for event in events]
        since = dict(zip(map(id, events), before, strict=True))
        until: dict[str, float] = {}
        for event in waiting:
            self._waiting_since[id(event)] = begin = since[id(event)]
            seconds = min(max(SECONDS_FOR_A_TWIN, now - begin), MOST_SECONDS_FOR_A_TWIN)
            until |= dict.fromkeys(event.order_keys, now + seconds)
        self.holds.begin(until)
        self.holds.absorb(waiting)

    def _act_on(
        self, answer: Answer, part: Sequence[EncodedEvent], salvage: SplitPlan
    ) -> None:
        match answer:
            case Delivered():
                self._settle(answer, part, salvage)
            case Refused():
                self._sort_out(answer, part, salvage)
            case Throttled(throttle):
                remaining = self._obey(throttle, part, answer.said)
                self._go_on(remaining, part, answer, salvage)
            case TooLarge(said) if len(part) == 1:
                refusal = Refusal("amplitude_too_large", "", said, 413)
                self._suspect(part[0], refusal, salvage)
            case RefusedUnattributed(status, said) if len(part) == 1:
                refusal = Refusal("amplitude_refused", "", said, status)
                self._suspect(part[0], refusal, salvage)
            case TooLarge() | RefusedUnattributed():
                salvage.again_in_halves(part)
            case Fatal(said):  # pragma: no branch - an Unknown does not get here
                raise DeliveryError(said)

    def _post(self, part: Sequence[EncodedEvent]) -> Answer:
        """Send until there is an answer that tells the outcome."""
        body = self._sender.encode([event.body for event in part])
        self._pause(self._pacing.reserve(len(part), self._now()))
        waits = backoff.expo(max_value=LONGEST_BACKOFF_SECONDS)
        next(waits)  # the generator of this library starts with an empty item
        while True:
            self.traffic.requests += 1
            self.traffic.body_bytes += len(body)
            answer = self._sender.post(body, len(part))
            if not isinstance(answer, Unknown):
                if not isinstance(answer, Throttled | Refused):
                    self._stuck_since = None
                return answer
            seconds = max(backoff.full_jitter(next(waits)), answer.seconds)
            self._wait_out(min(seconds, answer.longest_wait), answer.said)
            self.traffic.retries += 1

    def _wait_out(self, seconds: float, said: str) -> None:
        """Wait before asking again, unless it has been going on for too long."""
        seconds = min(seconds, self._patience_left(said))
        self._log(f"{said}; asking again in {seconds:.1f} s")
        self._pause(seconds)

    def _patience_left(self, said: str) -> float:
        """Return for how many seconds requests may go on failing."""
        now = self._now()
        if self._stuck_since is None:
            self._stuck_since = now
        # Two sums that round alike: else a wait could end just before its end for ever.
        deadline = self._stuck_since + self._retry_for
        if now >= deadline:
            raise DeliveryError(
                f"Amplitude has taken nothing for {now - self._stuck_since:,.0f} s, "
                f"longer than `retry_for` allows. Its last answer was: {said}. "
                f"Nothing is lost: STATE covers only what was delivered, so run again "
                f"when Amplitude can be reached"
            )
        return deadline - now

    # What the answers ask for

    def _settle(
        self, answer: Delivered, part: Sequence[EncodedEvent], salvage: SplitPlan
    ) -> None:
        if answer.ingested not in {None, len(part)}:
            self.traffic.miscounted += 1
            self._log(
                f"Amplitude says that it took {answer.ingested} events of {len(part)}"
            )
        self._lone_suspects = 0
        self._has_delivered = True
        salvage.is_proven = True
        self._settlement.delivered(part)

    def _reject(self, event: EncodedEvent, refusal: Refusal) -> None:
        self._stuck_since = None
        self._settlement.rejected(event, refusal)

    def _sort_out(
        self, answer: Refused, part: Sequence[EncodedEvent], salvage: SplitPlan
    ) -> None:
        """Reject the events that Amplitude named; the others go again at once."""
        rest: list[EncodedEvent] = []
        kept_at: list[int] = []
        for index, event in enumerate(part):
            refusal = answer.events.get(index) or answer.devices.get(
                event.device_id or ""
            )
            if refusal is None:
                rest.append(event)
                kept_at.append(index)
            else:
                self._reject(event, refusal)
        remaining: Sequence[EncodedEvent] = rest
        if answer.throttle is not None:
            throttle = _moved(answer.throttle, kept_at)
            remaining = self._obey(throttle, rest, answer.said)
        salvage.is_proven |= len(remaining) < len(part)
        self._go_on(remaining, part, answer, salvage)

    def _go_on(
        self,
        remaining: Sequence[EncodedEvent],
        part: Sequence[EncodedEvent],
        answer: Refused | Throttled,
        salvage: SplitPlan,
    ) -> None:
        """Send again what an answer has left of a part."""
        if len(remaining) < len(part):
            salvage.again_without_some(remaining)
        elif answer.throttle is not None:  # it names nobody, or nobody who is here
            self._wait_out(answer.throttle.seconds, answer.said)
            salvage.again(part)
        else:  # it names only events that are not here
            unsaid = RefusedUnattributed(HTTPStatus.BAD_REQUEST, answer.said)
            self._act_on(unsaid, part, salvage)

    def _obey(
        self, throttle: Throttle, part: Sequence[EncodedEvent], said: str
    ) -> Sequence[EncodedEvent]:
        """Hold back whom Amplitude wants to wait; return who may go again at once."""
        self.traffic.throttled += 1
        may_go: list[EncodedEvent] = []
        until: dict[str, float] = {}
        moment = self._now() + throttle.seconds
        users = 0
        for index, event in enumerate(part):
            if (
                event.user_id in throttle.quota_users
                or event.device_id in throttle.quota_devices
            ):
                is_user = event.user_id in throttle.quota_users
                field = "user_id" if is_user else "device_id"
                self._reject(event, _over_quota(field, said))
                continue
            if (
                index in throttle.indexes
                or event.user_id in throttle.users
                or event.device_id in throttle.devices
            ):
                users += event.user_key not in until
                until |= dict.fromkeys(event.order_keys, moment)
            may_go.append(event)
        if until:
            self._patience_left(said)  # or the end, when none is left
            self._log(f"{said}; {users} users wait {throttle.seconds:.0f} s")
            self.holds.begin(until)
        return self.holds.absorb(may_go)

    # Events refused alone, without a reason

    def _suspect(
        self, event: EncodedEvent, refusal: Refusal, salvage: SplitPlan
    ) -> None:
        """Take note of an event refused alone: its own fault, or everybody's?"""
        salvage.suspects.append((event, refusal))
        if salvage.is_proven:
            return
        if len(salvage.suspects) == SUSPECTS_THAT_MEAN_CONFIGURATION:
            # Bad events may stand side by side: ask about others before judging.
            salvage.probe(SUSPECTS_THAT_MEAN_CONFIGURATION)
        elif len(salvage.suspects) >= 2 * SUSPECTS_THAT_MEAN_CONFIGURATION:
            raise _refused_whatever_it_is(refusal)

    def _judge_suspects(self, salvage: SplitPlan) -> None:
        if not salvage.suspects:
            return
        if not salvage.is_proven:
            self._lone_suspects += len(salvage.suspects)
            never_worked = len(salvage.suspects) > 1 and not self._has_delivered
            if never_worked or self._lone_suspects >= SUSPECTS_THAT_MEAN_CONFIGURATION:
                raise _refused_whatever_it_is(salvage.suspects[0][1])
        for event, refusal in salvage.suspects:
            self._reject(event, refusal)


def _moved(throttle: Throttle, kept_at: list[int]) -> Throttle:
    """Return the throttle with its indexes counted among the events that were kept."""
    return Throttle(
        seconds=throttle.seconds,
        indexes=frozenset(
            new for new, old in enumerate(kept_at) if old in throttle.indexes
        ),
        users=throttle.users,
        devices=throttle.devices,
        quota_users=throttle.quota_users,
        quota_devices=throttle.quota_devices,
    )


def _over_quota(field: str, said: str) -> Refusal:
    return Refusal(
        "amplitude_daily_quota",
        field,
        f"this {field} is over Amplitude's daily quota ({said}); send the record "
        f"again tomorrow",
        HTTPStatus.TOO_MANY_REQUESTS,
    )


def _refused_whatever_it_is(refusal: Refusal) -> DeliveryError:
    return DeliveryError(
        f"Amplitude refuses every event alike ({refusal.detail}), so it is not the "
        f"events: check `endpoint`, `region` and whether something between here and "
        f"Amplitude blocks requests"
    )
