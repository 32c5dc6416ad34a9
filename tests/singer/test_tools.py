"""The commands that messages name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from target_amplitude_nami.singer.tools import note_config, tool

if TYPE_CHECKING:
    import pytest


def test_a_tool_gets_the_settings_of_the_run() -> None:
    with click.Context(click.Command("target")) as context:
        note_config(context, ["my config.json", "ENV"])
        assert tool("explain", "--reason", "no_ids") == (
            "amplitude-nami explain --config 'my config.json' --config ENV "
            "--reason no_ids"
        )


def test_where_the_settings_come_from_elsewhere_none_are_named() -> None:
    assert tool("retry") == "amplitude-nami retry"


def test_below_meltano_the_tool_is_called_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MELTANO_LOADER_NAME", "target-amplitude-nami--sandbox")
    assert tool("explain", "--input", "r.singer") == (
        "meltano invoke target-amplitude-nami--sandbox:explain --input r.singer"
    )
