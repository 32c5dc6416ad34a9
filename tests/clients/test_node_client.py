"""Amplitude's own Node client, unchanged, against the local Amplitude."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.support import API_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.clients.support import Destination

HERE = Path(__file__).parent
FILES = ("client.mjs", "package.json", "package-lock.json")


def give_up(why: str) -> None:
    """Skip, except where nobody would notice."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program `client.mjs` beside the packages that it needs."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            give_up(f"{tool} is not there; it runs Amplitude's Node client")
    folder = tmp_path_factory.mktemp("node-client")
    for name in FILES:
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        give_up(f"npm could not install Amplitude's Node client: {done.stderr}")
    return folder / "client.mjs"


class Client:
    """The program at work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def send(self, document: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self._process.communicate()
        document: dict[str, Any] = json.loads(line)
        return document

    def verdicts(self) -> Counter[int]:
        """Return how many events ended with each code."""
        return Counter(result["code"] for result in self.read()["results"])


@contextmanager
def sending(
    program: Path,
    local: LocalAmplitude,
    *events: dict[str, Any],
    api: str = "http_v2",
    api_key: str = API_KEY,
    **options: Any,
) -> Iterator[Client]:
    """Run the program with these events."""
    with subprocess.Popen(
        ["node", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            client = Client(process)
            client.send(
                {
                    "url": local.endpoint(api),
                    "apiKey": api_key,
                    "options": options,
                    "events": events,
                },
            )
            yield client
        finally:
            process.kill()


def event(user_id: str, **fields: Any) -> dict[str, Any]:
    return {"event_type": "user.login", "user_id": user_id, **fields}


@pytest.mark.parametrize("api", ["http_v2", "batch"])
def test_good_events_arrive(
    program: Path,
    destination: Destination,
    api: str,
) -> None:
    local = destination.local
    events = [
        *[event("user-1", event_properties={"n": n}) for n in range(3)],
        event("user-2", user_properties={"plan": "pro"}, price=2.5, quantity=2),
    ]

    with sending(program, local, *events, api=api) as client:
        assert client.verdicts() == {200: 4}

    summary = local.summary()
    assert (summary.events, summary.users, summary.duplicates) == (
        {"user.login": 4},
        2,
        0,
    )
    assert local.user_properties("user-2") == {"plan": "pro"}
    *_, paid = local.events()
    assert paid.export["$revenue"] == 5


@pytest.mark.parametrize(("api", "refused"), [("http_v2", 2), ("batch", 1)])
def test_events_with_bad_ids_are_left_out_and_the_others_arrive(
    program: Path,
    destination: Destination,
    api: str,
    refused: int,
) -> None:
    """The client learns from the answers which events to leave out."""
    local = destination.local
    events = [event("user-1"), event("abc"), event("user-2"), event("abc")]

    with sending(program, local, *events, api=api) as client:
        assert client.verdicts() == {200: 2, 400: 2}

    summary = local.summary()
    assert (summary.total, summary.users, summary.refused) == (2, 2, refused)


def test_a_throttled_user_waits_for_thirty_seconds(
    program: Path,
    destination: Destination,
) -> None:
    local, clock = destination.local, destination.clock
    events = [event("busy-user")] * 901

    with sending(program, local, *events, flushQueueSize=900) as client:
        said = client.read()
        before = local.summary()
        while "waits" in said:
            assert said == {"waits": 30_000}
            clock.seconds += 30
            client.send("go on")
            said = client.read()

    assert [result["code"] for result in said["results"]] == [200] * 901
    assert before.total <= 900
    assert before.refused == 1
    after = local.summary()
    assert (after.total, after.duplicates) == (901, 0)


def test_a_wrong_key_is_reported(program: Path, destination: Destination) -> None:
    local = destination.local

    with sending(program, local, event("user-1"), api_key="another-key") as client:
        [result] = client.read()["results"]

    assert result == {"code": 400, "message": "Invalid API key: another-key"}
    assert local.summary().total == 0
