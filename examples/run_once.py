#!/usr/bin/env python3
"""Runs a tap into a target once, and keeps STATE in a file for the next run.

    run_once.py --state state.json 'tap-x --config tap.json' 'target-y --config y.json'

What Meltano does for its pipelines, for a cron job or a container that has no Meltano.
It needs the standard library alone.

- The tap is given `--state FILE` once that file is there.
- Each STATE that the target prints takes the place of the one before, in whole.
- SIGTERM and SIGINT go to the target, which delivers what it has read; the tap is
  ended after it. As the first process of a container, this passes on the signal that
  a shell would keep.
- The exit code is the target's, or the tap's where the target ended well.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

_SECONDS_TO_CLOSE = 30
"""How long the tap may take to end after it has given all."""

_SECONDS_TO_STOP = 5
"""How long it may take once it is told to."""


def main() -> int:
    """Run the two commands that were given; return the exit code."""
    parser = argparse.ArgumentParser(description="Run a tap into a target once.")
    parser.add_argument("--state", required=True, type=Path, metavar="FILE")
    parser.add_argument("tap", type=shlex.split, help="the tap with its options")
    parser.add_argument("target", type=shlex.split, help="the target with its options")
    given = parser.parse_args()
    state: Path = given.state
    known = ["--state", str(state)] if state.exists() else []

    stopped: list[int] = []
    target: subprocess.Popen[bytes] | None = None

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        if target is not None:
            target.send_signal(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    tap = subprocess.Popen([*given.tap, *known], stdout=subprocess.PIPE)  # noqa: S603
    try:
        target = subprocess.Popen(  # noqa: S603
            given.target, stdin=tap.stdout, stdout=subprocess.PIPE
        )
        # From here on the target alone holds this end: without it, the tap ends.
        _close(tap)
        for number in stopped:
            target.send_signal(number)
        for line in target.stdout or ():
            if line.endswith(b"\n"):
                _keep(line, state)
        delivered = target.wait()
        read = _end(tap, at_once=delivered != 0)
    finally:
        _end(tap, at_once=True)
    return _exit_code(delivered) or _exit_code(read)


def _close(tap: subprocess.Popen[bytes]) -> None:
    if tap.stdout is not None:
        tap.stdout.close()


def _keep(line: bytes, path: Path) -> None:
    """Put a STATE in the place of the one before, which stays whole until then."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _end(tap: subprocess.Popen[bytes], *, at_once: bool) -> int:
    """Wait for the tap's end, which nobody reads any more; return how it ended."""
    if not at_once:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return tap.wait(_SECONDS_TO_CLOSE)
    tap.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return tap.wait(_SECONDS_TO_STOP)
    tap.kill()
    return tap.wait()


def _exit_code(returned: int) -> int:
    """Return what a shell gives for a process: 128 and the signal that ended it."""
    return returned if returned >= 0 else 128 - returned


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"run_once: {error}")
