"""A soak test by hand: the target is killed, throttled and lied to, and loses nothing.

    python -m tests.soak --minutes 10 [--seed 1] [--folder soak]

It feeds an endless input to run after run, each from the last STATE on, as a tap does,
each with other settings and all with one memory. Faults of the local Amplitude change
every few seconds, and most runs end by `kill -9` or SIGTERM. Then one run without
faults takes what is left. In the end every event has to be stored exactly once or be in
the rejects file, in order for each user, and the report of each run that ended by
itself has to add up. It prints figures and exits 1 when something is wrong; the folder
keeps everything, also when each run began and ended (`runs`).
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.ingest.behaviour import Behaviour
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.endless import (
    RENAMED,
    SANDBOX_KEY,
    SILENCED,
    Feed,
    Key,
    Tap,
    key_of,
    some_faults,
    some_settings,
)
from tests.support.run_target import API_KEY
from tests.support.zygote import Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.zygote import Running

_LONGEST_RUN_SECONDS = 40
_SECONDS_TO_STOP = 45
_OUTCOMES = ("delivered", "filtered", "rejected", "held", "duplicate")


class Soak:
    """Run after run over one input, into one local Amplitude."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Take where everything is kept."""
        self.folder = folder
        self.tap = Tap(seed)
        self.dice = random.Random(seed)  # noqa: S311
        self.position = 0
        self.furthest = 0
        self.logins: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.figures: collections.Counter[str] = collections.Counter()
        silenced = map(nami.device_id, range(RENAMED, SILENCED))
        self.local = LocalAmplitude(
            folder / "amplitude.db",
            behaviour=Behaviour(silenced_devices=frozenset(silenced)),
        )

    def run(self, seconds: float) -> None:
        """Let runs follow each other for so long, then let one take what is left."""
        until = time.monotonic() + seconds
        is_over = threading.Event()
        with self.local, Zygote() as zygote:
            trouble = threading.Thread(target=self._make_trouble, args=[is_over])
            trouble.start()
            while time.monotonic() < until:
                self._run_once(zygote)
            is_over.set()
            trouble.join()
            self.local.set_faults(Faults())
            self._run_last(zygote)
            self._check()

    def _make_trouble(self, is_over: threading.Event) -> None:
        dice = random.Random(self.tap.seed + 1)  # noqa: S311
        while not is_over.wait(dice.uniform(2, 12)):
            self.local.set_faults(some_faults(dice))

    # Runs

    def _start(
        self, zygote: Zygote, stdin: int, settings: dict[str, object]
    ) -> Running:
        self.figures["runs"] += 1
        (self.folder / "report.json").unlink(missing_ok=True)
        usual = {
            "api_key": API_KEY,
            "sandbox_api_key": SANDBOX_KEY,
            "endpoint": self.local.endpoint(str(settings.get("api", "http_v2"))),
            "memory_path": "memory.db",
            "anonymous_users": "hold",
            "request_timeout": 2,
            "report_path": "report.json",
        }
        return zygote.run(self.folder, usual | settings, stdin)

    def _run_once(self, zygote: Zygote) -> None:
        dice = self.dice
        begin = self.position
        end = begin + dice.choice([20, 300, 3_000, 10_000])
        self.furthest = max(self.furthest, end)
        reader, writer = os.pipe()
        settings = some_settings(dice)
        running = self._start(zygote, reader, settings)
        started = time.time()
        os.close(reader)
        is_ended = dice.random() < 0.6
        feed = Feed(writer, self.tap.lines(begin, end), dice.choice([0, 0, 0.02]))
        feed.stays_open = not is_ended
        feed.start()
        last = dice.choices([signal.SIGKILL, signal.SIGTERM, None], [5, 3, 3])[0]
        if last is None and not is_ended:
            last = signal.SIGTERM
        lifetime = dice.choice([dice.uniform(0, 2), dice.uniform(0, 15)])
        code = running.wait(_LONGEST_RUN_SECONDS if last is None else lifetime)
        if code is None:
            running.kill(last or signal.SIGTERM)
            code = running.wait(_SECONDS_TO_STOP)
        feed.stop.set()
        if code is None:
            self._complain(f"a run did not end after {last}", running)
            running.kill(signal.SIGKILL)
            code = running.wait(_SECONDS_TO_STOP)
        feed.join()
        self._look_at(running, code, begin)
        with (self.folder / "runs").open("a") as file:
            file.write(
                f"{started:.2f} {time.time():.2f} {begin} {end} {code} {settings}\n"
            )

    def _run_last(self, zygote: Zygote) -> None:
        self.logins = self.tap.logins(self.furthest)
        path = self.folder / "input"
        with path.open("wb") as file:
            file.writelines(self.tap.lines(self.position, self.furthest))
            file.writelines(singer.record("events", each) for each in self.logins)
            file.write(singer.state({"position": self.furthest + len(self.logins)}))
        descriptor = os.open(path, os.O_RDONLY)
        running = self._start(zygote, descriptor, {})
        os.close(descriptor)
        code = running.wait(900)
        self._look_at(running, code, self.position)
        if code:
            self._complain(f"the last run ended with {code}", running)

    def _look_at(self, running: Running, code: int | None, begin: int) -> None:
        """Take the STATE that a run has left, and check what it says about itself."""
        lines = running.stdout.splitlines(keepends=True)
        states = [json.loads(line) for line in lines if line.endswith("\n")]
        positions = [begin, *(state["position"] for state in states)]
        self.position = positions[-1]
        if positions != sorted(positions):
            self._complain("STATE went back", running)
        self.figures[f"ended with {code}"] += 1
        if "Traceback" in running.log:
            self._complain("a traceback", running)
        if code == 1:
            self._complain(running.log.splitlines()[-1], running)
        if code == -signal.SIGKILL:
            return
        try:
            report = json.loads((self.folder / "report.json").read_text())
        except FileNotFoundError:
            if code not in {0, 1} and running.log.count("\n") < 2:
                return  # ended before it had begun
            self._complain("no report", running)
            return
        self.figures.update(
            {outcome: report[outcome] for outcome in ("read", "open", *_OUTCOMES)}
        )
        if report["read"] != report["open"] + sum(
            report[outcome] for outcome in _OUTCOMES
        ):
            self._complain("the report does not add up", running)
        if report["open"] and code == 0:
            self._complain("a complete run has left records open", running)

    def _complain(self, problem: str, running: Running) -> None:
        number = len(self.problems) + 1
        self.problems.append(f"run {self.figures['runs']}: {problem}")
        say(f"PROBLEM {self.problems[-1]}")
        for name in ("config.json", "stderr", "stdout", "report.json"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(running.folder / name, self.folder / f"{number}.{name}")

    # What became of the events

    def _check(self) -> None:
        records = [*map(self.tap.record, range(self.furthest)), *self.logins]
        expected = {key_of(record) for record in records}
        rejected = set(self._rejected())
        stored: collections.Counter[Key] = collections.Counter()
        newest: dict[tuple[str, str], int] = {}
        overtaken = []
        for event in self.local.events():
            sent = event.sent
            n = sent["event_properties"]["sequence"]
            key = key_of(records[n])
            stored[event.project, sent["insert_id"], sent["device_id"]] += 1
            for who in (records[n]["user_id"], str(sent["user_id"])):
                if n < newest.get((event.project, who), -1) and key not in rejected:
                    overtaken.append((n, newest[event.project, who], who))
                newest[event.project, who] = max(n, newest.get((event.project, who), n))
        lost = expected - stored.keys() - rejected
        twice = [key for key, count in stored.items() if count > 1]
        for what, which in (
            ("lost", list(lost)),
            ("stored twice", twice),
            ("not of the input", list(stored.keys() - expected)),
            ("out of order", overtaken),
        ):
            self.figures[what] = len(which)
            if which:
                self.problems.append(f"{len(which)} events {what}, as {which[:5]}")
        summary = self.local.summary()
        self.figures |= collections.Counter(
            {
                "events expected": len(expected),
                "events stored": len(stored),
                "events in rejects alone": len(rejected & expected - stored.keys()),
                "requests": summary.requests,
                "requests refused": summary.refused,
                "duplicates that the local Amplitude dropped": summary.duplicates,
            }
        )

    def _rejected(self) -> Iterator[Key]:
        path = self.folder / "output" / "rejects.singer"
        for line in path.read_bytes().splitlines() if path.exists() else ():
            with contextlib.suppress(
                ValueError
            ):  # half a line of a run that was killed
                message = json.loads(line)
                if message["type"] == "RECORD":
                    yield key_of(message["record"])


def say(text: str) -> None:
    """Write a line for who waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the test and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="a new one; default: a temporary one"
    )
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    soak = Soak(folder.resolve(), options.seed)
    soak.run(options.minutes * 60)
    for name, figure in soak.figures.items():
        say(f"{figure:>12,}  {name}")
    for problem in soak.problems:
        say(f"PROBLEM {problem}")
    say(f"{len(soak.problems)} problems; everything is in {folder}")
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
