"""Writes STATE to standard output, where nothing else goes."""

from __future__ import annotations

import contextlib
import os
import sys
import typing as t

from target_amplitude_nami.errors import OutputUnwritable


def write_state(state: bytes) -> None:
    """Write a STATE to standard output.

    Raises:
        OutputUnwritable: When nobody reads it, or the disk does not take it.
    """
    output = t.cast("t.TextIO | None", sys.stdout)
    try:
        if output is None:
            raise BrokenPipeError  # noqa: TRY301 - closed before the run began
        output.write(state.decode("ascii") + "\n")
        output.flush()
    except (BrokenPipeError, ValueError) as error:
        _redirect_to_nowhere(output)
        raise OutputUnwritable(
            "standard output is closed: the program that keeps STATE (usually Meltano) "
            "has ended, so the run ends. Nothing is lost: run again"
        ) from error
    except OSError as error:
        _redirect_to_nowhere(output)
        raise OutputUnwritable(
            f"STATE cannot be written to standard output ({error.strerror}), so the "
            f"run ends. Nothing is lost: fix the cause and run again"
        ) from error


def _redirect_to_nowhere(output: t.TextIO | None) -> None:
    """Keep the interpreter from failing where it flushes standard output at its end."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        descriptor = t.cast("t.TextIO", output).fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
