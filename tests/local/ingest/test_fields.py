"""What becomes of an event's fields beside its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.model import Request
from tests.local.bench import HTTP_V2, JSON_TYPE, Bench, event

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

SKIP = {"$skip_user_properties_sync": True}
NO_DEVICE = {
    "carrier": None,
    "device_brand": None,
    "device_manufacturer": None,
    "device_model": None,
    "os_name": None,
    "os_version": None,
    "platform": None,
}
NO_PLACE = {"city": None, "country": None, "dma": None, "region": None}


def fields(export: dict[str, Any]) -> dict[str, Any]:
    """Return what an event shows of device, place, language and version."""
    names = {*NO_DEVICE, *NO_PLACE, "language", "app_version"}
    return {name: value for name, value in export.items() if name in names}


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ({}, {}, {}),
        ({"platform": "iOS"}, {}, {**NO_DEVICE, "platform": "iOS"}),
        (
            {"platform": "iOS", "os_name": "ios"},
            {"platform": "Android"},
            {**NO_DEVICE, "platform": "Android"},
        ),
        (
            {"country": "FR", "city": "Paris"},
            {"country": "DE"},
            {**NO_PLACE, "country": "DE"},
        ),
        (
            {"country": "FR", "platform": "iOS"},
            {"country": "DE"},
            {**NO_PLACE, **NO_DEVICE, "country": "DE", "platform": "iOS"},
        ),
        ({"platform": "iOS"}, {"platform": None}, {**NO_DEVICE, "platform": "iOS"}),
        (
            {"app_version": "1", "language": "French"},
            {"app_version": "2"},
            {"app_version": "2", "language": "French"},
        ),
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_fields_of_a_group_reset_each_other_and_last(
    bench: Bench,
    first: dict[str, Any],
    second: dict[str, Any],
    shown: dict[str, Any],
    *,
    together: bool,
) -> None:
    """HTTP V2 API, Keys for the event argument: device and place fields."""
    sent = [event(**first), event(**second)]
    for events in [sent] if together else [[one] for one in sent]:
        bench.send(*events)

    assert fields(bench.exports()[1]) == shown


def test_fields_last_only_if_switched_on(make_bench: MakeBench) -> None:
    bench = make_bench(keep_fields=False)

    bench.send(event(platform="iOS"), event())

    assert fields(bench.exports()[1]) == {}


def test_a_skipped_event_shows_and_leaves_no_fields_but_its_own(bench: Bench) -> None:
    """HTTP V2 API, `$skip_user_properties_sync`."""
    bench.send(event(country="FR"), event(country="DE", **SKIP), event(**SKIP), event())

    shown = [fields(export).get("country") for export in bench.exports()]
    assert shown == ["FR", "DE", None, "FR"]


def test_remote_as_ip_is_the_address_of_the_uploader(bench: Bench) -> None:
    """HTTP V2 API, `ip`."""
    body = b'{"api_key": "key-1", "events": [%b]}'
    sent = b'{"event_type": "e", "user_id": "user-1", "ip": "%b"}'
    both = b", ".join(sent % ip for ip in (b"$remote", b"192.0.2.1"))
    bench.take(Request("POST", HTTP_V2, JSON_TYPE, body % both, peer="198.51.100.7"))

    assert [kept["ip"] for kept in bench.exports()] == ["198.51.100.7", "192.0.2.1"]


def test_the_address_of_the_uploader_does_not_stay_with_the_user(bench: Bench) -> None:
    bench.send(event(platform="iOS", ip="$remote"), event())

    first, second = bench.exports()
    assert first["ip"] == "127.0.0.1"
    assert "ip" not in second
    assert second["platform"] == "iOS"


def test_types_over_the_limit_are_kept_and_in_no_chart(make_bench: MakeBench) -> None:
    """Amplitude limits: 2,000 event types; events of further ones cannot be queried."""
    bench = make_bench(event_types=2)
    identify = event(event_type="$identify", user_properties={"$set": {"a": 1}})

    for name in ("one", "two", "three", "one"):
        bench.send(event(event_type=name), identify)
    bench.send(event(event_type="three"), api_key="key-2")

    summary = bench.read.summary()
    assert summary.events == {"one": 2, "two": 1, "three": 1}
    assert (summary.beyond, summary.identifies) == (1, 4)
    assert len(bench.exports()) == 5


def test_the_limit_of_types_is_two_thousand(make_bench: MakeBench) -> None:
    """Amplitude limits."""
    bench = make_bench(throttling=False)
    bench.send(*[event(event_type=f"type-{n}") for n in range(2_000)])
    bench.send(event(event_type="one-more"), event(event_type="type-1"))

    summary = bench.read.summary()
    assert (summary.total, summary.beyond) == (2_001, 1)
