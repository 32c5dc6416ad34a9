"""The files of a BATCH message, as a stream of records."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import tracemalloc
import warnings
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer import batches, lines
from target_amplitude_nami.singer.batches import read_batch, schemes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

PLAIN = {"format": "jsonl"}
GZIP = {"format": "jsonl", "compression": "gzip"}


def records_of(
    encoding: Mapping[str, object],
    manifest: Collection[object],
    schemes: Collection[str] = ("file",),
) -> Iterator[bytes]:
    """Read the records of some files, one after the other."""
    return itertools.chain.from_iterable(read_batch(encoding, manifest, schemes))


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


ODD_URLS = [
    *("", "file://", "file:///", "file://host/x", "a\0b", "file:///a\0b", "\udcff"),
    *("x" * 5_000, "file:" + "/x" * 5_000, "::", "a::b", "s3://", "github://a"),
    *("zip://x::file://", "zip://", "zip://::", "zip://x::zip://y::file:///etc/passwd"),
    *("https://[", "memory://x", "blockcache::file:///no", "reference://::file:///"),
    *("ftp://", "no-such-scheme://x", "simplecache::", "data:text/plain;base64,%%%%1"),
]
ALL_SCHEMES = [
    *("file", "s3", "github", "zip", "https", "memory", "blockcache", "reference"),
    *("ftp", "no-such-scheme", "simplecache", "data", "", "b"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("schemes", [("file",), ALL_SCHEMES], ids=["file", "all"])
@pytest.mark.parametrize("entry", [None, 7, {"url": "a"}, "no such file", *ODD_URLS])
def test_an_entry_that_names_no_file_is_named_in_one_line(
    entry: object, schemes: list[str]
) -> None:
    with pytest.raises(InputUnreadable, match="the BATCH file") as caught:
        list(records_of(PLAIN, [entry], schemes))
    assert str(caught.value).isprintable()


# Which addresses are opened


@pytest.mark.parametrize(
    ("url", "schemes"),
    [
        ("/data/a.jsonl", ["file"]),
        ("a.jsonl", ["file"]),
        ("C:/data/a.jsonl", ["file"]),
        ("a:b.jsonl", ["file"]),
        ("file:///data/a.jsonl", ["file"]),
        ("FILE:/data/a.jsonl", ["file"]),
        ("s3://bucket/a.jsonl", ["s3"]),
        (" s3://bucket/a.jsonl", ["s3"]),
        ("s3:/bucket/a.jsonl", ["s3"]),
        ("data:,{}", ["data"]),
        ("zip://a.jsonl::s3://bucket/b.zip", ["zip", "s3"]),
        ("zip://a.jsonl::/data/b.zip", ["zip", "file"]),
        ("simplecache::gs://bucket/a.jsonl", ["simplecache", "gs"]),
    ],
)
def test_a_url_takes_these_schemes(url: str, schemes: list[str]) -> None:
    assert list(schemes_of(url)) == schemes


_PIECES = [
    ":",
    "/",
    "//",
    "://",
    "::",
    "%3A",
    "s3",
    "file",
    "data",
    "zip",
    "a",
    " ",
    ",",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
@settings(max_examples=1000, deadline=None)
def test_what_is_opened_as_another_scheme_does_not_pass_for_a_file(url: str) -> None:
    with warnings.catch_warnings(action="ignore"):
        try:
            protocol = batches._path(url).protocol
        except Exception:  # noqa: BLE001 - then nothing is opened
            return
    if protocol not in {"", "file", "local"}:
        assert {*schemes_of(url), *schemes_of(unquote(url))} > set() != {"file"}
        with pytest.raises(InputUnreadable, match="`batch_schemes`"):
            list(records_of(PLAIN, [url]))


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("s3://bucket/a.jsonl", "s3"),
        ("ftp://127.0.0.1/a.jsonl", "ftp"),
        ("github://org:repo@main/a.jsonl", "github"),
        ("data:application/jsonl,{}", "data"),
        ("https://ann:secret@example.com/a.jsonl?secret#secret", "https"),
        ("zip://a.jsonl::file:///data/b.zip", "zip"),
        ("file:///data%3A%3As3://bucket/a.jsonl", "s3"),
    ],
)
def test_a_scheme_that_is_not_allowed_is_refused_before_any_file_is_read(
    url: str, scheme: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    with pytest.raises(InputUnreadable) as caught:
        next(read_batch(PLAIN, [str(path), url], ["file", "gs"]))
    message = str(caught.value)
    assert f"of the kind '{scheme}', which `batch_schemes` does not allow" in message
    assert "(file, gs)" in message
    assert "secret" not in message


def test_the_records_in_a_url_are_not_shown() -> None:
    with pytest.raises(InputUnreadable, match="BATCH file data:… has") as caught:
        list(records_of(PLAIN, ['data:,{"user_id":"secret"}']))
    assert "secret" not in str(caught.value)


def test_a_chain_of_allowed_schemes_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.jsonl", "{}\n")
    url = f"zip://a.jsonl::{(tmp_path / 'b.zip').as_uri()}"
    assert list(records_of(PLAIN, [url], ["file", "zip"])) == [b"{}"]


def test_a_very_long_address_is_cut_in_the_message() -> None:
    with pytest.raises(InputUnreadable) as caught:
        list(records_of(PLAIN, ["data:," + "x" * 1_000_000]))
    assert len(str(caught.value)) < 600


# What goes wrong with files


@pytest.mark.parametrize("url", ["{}", "file://{}", "zip://a.jsonl::file://{}"])
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(
    url: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputUnreadable, match="a pipe or a device, not a file"):
        list(records_of(PLAIN, [url.format(tmp_path / "pipe")], ["file", "zip"]))


def test_no_device_is_read() -> None:
    with pytest.raises(InputUnreadable, match="a pipe or a device, not a file"):
        list(records_of(PLAIN, ["/dev/zero"]))


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
def test_a_gzip_file_that_ends_at_any_byte_too_early_is_a_failure(
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
def test_what_is_no_good_gzip_file_is_a_failure(content: bytes, tmp_path: Path) -> None:
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


def test_a_line_without_an_end_is_a_failure_that_names_its_file(
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
