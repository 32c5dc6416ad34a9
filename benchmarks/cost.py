"""CPU for a million events; requests and bytes against the least possible."""

from __future__ import annotations

import gzip
import math
import statistics
from typing import TYPE_CHECKING, Any, Final

import msgspec

from benchmarks import contestants as who
from benchmarks.measuring import Contestant, bodies, per_record
from benchmarks.results import Goal, Result, Row, say
from benchmarks.running import LoopbackServer, Outcome, run, scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.measuring import Workshop

_MOST_EVENTS: Final = 2_000
_MOST_BYTES: Final = 900_000
"""Of one request: the defaults of `batch_size_rows` and `max_request_bytes`."""
_ENVELOPE: Final = len('{"api_key":"benchmark","events":[]}')
_LEVELS: Final = (1, 9)

_Body = msgspec.defstruct("_Body", [("events", list[msgspec.Raw])])


def measure(shop: Workshop) -> Result:
    """Send events with the target and with the bare loop, and look at what came."""
    count = shop.sized(500_000, 25_000)
    source = shop.input("usual", count)
    field = (who.ours(count), who.ceiling(count))
    used: dict[str, list[Outcome]] = {one.name: [] for one in field}
    sent: dict[str, dict[str, Any]] = {}
    for _ in range(shop.sized(3, 1)):
        for one in field:
            with scratch(shop.folder) as folder:
                used[one.name].append(_send(one, source, folder))
                if one.name not in sent:
                    sent[one.name] = _weigh(folder / "bodies")
    cpu = {
        name: per_record(statistics.median(o.cpu_seconds for o in outcomes), count)
        for name, outcomes in used.items()
    }
    ours = sent[who.OURS]
    for name, seconds in cpu.items():
        say(f"  {name:10} {seconds:6.1f} s of CPU a million, {sent[name]['requests']}")
    return Result(
        "cost",
        f"{count:,} usual events, start-up included. The least number of requests "
        f"follows from the events' bytes and from 2,000 events and 900,000 bytes at "
        f"most for one request; the least bytes are these requests at gzip's level 9.",
        [
            Row("CPU for a million events", cpu[who.OURS], " s"),
            Row("CPU for a million events, bare loop", cpu[who.CEILING], " s"),
            Row(
                "requests / the least possible",
                ours["requests"] / ours["least_requests"],
                "",
                Goal("≤", 1.05),
                f"{ours['requests']} and {ours['least_requests']}",
            ),
            Row(
                "bytes sent / the least possible",
                ours["body_bytes"] / ours["least_bytes_at_level_9"],
                note=f"{ours['body_bytes'] / count:.0f} bytes an event; uncompressed "
                f"{ours['event_bytes'] / count:.0f}",
            ),
            Row(
                "bytes sent / the least at the same level of gzip",
                ours["body_bytes"] / ours["least_bytes_at_level_1"],
            ),
        ],
        {"cpu_seconds_per_million": cpu, "sent": sent},
    )


def _send(one: Contestant, source: Path, folder: Path) -> Outcome:
    with LoopbackServer(keep=folder / "bodies") as server:
        return run(one.command(folder, server.url), source, folder)


def _weigh(folder: Path) -> dict[str, Any]:
    """Return what was sent, and what would have been the least."""
    requests = body_bytes = events = event_bytes = 0
    for path in folder.glob("*.body"):
        requests += 1
        body_bytes += path.stat().st_size
    for event in _events(folder):
        events += 1
        event_bytes += len(event)
    room = _MOST_BYTES - _ENVELOPE
    least = max(
        math.ceil(events / _MOST_EVENTS), math.ceil((event_bytes + events) / room)
    )
    return {
        "requests": requests,
        "body_bytes": body_bytes,
        "events": events,
        "event_bytes": event_bytes,
        "least_requests": least,
        **{
            f"least_bytes_at_level_{level}": _least_bytes(folder, least, events, level)
            for level in _LEVELS
        },
    }


def _events(folder: Path) -> Iterator[bytes]:
    decoder = msgspec.json.Decoder(_Body)
    for body in bodies(folder):
        for event in decoder.decode(body).events:  # type: ignore[attr-defined]
            yield bytes(event)


def _least_bytes(folder: Path, requests: int, events: int, level: int) -> int:
    """Return the bytes of so many requests of equally many events."""
    size = math.ceil(events / requests)
    total, batch = 0, []
    for event in _events(folder):
        batch.append(event)
        if len(batch) == size:
            total += _compressed(batch, level)
            batch = []
    return total + (_compressed(batch, level) if batch else 0)


def _compressed(events: list[bytes], level: int) -> int:
    body = b'{"api_key":"benchmark","events":[' + b",".join(events) + b"]}"
    return len(gzip.compress(body, level))
