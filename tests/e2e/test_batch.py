"""BATCH messages: their files are read like records of the stream itself."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_command, run_target
from tests.support.server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude


def _batch(*files: Path | str, **encoding: str) -> bytes:
    urls = [file if isinstance(file, str) else file.as_uri() for file in files]
    message = {
        "type": "BATCH",
        "stream": "events",
        "encoding": {"format": "jsonl"} | encoding,
        "manifest": urls,
    }
    return json.dumps(message).encode() + b"\n"


def _lines(numbers: Iterable[int], **fields: Any) -> bytes:
    records = (nami.impression(number, **fields) for number in numbers)
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def _run(
    folder: Path, local: LocalAmplitude, messages: list[bytes], **more: Any
) -> TargetRun:
    settings = {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")} | more
    return run_target(folder, settings, [singer.schema("events"), *messages])


def _delivered(local: LocalAmplitude) -> list[str]:
    return [event.sent["insert_id"] for event in local.events()]


def _ids(numbers: Iterable[int]) -> list[str]:
    return [nami.event_id(number) for number in numbers]


def test_plain_and_gzip_files_are_delivered_in_order_and_covered_by_state(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b c.jsonl.gz"
    plain.write_bytes(_lines(range(30)) + b"\n")
    packed.write_bytes(gzip.compress(_lines(range(30, 60))[:-1]))
    run = _run(
        tmp_path,
        local_amplitude,
        [
            _batch(plain),
            _batch(packed, compression="gzip"),
            singer.record("events", nami.impression(60)),
            singer.state({"at": 61}),
        ],
    )
    assert run.exit_code == 0, run.log
    assert _delivered(local_amplitude) == _ids(range(61))
    assert run.states == [{"at": 61}]


def test_records_of_a_batch_go_through_maps_checks_and_filters(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(
        _lines([1])
        + _lines([2], secret=True)
        + _lines([3], device_id="tiny")
        + b'{"half a record": \n'
        + b"[]\n"
        + _lines([4], created_date="2001-01-01T00:00:00Z")
    )
    run = _run(
        tmp_path,
        local_amplitude,
        [_batch(file), singer.state({"at": 6})],
        stream_maps={"events": {"__filter__": "'secret' not in record", "more": "'1'"}},
        start_date="2020-01-01",
    )
    assert run.exit_code == 0, run.log
    [event] = local_amplitude.events()
    assert event.sent["insert_id"] == nami.event_id(1)
    assert event.sent["event_properties"]["more"] == "1"
    assert sorted(reject["rejected"]["reason"] for reject in run.rejects) == [
        "device_id_too_short",
        "line_not_json",
        "line_not_json",
    ]
    assert run.report["filtered_by_reason"] == {"stream_map": 1, "before_start_date": 1}
    assert run.states == [{"at": 6}]


def test_a_rejected_record_of_a_batch_is_delivered_once_its_cause_is_fixed(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(_lines([1], device_id="tiny"))
    first = _run(tmp_path / "first", local_amplitude, [_batch(file)])
    assert len(first.rejects) == 1
    rejects = (tmp_path / "first/output/rejects.singer").read_bytes()
    second = _run(tmp_path / "second", local_amplitude, [rejects], min_id_length=4)
    assert second.exit_code == 0, second.log
    assert _delivered(local_amplitude) == _ids([1])


def test_a_batch_before_its_schema_is_rejected_record_by_record(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(_lines([1, 2]))
    message = _batch(file).replace(b'"events"', b'"undeclared"')
    run = _run(tmp_path, local_amplitude, [message])
    assert run.exit_code == 0, run.log
    reasons = [reject["rejected"]["reason"] for reject in run.rejects]
    assert reasons == ["record_before_schema"] * 2


def _missing(file: Path) -> bytes:
    return _batch(file)


def _not_gzip(file: Path) -> bytes:
    file.write_bytes(_lines(range(5)))
    return _batch(file, compression="gzip")


def _cut_gzip(file: Path) -> bytes:
    file.write_bytes(gzip.compress(_lines(range(500)))[:-300])
    return _batch(file, compression="gzip")


def _damaged_gzip(file: Path) -> bytes:
    content = bytearray(gzip.compress(_lines(range(500))))
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    return _batch(file, compression="gzip")


def _folder(file: Path) -> bytes:
    file.mkdir()
    return _batch(file)


def _parquet(file: Path) -> bytes:
    return _batch(file, format="parquet")


def _zstd(file: Path) -> bytes:
    return _batch(file, compression="zstd")


def _unknown_protocol(file: Path) -> bytes:
    return _batch(f"teleport://somewhere/{file.name}")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing, "odd-file"),
        (_not_gzip, "odd-file"),
        (_cut_gzip, "odd-file"),
        (_damaged_gzip, "odd-file"),
        (_folder, "odd-file"),
        (_unknown_protocol, "odd-file"),
        (_parquet, "parquet"),
        (_zstd, "zstd"),
    ],
)
def test_a_file_that_cannot_be_read_ends_the_run_with_an_error_that_names_it(
    make: Any, words: str, tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    run = _run(
        tmp_path,
        local_amplitude,
        [
            singer.record("events", nami.impression(1_000)),
            singer.state({"at": 1}),
            make(tmp_path / "odd-file"),
            singer.state({"at": 2}),
        ],
    )
    assert run.exit_code == 1
    [error] = run.logged("ERROR")
    assert words in error
    assert "Traceback" not in run.log
    assert run.states == [{"at": 1}]
    assert nami.event_id(1_000) in _delivered(local_amplitude)


def test_a_tap_cannot_make_the_target_fetch_from_elsewhere(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(_lines([1]))
    with ScriptedServer() as elsewhere:
        url = f"https://{elsewhere.address}/a.jsonl"
        run = _run(tmp_path, local_amplitude, [_batch(file, url)])
        assert elsewhere.connections == 0
    assert run.exit_code == 1
    [error] = run.logged("ERROR")
    assert f"the BATCH file {url} has an address of the kind 'https'" in error
    assert "`batch_schemes`" in error
    assert not _delivered(local_amplitude)


def test_a_tap_may_name_the_kinds_of_address_that_the_user_allows(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.jsonl", _lines([1, 2]))
    url = f"zip://a.jsonl::{tmp_path / 'b.zip'}"
    schemes = ["file", "zip"]
    run = _run(tmp_path, local_amplitude, [_batch(url)], batch_schemes=schemes)
    assert run.exit_code == 0, run.log
    assert _delivered(local_amplitude) == _ids([1, 2])


def test_a_file_of_something_else_ends_the_run(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a,b,c\n" * 1_000)
    run = _run(tmp_path, local_amplitude, [_batch(file), singer.state({"at": 1})])
    assert run.exit_code == 1
    assert "100 lines in a row" in run.logged("ERROR")[0]
    assert not run.states


def _messages(numbers: Iterable[int], stream: str = "events") -> bytes:
    return b"".join(singer.record(stream, nami.impression(n)) for n in numbers)


def test_messages_in_a_file_of_records_are_rejected_and_can_be_read_again(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file, good = tmp_path / "messages.jsonl", tmp_path / "records.jsonl"
    file.write_bytes(_messages(range(3)))
    good.write_bytes(_lines(range(3, 5)))
    batches = [_batch(file), _batch(good), singer.state({"at": 1})]
    run = _run(tmp_path / "first", local_amplitude, batches)
    assert run.exit_code == 0, run.log
    assert run.states == [{"at": 1}]
    assert _delivered(local_amplitude) == _ids([3, 4])
    assert [each["record"]["id"] for each in run.rejects] == _ids(range(3))
    for reject in run.rejects:
        assert reject["rejected"]["reason"] == "message_in_batch"
        assert "RECORD message" in reject["rejected"]["detail"]
    [warning] = [w for w in run.logged("WARNING") if "BATCH files of stream" in w]
    assert "'events'" in warning
    assert "RECORD messages instead of records" in warning
    rejects = (run.folder / "output" / "rejects.singer").read_bytes()
    again = _run(tmp_path / "again", local_amplitude, [rejects])
    assert again.report["delivered"] == 3
    assert sorted(_delivered(local_amplitude)) == sorted(_ids(range(5)))


def test_a_record_that_is_merely_like_a_message_is_a_record(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    file = tmp_path / "records.jsonl"
    file.write_bytes(_lines(range(2), type="RECORD", stream="live", record={"a": 1}))
    run = _run(tmp_path, local_amplitude, [_batch(file)])
    assert run.exit_code == 0, run.log
    assert _delivered(local_amplitude) == _ids(range(2))


def test_the_command_says_that_it_takes_batches(tmp_path: Path) -> None:
    about = json.loads(run_command(tmp_path, ["--about", "--format=json"]).stdout)
    assert "batch" in about["capabilities"]
