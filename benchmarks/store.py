"""What a memory between runs costs, and what it costs to know very many users."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmarks import contestants as who
from benchmarks.measuring import Contestant, race
from benchmarks.results import Result, Row
from benchmarks.running import (
    Input,
    LoopbackServer,
    records_as_made,
    run,
    say,
    scratch,
    target,
)

if TYPE_CHECKING:
    from benchmarks.measuring import Workshop

_WITHOUT, _WITH = "without memory_path", "with memory_path"


def measure(shop: Workshop) -> Result:
    """Race runs without and with a store, then over stores of few and many users."""
    count, repeats = shop.sized(150_000, 15_000), shop.sized(3, 1)
    paces = race(
        shop,
        [
            who.ours(count, _WITHOUT),
            # Made anew by each run, in its folder.
            who.ours(count, _WITH, memory_path="memory.db"),
        ],
        shop.usual,
        repeats=repeats,
        against=_WITHOUT,
    )
    users = {f"{n:,} known users": n for n in (10_000, shop.sized(1_000_000, 50_000))}
    few, many = users
    seeds = itertools.count(1)
    known = race(
        shop,
        [_over_known_users(shop, name, users[name], count) for name in users],
        # Events that a store has seen would not be sent again.
        lambda name, records: shop.input(
            Input(records, users=users[name], seed=next(seeds))
        ),
        repeats=repeats,
        against=few,
    )
    for name, pace in (paces | known).items():
        say(f"  {name:22} {pace.per_second:9,.0f} events/s {pace.peak_mb:6.0f} MB")
    return Result(
        f"{count:,} usual events, with and without `memory_path`, from an empty store "
        "on; and new events of users chosen at random, over stores that know all of "
        "them. Without start-up.",
        [
            Row(
                f"{_WITH} / {_WITHOUT}",
                paces[_WITH].ratio,
                note=f"{paces[_WITH].per_second:,.0f} events/s",
            ),
            Row(
                f"{many} / {few}",
                known[many].ratio,
                note=f"{known[many].per_second:,.0f} events/s",
            ),
            Row(f"peak of memory, {many}", known[many].peak_mb, " MB"),
        ],
    )


def _over_known_users(
    shop: Workshop, name: str, users: int, records: int
) -> Contestant:
    """Fill a store with a record of each user; return the target that uses it."""
    store = shop.folder / f"known-{users}.db"
    with (
        scratch(shop.folder) as folder,
        LoopbackServer() as server,
        records_as_made(Input(users, users=users, in_turn=True)) as source,
    ):
        run(target(folder, server.url, memory_path=str(store)), source, folder)
    return who.ours(records, name, memory_path=str(store))
