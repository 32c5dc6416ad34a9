"""Amplitude's own Python client, unchanged, against the local Amplitude."""

from __future__ import annotations

import logging
from collections import Counter
from threading import Condition
from typing import TYPE_CHECKING, Any

import pytest
from amplitude import (  # type: ignore[import-untyped]
    Amplitude,
    BaseEvent,
    Config,
    EventOptions,
    Identify,
    Revenue,
)

from tests.clients.support import API_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.support import Destination

    MakeClient = Callable[..., "Client"]


class Client:
    """The client, and what it said became of each event."""

    def __init__(self, url: str, api_key: str = API_KEY, **options: Any) -> None:
        self.verdicts: list[tuple[str, int]] = []
        self._changed = Condition()
        self.amplitude = Amplitude(
            api_key,
            Config(
                server_url=url,
                flush_interval_millis=20,
                flush_queue_size=1_000,
                callback=self._note,
                **options,
            ),
        )

    def track(self, user_id: str, *, count: int = 1, **fields: Any) -> None:
        for _ in range(count):
            self.amplitude.track(
                BaseEvent("user.login", user_id=user_id, **fields),
            )

    def flush(self) -> None:
        """Send what is waiting, also what waits until a throttling is over."""
        for future in self.amplitude.flush() or ():
            if future is not None:
                future.result(timeout=20)

    def wait_for(self, count: int) -> Counter[tuple[str, int]]:
        """Return the verdicts, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.verdicts) >= count, 20)
            return Counter(self.verdicts)

    def _note(self, event: BaseEvent, code: int, _: str | None) -> None:
        with self._changed:
            self.verdicts.append((event.user_id or "", code))
            self._changed.notify_all()


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    clients: list[Client] = []

    def make(url: str, **options: Any) -> Client:
        clients.append(Client(url, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.amplitude.shutdown()


@pytest.mark.parametrize("api", ["http_v2", "batch"])
def test_good_events_arrive(
    destination: Destination,
    make_client: MakeClient,
    api: str,
) -> None:
    local = destination.local
    client = make_client(local.endpoint(api))

    client.track("user-1", count=3, event_properties={"price": 9.99})
    client.track("user-2", user_properties={"plan": "pro"})

    assert client.wait_for(4) == {("user-1", 200): 3, ("user-2", 200): 1}
    summary = local.summary()
    assert (summary.events, summary.users, summary.duplicates) == (
        {"user.login": 4},
        2,
        0,
    )
    assert local.user_properties("user-2") == {"plan": "pro"}


def test_identify_and_revenue_calls_arrive(
    destination: Destination,
    make_client: MakeClient,
) -> None:
    local = destination.local
    client = make_client(local.endpoint("http_v2"))
    who = EventOptions(user_id="user-1", device_id="device-1")

    client.amplitude.identify(Identify().set("plan", "pro").add("visits", 2), who)
    client.flush()
    client.amplitude.revenue(Revenue(price=2.5, quantity=3, product_id="monthly"), who)

    client.wait_for(2)
    assert local.user_properties("user-1") == {"plan": "pro", "visits": 2}
    summary = local.summary()
    assert (summary.events, summary.identifies) == ({"revenue_amount": 1}, 1)
    [paid] = local.events()
    assert paid.export["event_properties"]["$price"] == 2.5
    assert paid.export["user_properties"] == {"plan": "pro", "visits": 2}


@pytest.mark.parametrize("api", ["http_v2", "batch"])
def test_events_with_bad_ids_are_left_out_and_the_others_arrive(
    destination: Destination,
    make_client: MakeClient,
    api: str,
) -> None:
    """The client learns from the answers which events to leave out."""
    local = destination.local
    client = make_client(local.endpoint(api))

    client.track("user-1", count=2)
    client.track("abc", count=2)
    client.track("user-2")
    client.flush()

    assert client.wait_for(5) == {
        ("user-1", 200): 2,
        ("abc", 400): 2,
        ("user-2", 200): 1,
    }
    summary = local.summary()
    assert (summary.total, summary.users) == (3, 2)
    assert summary.refused == (2 if api == "http_v2" else 1)


def test_a_shorter_id_may_be_allowed(
    destination: Destination,
    make_client: MakeClient,
) -> None:
    client = make_client(destination.local.endpoint("http_v2"), min_id_length=1)

    client.track("abc")

    assert client.wait_for(1) == {("abc", 200): 1}


def test_a_throttled_user_waits_and_the_others_do_not(
    destination: Destination,
    make_client: MakeClient,
) -> None:
    local, clock = destination.local, destination.clock
    client = make_client(local.endpoint("http_v2"))
    client.track("busy-user", count=900)
    client.flush()
    client.wait_for(900)

    client.track("busy-user")
    client.track("calm-user")
    client.flush()

    assert client.wait_for(901) == {("busy-user", 200): 900, ("calm-user", 200): 1}
    assert [r.status for r in local.requests()].count(429) >= 1
    clock.seconds += 30
    client.flush()
    assert client.wait_for(902)["busy-user", 200] == 901
    assert (local.summary().total, local.summary().duplicates) == (902, 0)


def test_a_wrong_key_is_reported(
    destination: Destination,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """This client only logs it, and the events are gone."""
    local = destination.local
    client = make_client(local.endpoint("http_v2"), api_key="another-key")

    with caplog.at_level(logging.ERROR, "amplitude"):
        client.track("user-1")
        client.flush()
        client.amplitude.shutdown()

    assert "Invalid API Key" in caplog.text
    assert [r.error for r in local.requests()] == ["Invalid API key: (hidden)"]
    assert local.summary().total == 0
