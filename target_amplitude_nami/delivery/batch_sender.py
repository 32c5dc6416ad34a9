"""Works through one batch of events until each is settled or deferred.

The rules are those of Amplitude's "HTTP V2 API batching and retries": a refused
request stored nothing, so the events that were not named go again; after an unknown
outcome the same bytes go again, which `insert_id` makes safe.
"""

from __future__ import annotations

import typing as t
from http import HTTPStatus

from target_amplitude_nami.amplitude.answers import (
    Delivered,
    Fatal,
    Refused,
    RefusedUnattributed,
    Throttled,
    TooLarge,
    Unknown,
)
from target_amplitude_nami.delivery.deferred_users import DeferredUsers
from target_amplitude_nami.delivery.key_waits import KeyWaits
from target_amplitude_nami.delivery.retry_policy import Retries, RetryPolicy
from target_amplitude_nami.delivery.split_plan import SplitPlan
from target_amplitude_nami.delivery.suspects import Suspects
from target_amplitude_nami.delivery.throttles import at_indexes, sort_throttled
from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.delivery.waits import Pause, Waits
from target_amplitude_nami.errors import DeliveryError
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.answers import Answer, Throttle
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.protocols import Outcomes, Sender
    from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter


class BatchSender:
    """Sends the batches of one lane, one request at a time."""

    def __init__(  # noqa: PLR0913
        self,
        sender: Sender,
        outcomes: Outcomes,
        rate_limiter: PerIdRateLimiter,
        *,
        retry_policy: RetryPolicy,
        now: Callable[[], float],
        pause: Callable[[float], None],
        log: Callable[[str], None],
    ) -> None:
        """Initialise with the parts that sending needs.

        Args:
            sender: A connection of its own.
            outcomes: Records what became of the events.
            rate_limiter: Shared by all lanes of a project.
            retry_policy: When to send again, and when to give up.
            now: Monotonic seconds.
            pause: Waits so many seconds, or raises to end the work.
            log: Takes a line about each failure that is waited out.
        """
        self.traffic = Traffic()
        self.deferred = DeferredUsers()
        self._sender = sender
        self._outcomes = outcomes
        self._rate_limiter = rate_limiter
        self._now = now
        self._pause = pause
        self._log = log
        self._retries = Retries(retry_policy, now)
        self._key_waits = KeyWaits()
        self._suspects = Suspects()
        self._is_posting = False
        self._pausing: Pause | None = None

    @property
    def waits(self) -> Waits:
        """What the lane waits for; any thread may ask."""
        now, pause = self._now(), self._pausing
        users, seconds = self.deferred.waiting(now)
        return Waits(
            requests=int(self._is_posting),
            failure=pause.failure if pause else "",
            retry_seconds=max(0.0, pause.until - now) if pause else 0.0,
            is_paced=pause is not None and not pause.failure,
            deferred_users=users,
            deferred_seconds=seconds,
        )

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def deliver(self, events: Sequence[EncodedEvent]) -> None:
        """Send the events of one request; on return each is settled or deferred.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        events = self.deferred.withhold(events)
        to_send, waiting = self._outcomes.drop_delivered(events)
        admission = self._rate_limiter.admit(to_send, self._now())
        plan = SplitPlan(admission.admitted)
        self._suspects.begin_batch()
        while plan:
            part = self.deferred.withhold(plan.take())
            if part:
                self._act_on(self._post(part), part, plan)
        for event, refusal in self._suspects.judge():
            self._reject(event, refusal)
        self.deferred.defer(admission.until)
        self.deferred.withhold(admission.postponed)
        if waiting or self._key_waits:
            self.deferred.defer(self._key_waits.defer(events, waiting, self._now()))
            self.deferred.withhold(waiting)

    def _post(self, part: Sequence[EncodedEvent]) -> Answer:
        """Send the same bytes until the outcome is known."""
        body = self._sender.encode([event.body for event in part])
        self._pause_for(self._rate_limiter.reserve(len(part), self._now()))
        attempt = 0
        while True:
            self.traffic.requests += 1
            self.traffic.body_bytes += len(body)
            self._is_posting = True
            answer = self._sender.post(body, len(part))
            self._is_posting = False
            if not isinstance(answer, Unknown):
                if not isinstance(answer, Throttled | Refused):
                    self._retries.succeed()
                return answer
            attempt += 1
            seconds = self._retries.delay(
                answer.message,
                attempt=attempt,
                at_least=answer.seconds,
                at_most=answer.longest_wait,
            )
            self._wait(seconds, answer.message)
            self.traffic.retries += 1

    def _wait(self, seconds: float, message: str) -> None:
        self._log(f"{message}; sending again in {seconds:.1f} s")
        self._pause_for(seconds, message)

    def _pause_for(self, seconds: float, failure: str = "") -> None:
        if seconds > 0:
            self._pausing = Pause(self._now() + seconds, failure)
        self._pause(seconds)
        self._pausing = None

    def _act_on(
        self, answer: Answer, part: Sequence[EncodedEvent], plan: SplitPlan
    ) -> None:
        match answer:
            case Delivered():
                self._settle(answer, part)
            case Refused():
                self._sort_refused(answer, part, plan)
            case Throttled(throttle, message):
                remaining = self._defer_throttled(throttle, part, message)
                self._send_rest(remaining, part, answer, plan)
            case TooLarge(message) if len(part) == 1:
                refusal = Refusal("amplitude_too_large", "", message, 413)
                self._suspects.add(part[0], refusal, plan)
            case RefusedUnattributed(status, message) if len(part) == 1:
                refusal = Refusal("amplitude_refused", "", message, status)
                self._suspects.add(part[0], refusal, plan)
            case TooLarge() | RefusedUnattributed():
                plan.again_in_halves(part)
            case Fatal(message):  # pragma: no branch - `_post` returns no Unknown
                raise DeliveryError(message)

    def _settle(self, answer: Delivered, part: Sequence[EncodedEvent]) -> None:
        if answer.ingested not in {None, len(part)}:
            self.traffic.miscounted += 1
            self._log(
                f"Amplitude counts {counted(answer.ingested or 0, 'event')} in a "
                f"request of {len(part):,}"
            )
        self._suspects.note_delivered()
        self._outcomes.delivered(part)

    def _reject(self, event: EncodedEvent, refusal: Refusal) -> None:
        self._retries.succeed()
        self._outcomes.rejected(event, refusal)

    def _sort_refused(
        self, answer: Refused, part: Sequence[EncodedEvent], plan: SplitPlan
    ) -> None:
        """Reject the events that Amplitude named; the others go again at once."""
        rest: list[EncodedEvent] = []
        indexes: list[int] = []
        for index, event in enumerate(part):
            refusal = answer.events.get(index) or answer.devices.get(
                event.device_id or ""
            )
            if refusal is None:
                rest.append(event)
                indexes.append(index)
            else:
                self._reject(event, refusal)
        remaining: Sequence[EncodedEvent] = rest
        if answer.throttle is not None:
            throttle = at_indexes(answer.throttle, indexes)
            remaining = self._defer_throttled(throttle, rest, answer.message)
        if len(remaining) < len(part):
            self._suspects.note_understood()
        self._send_rest(remaining, part, answer, plan)

    def _defer_throttled(
        self, throttle: Throttle, part: Sequence[EncodedEvent], message: str
    ) -> Sequence[EncodedEvent]:
        """Defer the users that a throttle names; return the events of the others."""
        self.traffic.throttled += 1
        moment = self._now() + throttle.seconds
        over_quota, rest, until = sort_throttled(throttle, part, moment, message)
        for event, refusal in over_quota:
            self._reject(event, refusal)
        if until:
            self._retries.delay(message)  # or the end of the run
            users = len({event.user_key for event in rest} & until.keys())
            waiting = counted(users, "user waits", "users wait")
            self._log(f"{message}; {waiting} {throttle.seconds:.0f} s")
            self.deferred.defer(until)
        return self.deferred.withhold(rest)

    def _send_rest(
        self,
        remaining: Sequence[EncodedEvent],
        part: Sequence[EncodedEvent],
        answer: Refused | Throttled,
        plan: SplitPlan,
    ) -> None:
        """Send again what an answer has left of a part."""
        if len(remaining) < len(part):
            plan.again_without_some(remaining)
        elif answer.throttle is not None:  # it names nobody, or nobody who is here
            seconds = self._retries.delay(
                answer.message, at_least=answer.throttle.seconds
            )
            self._wait(seconds, answer.message)
            plan.again(part)
        else:  # it names only events that are not here
            unattributed = RefusedUnattributed(HTTPStatus.BAD_REQUEST, answer.message)
            self._act_on(unattributed, part, plan)
