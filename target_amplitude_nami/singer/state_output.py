"""Standard output, where STATE goes and nothing else."""

from __future__ import annotations

import contextlib
import os
import sys
import typing as t

from target_amplitude_nami.errors import OutputUnwritable


def write_state(state: bytes) -> None:
    """Write a STATE to standard output, where nothing else goes."""
    output = t.cast("t.TextIO | None", sys.stdout)
    try:
        if output is None:
            raise BrokenPipeError  # noqa: TRY301 - closed before the run began
        output.write(state.decode("ascii") + "\n")
        output.flush()
    except (BrokenPipeError, ValueError) as error:
        _forget(output)
        raise OutputUnwritable(
            "Standard output is closed: whoever keeps STATE (Meltano, as a rule) is "
            "gone, so the run ends. Nothing is lost: run again"
        ) from error
    except OSError as error:
        _forget(output)
        raise OutputUnwritable(
            f"STATE cannot be written to standard output ({error.strerror}), so the "
            f"run ends. Nothing is lost: mend that and run again"
        ) from error


def _forget(output: t.TextIO | None) -> None:
    """Lead standard output nowhere: the interpreter would flush it at the end."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        descriptor = t.cast("t.TextIO", output).fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
