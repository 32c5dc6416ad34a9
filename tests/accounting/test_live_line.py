"""The live line, with a terminal that is none."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from target_amplitude_nami.accounting.live_line import LiveLine, live_line_on_terminal


class Gone(io.StringIO):
    """A terminal that is gone."""

    def write(self, _text: str) -> int:
        raise OSError


def test_the_log_goes_its_usual_way_before_the_line_and_after_it() -> None:
    terminal = io.StringIO()
    handler = logging.StreamHandler(terminal)
    logging.getLogger("of a test").addHandler(handler)
    live = LiveLine(terminal)
    live.show("here")
    assert handler.stream is not terminal
    live.close()
    assert handler.stream is terminal


def test_the_line_waits_while_half_a_line_stands() -> None:
    terminal = io.StringIO()
    live = LiveLine(terminal)
    live.write("half ")
    live.show("live")
    live.write("a line\n")
    assert terminal.getvalue() == "half a line\n"
    live.show("live")
    assert "live" in terminal.getvalue()


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    live = LiveLine(Gone())
    live.show("nobody sees it")
    live.show("nobody sees it")
    live.close()


@pytest.mark.parametrize("terminal", ["dumb", None])
def test_a_terminal_that_cannot_clear_a_line_gets_none(
    monkeypatch: pytest.MonkeyPatch, terminal: str | None
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    if terminal is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", terminal)
    assert live_line_on_terminal() is None
