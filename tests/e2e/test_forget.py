"""`amplitude-nami forget`: no file of a configuration keeps a trace of a person."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.delivery.dry_run import DryRun
from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.store.lock import lock
from tests.support import nami, singer
from tests.support.run_command import CommandRun, run_command
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = 1, 2
CONFIG: dict[str, Any] = {
    "endpoint": "local",
    "memory_path": "memory.db",
    "report_path": "report.json",
}
FILES = (
    "memory.db",
    "report.json",
    "output/dry-run.jsonl",
    "output/local-amplitude.db",
    "output/rejects.singer",
)
MESSAGES = [
    *singer.records(
        "events",
        [
            *(nami.subscription(number) for number in range(20)),
            *(
                nami.subscription(
                    number, "user.subscription.expired", id=nami.event_id(100 + number)
                )
                for number in range(20)
            ),
            # Cannot be delivered, and say whose they are in different ways.
            nami.subscription(ONE, id="no-time-1", created_date="never"),
            nami.subscription(OTHER, id="no-time-2", created_date="never"),
        ],
    ),
    b'{"half a line of ' + nami.external_id(ONE).encode() + b"\n",
    b'{"half a line of ' + nami.external_id(OTHER).encode() + b"\n",
]


def ids_of(number: int) -> list[str]:
    return [
        nami.identifier(2, number),
        nami.external_id(number),
        nami.device_id(number),
    ]


def files_with(folder: Path, *ids: str) -> set[str]:
    """Return which files beside the input have the bytes of an id."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != "config.json"
        and any(each.encode() in path.read_bytes() for each in ids)
    }


