"""Makes the input of the benchmarks: Singer messages of Nami's events, from a seed.

The 13 event types that Nami offers to Amplitude come in about the proportions of the
sample in `examples/data`, with states that differ by type, product, store and user. The
same arguments give the same bytes. As a program it writes to standard output:

    python -m benchmarks.records 5000000 --users 1000000
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from benchmarks.schema import schema
from benchmarks.templates import KINDS_OF_USERS, Record, templates

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM: Final = "events"
KEYS: Final = {"key_properties": ["id"]}

_FIRST_MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
_SPAN = timedelta(days=90)
_CHUNK = 1_000
_CHUNKS_PER_STATE = 10


def messages(
    shape: str, count: int, *, users: int = 50_000, seed: int = 0, in_turn: bool = False
) -> Iterator[bytes]:
    """Yield a stream's messages, many lines at a time; now and then one is a STATE.

    Args:
        shape: One of `SHAPES`; or the size of a line in bytes, for impressions whose
            properties are as many as that takes.
        count: How many records.
        users: Among how many users these are shared.
        seed: Another one gives other events of the same users, of the 90 days after
            those of seed 0.
        in_turn: Each user gets a record before one gets a second; otherwise it is
            chance whose a record is.
    """
    yield _line({"type": "SCHEMA", "stream": STREAM, "schema": schema()} | KEYS)
    start = b'{"type":"RECORD","stream":"%s","record":' % STREAM.encode()
    made = chunks(shape, count, users=users, seed=seed, in_turn=in_turn)
    for number, records in enumerate(made, 1):
        yield b"".join([start + record + b"}\n" for record in records])
        if number % _CHUNKS_PER_STATE == 0:
            yield _line({"type": "STATE", "value": {"chunks": number}})


def _line(message: Record) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def chunks(
    shape: str, count: int, *, users: int = 50_000, seed: int = 0, in_turn: bool = False
) -> Iterator[list[bytes]]:
    """Yield the records alone as JSON texts, a thousand at a time; see `messages`."""
    dice = Random(f"{shape} {seed}")
    by_kind = templates(shape)
    step = _SPAN / max(count, 1)
    first_moment = _FIRST_MOMENT + (_SPAN if seed else timedelta())
    for first in range(0, count, _CHUNK):
        made = []
        for number in range(first, min(first + _CHUNK, count)):
            user = number % users if in_turn else dice.randrange(users)
            kind = KINDS_OF_USERS[user % 5]
            moment = (first_moment + step * number).isoformat(timespec="microseconds")
            event_id, session = dice.getrandbits(128), dice.getrandbits(128)
            made.append(
                dice.choice(by_kind[kind])
                % {
                    b"id": _uuid(f"{event_id:032x}"),
                    b"session": _uuid(f"{session:032x}"),
                    b"created": moment.encode(),
                    b"day": moment[5:10].encode(),
                    b"moment": moment[:19].encode(),
                    **_ids_of(user),
                }
            )
        yield made


@functools.lru_cache(maxsize=1 << 16)
def _ids_of(user: int) -> dict[bytes, bytes]:
    """Return what a user is known by; the same in every input."""
    number = f"{user}".encode()
    one = hashlib.blake2b(number, digest_size=64).hexdigest()
    other = hashlib.blake2b(number, digest_size=32, key=b"other").hexdigest()
    external_id = _uuid(one[:32])
    if user % 4 == 1:
        external_id = other.encode()  # as SHA-256
    elif user % 4 == 3:
        external_id = b"%d" % (10_000_000 + user)
    return {
        b"user": _uuid(one[32:64]),
        b"external": external_id,
        b"device": _uuid(one[64:96]),
        b"second": _uuid(one[96:]),
        b"transaction": b"%d" % (int(other[:12], 16) + 10**15),
    }


def _uuid(digits: str) -> bytes:
    return (
        f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    ).encode()


def main() -> None:
    """Write the messages that the arguments ask for to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--shape", default="usual")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--in-turn", action="store_true")
    asked = parser.parse_args()
    for lines in messages(
        asked.shape,
        asked.count,
        users=asked.users,
        seed=asked.seed,
        in_turn=asked.in_turn,
    ):
        sys.stdout.buffer.write(lines)


if __name__ == "__main__":
    main()
