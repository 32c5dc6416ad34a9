"""What can be read of files and variables is read, and each mistake has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.commands.configuration import (
    read_configuration,
    read_what_can_be_read,
)
from target_amplitude_nami.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_source_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"region": "eu", "retry_for": 5}')
    bad.write_text("[]")
    monkeypatch.setenv("TARGET_AMPLITUDE_NAMI_RETRY_FOR", "7")
    monkeypatch.setenv("TARGET_AMPLITUDE_NAMI_BATCH_SIZE_ROWS", "many")
    found = read_what_can_be_read([str(bad), "ENV", str(tmp_path / "no"), str(good)])
    assert found.values == {"region": "eu", "retry_for": 7}
    assert found.sources["region"] == str(good)
    assert found.files == (str(good),)
    assert found.sources["retry_for"].startswith("the environment variable")
    assert [line.split()[:2] for line in found.problems] == [
        ["--config", str(bad)],
        ["--config", str(tmp_path / "no")],
        ["TARGET_AMPLITUDE_NAMI_BATCH_SIZE_ROWS", "is"],
    ]


def test_sources_without_mistakes_are_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"region": "eu", "api": null}')
    assert read_what_can_be_read([str(path)]) == read_configuration([str(path)])
    assert read_what_can_be_read([]) == read_configuration([])


@pytest.mark.parametrize(
    "content",
    [
        '{"region": "eu"}'.encode("utf-16"),
        '{"region": "eu"}'.encode("utf-32"),
        b'{"retry_for": NaN}',
        b"",
    ],
)
def test_a_file_that_the_target_cannot_read_is_not_read_here_either(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"config\.json cannot be read: "):
        read_configuration([str(path)])
    assert not read_what_can_be_read([str(path)]).values


def test_a_missing_file_is_named_once(tmp_path: Path) -> None:
    path = str(tmp_path / "config.json")
    (line,) = read_what_can_be_read([path]).problems
    assert line == f"--config {path} cannot be read: No such file or directory"