def contents(folder: Path) -> dict[str, object]:
    """Return what is in the files."""
    found: dict[str, object] = {}
    for name in FILES:
        if name.endswith(".db"):
            with closing(sqlite3.connect(folder / name)) as connection:
                found[name] = [*connection.iterdump()]
        else:
            found[name] = (folder / name).read_bytes()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which a dry run and a run have left all their files."""
    run_target(tmp_path, CONFIG | {"endpoint": None, "dry_run": True}, MESSAGES)
    run_target(tmp_path, CONFIG, MESSAGES)
    assert set(FILES) - {"report.json"} <= files_with(tmp_path, *ids_of(ONE))
    return tmp_path


def forget(folder: Path, *arguments: str, **changes: Any) -> CommandRun:
    return run_command(folder, "forget", *arguments, config=CONFIG | changes)


def test_no_file_has_a_trace_of_the_person_and_all_of_the_others(folder: Path) -> None:
    run = forget(folder, "--external-id", nami.external_id(ONE))
    assert (run.exit_code, run.stderr) == (0, "")
    assert run.lines == [
        "Person: Nami user {}; External ID {}; device {}".format(*ids_of(ONE)),
        "  output/rejects.singer: erased 4 records",
        "  output/dry-run.jsonl: erased 2 events",
        "  report.json: nothing about them",
        "  output/local-amplitude.db: erased 1 user, 2 events",
        "  memory.db: erased 1 user, 1 sent state, 2 delivered events, 2 owners of ids",
    ]
    assert files_with(folder, *ids_of(ONE)) == set()
    assert set(FILES) - {"report.json"} <= files_with(folder, *ids_of(OTHER))
    summary = Reader(folder / "output" / "local-amplitude.db").summary()
    assert (summary.total, summary.users) == (38, 19)
    again = run_target(folder, CONFIG, MESSAGES)
    # Their records are new, all others are known, in the rejects file as well.
    assert again.report["delivered"] == 2
    assert again.report["duplicate"] == 38
    assert len(again.rejects) == 4 + 2


def test_a_person_is_gone_from_held_records(tmp_path: Path) -> None:
    config = CONFIG | {"anonymous_users": "hold"}
    run_target(
        tmp_path, config, singer.records("events", map(nami.impression, range(5)))
    )
    assert "memory.db" in files_with(tmp_path, nami.identifier(2, ONE))
    run = forget(tmp_path, "--user", nami.identifier(2, ONE), "--json")
    assert run.exit_code == 0
    [memory] = [each for each in run.json["files"] if each["setting"] == "memory_path"]
    assert memory["counts"]["held records"] == 1
    assert files_with(tmp_path, *ids_of(ONE)) == set()
    assert "memory.db" in files_with(tmp_path, nami.identifier(2, OTHER))


def test_a_dry_run_says_what_would_go_and_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    run = forget(folder, "--user", nami.identifier(2, ONE), "--dry-run")
    assert run.exit_code == 0
    assert "  output/rejects.singer: would erase 4 records" in run.lines
    assert run.lines[-1] == "Nothing was changed"
    assert contents(folder) == before


def test_it_can_be_run_again_and_says_that_nothing_is_left(folder: Path) -> None:
    forget(folder, "--device", nami.device_id(ONE))
    run = forget(folder, "--device", nami.device_id(ONE))
    assert run.exit_code == 0
    assert run.lines[-1] == "These files have nothing about the person"


def test_files_that_are_missing_are_no_failure(tmp_path: Path) -> None:
    run = forget(tmp_path, "--user", "somebody", "--json")
    assert run.exit_code == 0
    assert {each["outcome"] for each in run.json["files"]} == {"missing"}
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_file_in_use_is_refused_before_anything_is_changed(folder: Path) -> None:
    user = nami.identifier(2, ONE)
    before = contents(folder)
    memory = folder / "memory.db"
    let_go = lock(memory, memory)
    in_a_run = forget(folder, "--user", user)
    let_go()
    settings = Settings.load({"dry_run": True})
    dry_run = DryRun(folder / "another.jsonl", settings.destination())
    dry_run.post(dry_run.encode([]), 0)
    in_a_dry_run = forget(folder, "--user", user, dry_run_path="another.jsonl")
    dry_run.end()
    with LocalAmplitude(folder / "output" / "local-amplitude.db"):
        in_a_server = forget(folder, "--user", user)
    with closing(sqlite3.connect(memory)) as connection:
        connection.execute("SELECT * FROM users").fetchone()
        in_a_shell = forget(folder, "--user", user)
    for run in (in_a_run, in_a_dry_run, in_a_server, in_a_shell):
        assert run.exit_code == 1
        assert run.stdout == ""
        [line] = run.stderr.splitlines()
        assert "in use" in line or "is open" in line
    assert contents(folder) == before


def test_unfinished_files_of_killed_runs_go_where_they_name_the_person(
    tmp_path: Path,
) -> None:
    theirs = [
        tmp_path / ".nami-0123456789abcdef",
        tmp_path / "output" / ".rejects.singer.rewriting",
    ]
    anothers = tmp_path / "output" / ".nami-0000000000000000"
    (tmp_path / "output").mkdir()
    for path in theirs:
        path.write_text(f'{{"half a line of {nami.external_id(ONE)}')
    anothers.write_text(nami.external_id(OTHER))
    run = forget(tmp_path, "--external-id", nami.external_id(ONE))
    assert run.exit_code == 0
    assert run.lines[1:3] == [
        f"  {path}: erased 1 unfinished file of a run that was killed"
        for path in theirs
    ]
    assert [path.exists() for path in (*theirs, anothers)] == [False, False, True]


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_has_nobody(tmp_path: Path, name: str) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / name).touch()
    run = forget(tmp_path, "--user", "somebody")
    assert (run.exit_code, run.stderr) == (0, "")


def test_a_failure_says_what_is_done_and_what_is_not(folder: Path) -> None:
    report = folder / "report.json"
    report.write_text(f"spoilt by {nami.external_id(ONE)}")
    run = forget(folder, "--external-id", nami.external_id(ONE), "--json")
    assert run.exit_code == 1
    assert {each["setting"]: each["outcome"] for each in run.json["files"]} == {
        "rejects_path": "erased",
        "dry_run_path": "erased",
        "report_path": "failed",
        "local_path": "not tried",
        "memory_path": "not tried",
    }
    report.unlink()
    # The store still knows which ids belong together.
    again = forget(folder, "--external-id", nami.external_id(ONE))
    assert again.exit_code == 0
    assert files_with(folder, *ids_of(ONE)) == set()


def test_amplitude_is_asked_only_with_yes(folder: Path) -> None:
    before = contents(folder)
    keys = {"api_key": "the-api-key-of-ours", "secret_key": "a-secret-of-ours"}
    with LocalAmplitude(
        folder / "amplitude.db", keys=["the-api-key-of-ours/a-secret-of-ours"]
    ) as local:
        sent = run_target(
            folder / "real",
            {"endpoint": local.endpoint("http_v2"), "api_key": keys["api_key"]},
            MESSAGES,
        )
        assert sent.exit_code == 0
        arguments = (
            "--external-id",
            nami.external_id(ONE),
            "--amplitude",
            "--privacy-url",
            local.url,
        )
        shown = forget(folder, *arguments, **keys)
        assert shown.exit_code == 0
        assert "deletes everything that any source has sent" in shown.stdout
        assert f'"user_ids": ["{nami.external_id(ONE)}"]' in shown.stdout
        assert contents(folder) == before
        assert local.user_properties(nami.external_id(ONE)) is not None
        done = forget(folder, *arguments, "--yes", "--json", **keys)
        assert done.exit_code == 0
        assert done.json["amplitude"]["is_sent"]
        assert [job["status"] for job in done.json["amplitude"]["jobs"]] == ["staging"]
        assert local.user_properties(nami.external_id(ONE)) is None
        assert local.user_properties(nami.external_id(OTHER)) is not None
    for key in keys.values():
        assert key not in shown.stdout + shown.stderr + done.stdout + done.stderr
    # A folder that the settings do not name.
    assert files_with(folder, *ids_of(ONE)) == {"real/output/rejects.singer"}


def test_a_person_known_by_a_device_alone_is_nobody_in_amplitude(
    tmp_path: Path,
) -> None:
    run = forget(
        tmp_path,
        "--device",
        "some-device",
        "--amplitude",
        "--yes",
        "--privacy-url",
        "http://127.0.0.1:9",
    )
    assert run.exit_code == 1
    [line] = run.stderr.splitlines()
    assert "Amplitude deletes by user id" in line


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--user", ""),
        ("--user", "a", "--device", "b"),
        ("--user", "a", "--yes"),
        ("--status", "--user", "a"),
        ("--user", "a", "--privacy-url", "https://amplitude.com"),
    ],
    ids=" ".join,
)
def test_arguments_that_do_not_go_together_are_refused(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run = forget(tmp_path, *arguments)
    assert run.exit_code == 2
    assert "Error: " in run.stderr


def test_help_has_an_example(tmp_path: Path) -> None:
    run = run_command(tmp_path, "forget", "--help")
    assert run.exit_code == 0
    assert "amplitude-nami forget --config config.json --external-id" in run.stdout


def test_settings_are_checked(tmp_path: Path) -> None:
    run = forget(tmp_path, "--user", "a", memory_path=7, nonsense=True)
    assert run.exit_code == 1
    assert len(run.stderr.splitlines()) == 2
    assert json.loads(forget(tmp_path, "--user", "a", "--json", memory_path=7).stdout)[
        "problems"
    ]
