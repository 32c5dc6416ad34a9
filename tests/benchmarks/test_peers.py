"""What the benchmarks compare: every contestant sends the same events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import contestants as who
from benchmarks import records, templates
from benchmarks.measuring import bodies
from benchmarks.running import LoopbackServer, run

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Contestant

_COUNT = 3_000
_USERS = 500
_ADDED_BY_THE_CLIENT = ("library",)


@pytest.fixture(scope="module", params=templates.SHAPES)
def source(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("input") / "input.singer"
    with path.open("wb") as file:
        file.writelines(records.messages(request.param, _COUNT, users=_USERS))
    return path


def _sent(contestant: Contestant, source: Path, folder: Path) -> dict[str, Any]:
    """Return the events that arrive, by insert id."""
    folder.mkdir()
    with LoopbackServer(keep=folder / "bodies") as server:
        run(contestant.command(folder, server.url, source), source, folder)
    events = [
        event
        for body in bodies(folder / "bodies")
        for event in json.loads(body)["events"]
    ]
    assert len(events) == _COUNT
    for event in events:
        for name in _ADDED_BY_THE_CLIENT:
            event.pop(name, None)
    return {event["insert_id"]: event for event in events}


def test_all_contestants_send_the_same_events(source: Path, tmp_path: Path) -> None:
    ours = _sent(who.ours(_COUNT), source, tmp_path / "ours")
    assert len(ours) == _COUNT
    for peer in (
        who.ceiling(_COUNT),
        who.plain_target(_COUNT),
        who.official(_COUNT),
    ):
        assert _sent(peer, source, tmp_path / peer.name) == ours, peer.name


def test_a_server_counts_requests_and_bytes(tmp_path: Path, source: Path) -> None:
    with LoopbackServer(keep=tmp_path / "bodies") as server:
        contestant = who.ceiling(_COUNT)
        run(contestant.command(tmp_path, server.url, source), source, tmp_path)
        traffic = server.stop()
    sizes = [path.stat().st_size for path in (tmp_path / "bodies").glob("*.body")]
    assert (traffic.requests, traffic.body_bytes) == (len(sizes), sum(sizes))
