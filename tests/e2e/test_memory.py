"""The memory's file as the command uses it, when all is well and when it is not."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import nami
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY, TARGET
from tests.support.story import about, at, bought, change, messages_of, shown

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.story import RunHarness


def let_pass(path: Path, days: int) -> None:
    """Make all that the memory remembers so much older."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE delivered SET last_seen_day = last_seen_day - ?", [days])
    connection.execute("DELETE FROM meta WHERE name = 'purged_day'")
    connection.commit()
    connection.close()


def test_what_comes_again_in_time_is_never_sent_again(harness: RunHarness) -> None:
    records = [change(2, 2, "monthly"), shown(3, 3)]
    harness.run(records)
    for _ in range(3):
        let_pass(harness.folder / "memory.db", 60)
        assert harness.run(records).report["duplicate"] == 2
    let_pass(harness.folder / "memory.db", 91)
    assert harness.run(records).report["delivered"] == 2


def test_a_state_comes_back_over_runs_without_saying_when(harness: RunHarness) -> None:
    here, there = (
        nami.user(1, updated_at=None, active_entitlements=bought(sku))
        for sku in ("monthly", "yearly")
    )
    for record in (here, there, here):
        harness.run([record])
    assert harness.skus(1) == ["monthly"]
    assert harness.local.summary().duplicates == 0


def test_a_memory_file_that_cannot_grow_ends_the_run_with_one_word_and_no_loss(
    harness: RunHarness,
) -> None:
    harness.settings["anonymous_users"] = "hold"
    records = [about(n, nami.impression(n, pad="x" * 900)) for n in range(2_000)]
    usual = {"api_key": API_KEY, "endpoint": harness.local.endpoint("http_v2")}
    (harness.folder / "config.json").write_text(json.dumps(usual | harness.settings))
    most = 800_000
    done = subprocess.run(
        [TARGET, "--config", "config.json"],
        input=b"".join(messages_of(records)),
        capture_output=True,
        check=False,
        cwd=harness.folder,
        env=clean_environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert done.returncode == 1
    assert done.stdout == b""
    [error] = [line for line in done.stderr.decode().splitlines() if "ERROR" in line]
    assert "The memory file memory.db cannot be written" in error
    assert error.endswith("run again; nothing is lost")
    assert harness.run(records).report["held"] == len(records)


def test_a_held_record_that_is_damaged_ends_the_run_with_one_word(
    harness: RunHarness,
) -> None:
    harness.settings["anonymous_users"] = "hold"
    harness.run([shown(1, 1)])
    connection = sqlite3.connect(harness.folder / "memory.db")
    connection.execute("UPDATE held SET record = ?", [b'{"event":{}}'])
    connection.commit()
    connection.close()
    running = harness.start(messages_of([change(2, 2, "monthly")]))
    assert running.wait(60) == 1
    assert "Traceback" not in running.log
    assert "memory.db cannot be used: it is damaged" in running.log


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("users", "state"),
        ("delivered", "event_type"),
        ("delivered", "time"),
        ("sent_states", "properties_hash"),
        ("held", "stream"),
        ("held", "line"),
        ("held", "record"),
        ("held", "since"),
        ("id_conflicts", "other_id"),
        ("id_owners", "nami_user_id"),
    ],
)
def test_a_damaged_row_ends_the_run_with_one_word(
    harness: RunHarness, table: str, column: str
) -> None:
    harness.settings["anonymous_users"] = "hold"
    two = [nami.subscription(n, created_date=at(n)) for n in (1, 2)]
    # Two users of one device and External ID, and one who waits for his.
    two[1] |= {name: two[0][name] for name in ("devices", "external_ids")}
    records = [*two, about(3, nami.impression(3))]
    assert harness.run(records).report["held"] == 1
    connection = sqlite3.connect(harness.folder / "memory.db")
    connection.execute(f"UPDATE {table} SET {column} = x'5bff80fe'")  # noqa: S608
    connection.commit()
    connection.close()
    two[1] |= {"id": nami.event_id(4), "user_id": nami.identifier(2, 4)}
    messages = messages_of([*records, two[1]])
    then = "hold" if column == "since" else "reject"  # what is let go is read
    running = harness.start(messages, anonymous_users=then)
    assert running.wait(60) == 1, running.log
    assert "Traceback" not in running.log
    [error] = [line for line in running.log.splitlines() if "ERROR" in line]
    assert "memory.db cannot be used: it is damaged" in error
