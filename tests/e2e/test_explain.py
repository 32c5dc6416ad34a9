"""`amplitude-nami explain` as a process: one record's whole way."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.nami import event_id, impression, subscription
from tests.support.run_command import CommandRun, run_command
from tests.support.run_target import run_target
from tests.support.shapes import csv_row, in_payload, json_columns, upper_case
from tests.support.singer import record, records, schema, state

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "events"
ANONYMOUS: Any = {"external_ids": [], "devices": []}
LINES = [
    schema(STREAM),  # 1
    record(STREAM, subscription(1)),
    record(STREAM, csv_row(subscription(2))),
    record(STREAM, upper_case(json_columns(in_payload(subscription(3), "payload")))),
    record(STREAM, subscription(3)),  # 5
    record(
        STREAM,
        impression(6, user_id=subscription(1)["user_id"], note="\x1b[31m\u202e"),
    ),
    b'{"type": "RECORD", "stream": "events", broken\n',
    state({"bookmark": 1}),
    b'{"type":"RECORD","stream":"events","record":'
    + b'{"a":' * 300
    + b"1"
    + b"}" * 301,
    b"\n",  # 10
    record(STREAM, subscription(1, id=event_id(11), created_date="2026-05-01")),
    record(STREAM, subscription(12, created_date="yesterday")),
    record(STREAM, {"payload": json.dumps(subscription(13, created_date="no"))}),
    record("other", subscription(14)),
    record(STREAM, subscription(15) | {"_sdc_deleted_at": "2026-06-02"}),  # 15
    record(STREAM, subscription(16, **ANONYMOUS)),
]
INPUT = b"".join(line.rstrip(b"\n") + b"\n" for line in LINES)


def explain(
    folder: Path, *arguments: str, config: dict[str, Any] | None = None
) -> CommandRun:
    (folder / "input.singer").write_bytes(INPUT)
    return run_command(
        folder, "explain", "--input", "input.singer", *arguments, config=config
    )


def explanation(folder: Path, *arguments: str, **given: Any) -> dict[str, Any]:
    run = explain(folder, *arguments, "--json", **given)
    assert run.exit_code == 0, run.stderr
    found: dict[str, Any] = run.json["explanation"]
    return found


def test_a_record_is_shown_from_its_shape_to_its_bytes(tmp_path: Path) -> None:
    run = explain(tmp_path, "--line", "4")
    assert run.exit_code == 0
    assert run.lines[0] == (
        f"input.singer, line 4: user.subscription.renewed {event_id(3)} "
        f"(stream {STREAM})"
    )
    for part in (
        "  It is sent to Amplitude.",
        "  the webhook is JSON text in the column PAYLOAD",
        '  ✓ "*" in `events` chooses user.subscription.renewed',
        "  its device is in PAYLOAD.devices[0].id",
        "  no state of this user was seen before",
        f'  insert_id = "{event_id(3)}" ← PAYLOAD.id',
    ):
        assert part in run.lines
    assert json.loads(run.lines[-1])["insert_id"] == event_id(3)
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("line", "outcome", "reason"),
    [
        (3, "sent", ""),
        (7, "rejected", "line_not_json"),
        (9, "rejected", "too_deep"),
        (12, "rejected", "time_unreadable"),
        (14, "rejected", "record_before_schema"),
        (15, "filtered", "deleted_at_source"),
        (16, "rejected", "anonymous_user"),
    ],
)
def test_each_line_has_its_outcome(
    tmp_path: Path, line: int, outcome: str, reason: str
) -> None:
    found = explanation(tmp_path, "--line", str(line))
    assert (found["outcome"], found["reason"]) == (outcome, reason)
    assert (found["reject"] is not None) == (outcome == "rejected")


def test_what_is_known_from_an_earlier_line_names_it(tmp_path: Path) -> None:
    known, late = (explanation(tmp_path, "--line", n) for n in ("6", "11"))
    assert "is known from line 2" in " ".join(known["identity"]["why"])
    assert "(in line 2)" in late["freshness"][0]
    assert '"$skip_user_properties_sync":true' in late["event"]


def test_a_duplicate_names_the_line_of_the_first(tmp_path: Path) -> None:
    found = explanation(tmp_path, "--line", "5")
    assert found["outcome"] == "duplicate"
    assert found["notes"] == ["Amplitude has the event already, from line 4."]
    assert found["fields"]


def test_a_held_record_says_what_it_waits_for(tmp_path: Path) -> None:
    config = {"anonymous_users": "hold", "memory_path": "memory.db"}
    found = explanation(tmp_path, "--reason", "anonymous_user", config=config)
    assert (found["outcome"], found["line"]) == ("held", 16)
    assert "brings an External ID" in found["advice"]


@pytest.mark.parametrize(
    ("number", "line", "count"), [(2, 3, 1), (3, 4, 2), (12, 12, 1), (13, 13, 1)]
)
def test_an_event_is_found_by_its_id_in_any_shape(
    tmp_path: Path, number: int, line: int, count: int
) -> None:
    run = explain(tmp_path, "--id", event_id(number).upper(), "--json")
    assert run.json["explanation"]["line"] == line
    assert run.json["matching"] == count
    assert run.json["matches"][0] == {"line": line, "batch_record": 0}


def test_the_others_that_match_are_named(tmp_path: Path) -> None:
    run = explain(tmp_path, "--reason", "time_unreadable")
    assert run.lines[0].startswith("input.singer, line 12:")
    assert run.lines[-1] == "1 other record matches: line 13"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--line", "1"], "line 1 is the SCHEMA message of stream events"),
        (["--line", "8"], "line 8 is a STATE message"),
        (["--line", "10"], "line 10 is empty"),
        (["--line", "99"], "has 16 lines, so there is no line 99"),
        (["--id", "nobody"], "none of the 16 lines"),
        (["--reason", "time_unredable"], 'Did you mean "time_unreadable"?'),
        (["--input", "none.singer"], "none.singer cannot be read"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    run = explain(tmp_path, *arguments)
    assert (run.exit_code, run.stdout) == (1, "")
    assert says in run.stderr
    assert run.stderr.count("\n") == 1


def test_only_one_way_to_choose_is_taken(tmp_path: Path) -> None:
    run = explain(tmp_path, "--line", "2", "--id", event_id(1))
    assert run.exit_code == 2


@pytest.mark.parametrize("option", ["--id", "--reason"])
def test_an_empty_choice_is_none(tmp_path: Path, option: str) -> None:
    run = explain(tmp_path, option, "")
    assert run.exit_code == 2
    assert f"{option} is empty" in run.stderr


def test_nothing_that_a_terminal_obeys_is_printed(tmp_path: Path) -> None:
    run = explain(tmp_path, "--line", "6")
    assert r'event_properties.note = "\u001b[31m\u202e" ← note' in run.stdout
    assert all(line.isprintable() for line in run.lines)


def test_no_key_is_printed(tmp_path: Path) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    (tmp_path / "input.singer").write_bytes(
        b"".join(records(STREAM, [subscription(1, note=secret)]))
    )
    run = run_command(
        tmp_path, "explain", "--input", "input.singer", config={"api_key": secret}
    )
    assert run.exit_code == 0
    assert secret not in run.stdout
    assert 'event_properties.note = "***"' in run.stdout


def test_a_rejects_file_says_why_then_and_what_becomes_of_it_now(
    tmp_path: Path,
) -> None:
    config = {"endpoint": "local", "events": ["user.*"]}
    broken = subscription(1, external_ids=[{"key": "external_id", "value": "1042"}])
    lines = b"".join([*records(STREAM, [broken]), b"{broken\n"])
    run_target(tmp_path, config, lines)
    rejects = ["explain", "--input", "output/rejects.singer"]
    short = [*rejects, "--reason", "user_id_too_short"]

    still = run_command(tmp_path, *short, config=config)
    says = "  It is rejected, still for this reason (user_id_too_short).\n"
    assert says in still.stdout
    assert 'found: external_ids[0].value = "1042"' in still.stdout

    mended = run_command(tmp_path, *short, "--json", config={"min_id_length": 1})
    found = mended.json["explanation"]
    assert found["earlier"]["reason"] == "user_id_too_short"
    assert (found["outcome"], found["reject"]) == ("sent", None)

    line = run_command(tmp_path, *rejects, "--json")
    [source] = line.json["explanation"]["earlier"]["found"]
    assert source == {"path": "the line", "value": '"{broken"'}


def test_webhooks_one_a_line_are_read_from_standard_input(tmp_path: Path) -> None:
    hooks = "".join(json.dumps(subscription(n)) + "\n" for n in (1, 2))
    run = run_command(
        tmp_path, "explain", "--input", "-", "--id", event_id(2), stdin=hooks.encode()
    )
    assert run.lines[0].startswith("standard input, line 2: user.subscription.renewed")


def test_the_records_of_batch_files_are_explained_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "batch.gz"
    texts = [json.dumps(subscription(n)) for n in (1, 2)]
    file.write_bytes(gzip.compress("\n".join(texts).encode()))
    batch = {
        "type": "BATCH",
        "stream": STREAM,
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "manifest": [file.as_uri()],
    }
    lines = schema(STREAM) + json.dumps(batch).encode()
    run = run_command(
        tmp_path, "explain", "--input", "-", "--id", event_id(2), stdin=lines
    )
    assert run.exit_code == 0, run.stderr
    assert "line 2, record 2 of its BATCH files" in run.lines[0]


def test_an_empty_input_and_wrong_settings_end_plainly(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    run = run_command(tmp_path, "explain", "--input", "empty")
    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr == "amplitude-nami explain: empty holds no record\n"
    wrong = explain(tmp_path, config={"regoin": "eu"})
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "regoin" in wrong.stderr
