"""The files of a BATCH message, as a stream of records."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami import batches, lines
from target_amplitude_nami.batches import read_batch
from target_amplitude_nami.errors import InputUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PLAIN = {"format": "jsonl"}
GZIP = {"format": "jsonl", "compression": "gzip"}


def records_of(
    encoding: Mapping[str, object], manifest: Iterable[object]
) -> Iterator[bytes]:
    """Read the records of some files, one after the other."""
    return itertools.chain.from_iterable(read_batch(encoding, manifest))


@pytest.mark.parametrize(
    "encoding",
    [PLAIN, PLAIN | {"compression": None}, PLAIN | {"compression": "none"}],
)
def test_lines_are_records_and_empty_ones_are_not(
    encoding: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\n  \n{"a": 2}')
    assert list(records_of(encoding, [str(path)])) == [b'{"a": 1}', b'{"a": 2}']


def test_files_are_read_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("b", "a", "c d")]
    for path in paths:
        path.write_bytes(gzip.compress(path.name.encode() + b"\n"))
    urls = [path.as_uri() for path in paths]
    assert list(records_of(GZIP, urls)) == [b"b", b"a", b"c d"]


def test_an_empty_manifest_and_empty_files_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    (tmp_path / "packed").write_bytes(gzip.compress(b""))
    assert not list(records_of(PLAIN, []))
    assert not list(records_of(PLAIN, [tmp_path / "plain"]))
    assert not list(records_of(GZIP, [tmp_path / "packed"]))


@pytest.mark.parametrize(
    "encoding",
    [
        {},
        {"format": "parquet"},
        {"format": "csv", "compression": "gzip"},
        {"format": "jsonl", "compression": "bzip2"},
        {"format": ["jsonl"]},
    ],
)
def test_another_format_is_refused_with_what_to_do(encoding: dict[str, object]) -> None:
    with pytest.raises(InputUnreadable, match="`batch_config` to format jsonl"):
        list(records_of(encoding, ["nowhere"]))


@pytest.mark.parametrize("entry", [None, 7, {"url": "a"}, "", "s3://", "no such file"])
def test_an_entry_that_names_no_file_is_named(entry: object) -> None:
    with pytest.raises(InputUnreadable, match="the BATCH file"):
        list(records_of(PLAIN, [entry]))


def test_what_comes_before_the_damage_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    text = b"".join(b"%d\n" % (n * 7919) for n in range(20_000))
    path.write_bytes(gzip.compress(text)[:-1_000])
    read: list[bytes] = []
    with pytest.raises(InputUnreadable, match=r"cut\.gz"):
        read.extend(records_of(GZIP, [path.as_uri()]))
    assert read == text.split()[: len(read)]
    assert len(read) > 15_000


@pytest.mark.parametrize("kept", range(1, len(gzip.compress(b"one\n"))))
def test_a_gzip_file_that_ends_at_any_byte_too_early_is_told(
    kept: int, tmp_path: Path
) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"one\n")[:kept])
    with pytest.raises(InputUnreadable, match=r"cut\.gz cannot be read \(it ends"):
        list(records_of(GZIP, [path.as_uri()]))


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1}\n',
        gzip.compress(b"one\n")[:-5] + b"\7" + gzip.compress(b"one\n")[-4:],
        gzip.compress(b"one\n") + b"more",
    ],
    ids=["not packed", "another checksum", "something behind it"],
)
def test_what_is_no_good_gzip_file_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.gz"
    path.write_bytes(content)
    with pytest.raises(InputUnreadable, match=r"bad\.gz is damaged, or not"):
        list(records_of(GZIP, [path.as_uri()]))


@pytest.mark.parametrize("packed_bytes", [1, 7, 100_000])
def test_gzip_files_may_have_members_and_zeros_behind_them(
    packed_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_PACKED_BYTES", packed_bytes)
    members = [gzip.compress(text) for text in (b"one\ntw", b"", b"o\nthree\n")]
    path = tmp_path / "members.gz"
    path.write_bytes(b"".join(members) + bytes(20))
    assert list(records_of(GZIP, [path.as_uri()])) == [b"one", b"two", b"three"]


def test_a_line_without_an_end_is_told_with_the_name_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_LONGEST_LINE_BYTES", 1_000_000)
    path = tmp_path / "endless"
    path.write_bytes(b"x" * 3_000_000)
    with pytest.raises(InputUnreadable, match=r"endless.*more than 1,000,000 bytes"):
        list(records_of(PLAIN, [path]))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.gz"
    line = json.dumps({"text": "x" * 1_000}).encode() + b"\n"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(40_000):
            file.write(line)
    tracemalloc.start()
    try:
        assert sum(1 for _ in records_of(GZIP, [path.as_uri()])) == 40_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000  # a tenth of the file
