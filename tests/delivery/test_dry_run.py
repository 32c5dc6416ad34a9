"""Request bodies in a file instead of on the network."""

from __future__ import annotations

import json
import stat
import typing as t
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from target_amplitude_nami.amplitude.answers import Delivered, Fatal
from target_amplitude_nami.amplitude.client import Client
from target_amplitude_nami.amplitude.destination import Destination
from target_amplitude_nami.delivery.dry_run import DryRun
from target_amplitude_nami.erasing.line_files import LineFile

KEY = "0123456789abcdef0123456789abcdef"
EVENTS = [b'{"event_type":"a"}', b'{"event_type":"b"}']


def destination(**changes: t.Any) -> Destination:
    values = {"url": "http://127.0.0.1:9/", "api_key": KEY, "user_agent": "target"}
    return Destination(**values | changes)


def test_each_request_is_a_line_as_it_would_be_sent_but_for_the_key(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "dry-run.jsonl"
    dry_run = DryRun(path, destination(min_id_length=1, gzip=True))
    assert dry_run.post(dry_run.encode(EVENTS), 2) == Delivered(2)
    assert dry_run.post(dry_run.encode(EVENTS[:1]), 1) == Delivered(1)
    dry_run.close()
    dry_run.end()
    first, second = path.read_bytes().splitlines()
    client = Client(destination(min_id_length=1))
    assert first.replace(b"***", KEY.encode()) == client.encode(EVENTS)
    assert second.count(b"event_type") == 1
    assert KEY.encode() not in path.read_bytes()


def test_a_second_destination_shares_the_file_and_is_named_by_its_setting(
    tmp_path: Path,
) -> None:
    path = tmp_path / "dry-run.jsonl"
    other = destination(api_key=f"{KEY}2", key_setting="sandbox_api_key")
    dry_run = DryRun(path, destination())
    for sender in (dry_run, dry_run.beside(other), dry_run.beside(destination())):
        assert sender.post(sender.encode(EVENTS), 2) == Delivered(2)
    dry_run.end()
    keys = [json.loads(line)["api_key"] for line in path.read_bytes().splitlines()]
    assert keys == ["***", "*** (sandbox_api_key)", "***"]


def test_an_older_file_is_begun_anew_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "dry-run.jsonl"
    path.write_text("old")
    path.chmod(0o644)
    DryRun(path, destination()).end()
    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_device_keeps_its_mode() -> None:
    before = Path("/dev/null").stat().st_mode
    DryRun(Path("/dev/null"), destination()).end()
    assert Path("/dev/null").stat().st_mode == before


def test_lanes_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "dry-run.jsonl"
    dry_run = DryRun(path, destination())
    body = dry_run.encode(EVENTS * 500)

    def lane() -> None:
        for _ in range(20):
            dry_run.post(body, 1000)

    lanes = [Thread(target=lane) for _ in range(4)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    dry_run.end()
    assert path.read_bytes() == (body + b"\n") * 80


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_ends_the_run_with_a_clear_line() -> None:
    dry_run = DryRun(Path("/dev/full"), destination())
    answer = dry_run.post(dry_run.encode(EVENTS), 2)
    assert isinstance(answer, Fatal)
    assert "/dev/full cannot be written (No space left on device)" in answer.message
    assert "`dry_run_path`" in answer.message
    dry_run.end()


def test_a_file_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        DryRun(tmp_path, destination())


def test_a_file_that_is_being_rewritten_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "dry-run.jsonl"
    path.write_bytes(b"{}\n")
    with closing(LineFile(path)), pytest.raises(OSError, match="being rewritten"):
        DryRun(path, destination())
    assert path.read_bytes() == b"{}\n"
