"""`amplitude-nami reconcile --resend`: what Amplitude lost is sent again."""

from __future__ import annotations

import json
import stat
from contextlib import closing

import pytest

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support import nami
from tests.support.archives import archive_of, exported
from tests.support.reconciling import Reconciled
from tests.support.server import ScriptedServer, reply
from tests.support.story import RunHarness, as_of, change, messages_of


@pytest.fixture
def reconciled(harness: RunHarness) -> Reconciled:
    return Reconciled(harness)


def test_what_was_lost_after_a_200_is_found_and_sent_again(
    reconciled: Reconciled,
) -> None:
    reconciled.deliver(drop=2)
    assert len(reconciled.harness.ids) == 6

    found = reconciled.ask()
    assert found.exit_code == 1
    assert found.lines[-1] == "2 events are missing in Amplitude."
    result = reconciled.result(
        "--input", "input.singer", "--resend", "again.singer", "--ids", "ids.jsonl"
    )
    assert (result["in_both"], result["missing"], result["different"]) == (6, 2, 0)
    assert result["resent"] == {"path": "again.singer", "records": 2, "forgotten": 2}
    lost = {e["insert_id"] for e in map(json.loads, lines(reconciled, "ids.jsonl"))}
    again = [json.loads(line) for line in lines(reconciled, "again.singer")]
    assert [message["type"] for message in again] == ["SCHEMA", "RECORD", "RECORD"]
    assert {message["record"]["id"] for message in again[1:]} == lost
    for name in ("again.singer", "ids.jsonl"):
        assert stat.S_IMODE((reconciled.folder / name).stat().st_mode) == 0o600

    run = reconciled.harness.run_messages(
        [(reconciled.folder / "again.singer").read_bytes()]
    )
    assert run.report["delivered"] == 2
    clean = reconciled.ask()
    assert (clean.exit_code, clean.lines[-1]) == (
        0,
        "Clean: all 8 events are in Amplitude.",
    )
    assert reconciled.ask("--input", "input.singer").exit_code == 0


def lines(reconciled: Reconciled, name: str) -> list[bytes]:
    return (reconciled.folder / name).read_bytes().splitlines()


def test_user_properties_of_a_lost_event_are_set_when_it_is_sent_again(
    reconciled: Reconciled,
) -> None:
    harness = reconciled.harness
    record = change(1, 5, "radio_monthly")
    other = nami.subscription(2)
    (reconciled.folder / "input").write_bytes(b"")
    faults = [{"do": {"drop": 1}, "when": {"user_id": nami.external_id(1)}, "times": 1}]
    harness.local.set_faults(Faults.from_json({"faults": faults}))
    harness.run([record, other])
    assert harness.skus(1) is None

    (reconciled.folder / "input.singer").write_bytes(
        b"".join(messages_of([record, other]))
    )
    reconciled.ask("--input", "input.singer", "--resend", "again.singer")
    harness.run_messages([(reconciled.folder / "again.singer").read_bytes()])
    assert harness.skus(1) == ["radio_monthly"]


def test_a_record_that_changed_nothing_since_does_not_keep_a_lost_state_lost(
    reconciled: Reconciled,
) -> None:
    harness = reconciled.harness
    records = [change(1, 5, "radio_monthly"), as_of(9, "radio_monthly")]
    faults = [{"do": {"drop": 1}, "times": 1}]
    harness.local.set_faults(Faults.from_json({"faults": faults}))
    run = harness.run([*records, nami.subscription(2)])
    assert run.report["filtered_by_reason"] == {"unchanged": 1}
    assert harness.skus(1) is None

    path = reconciled.folder / "input.singer"
    path.write_bytes(b"".join(messages_of([*records, nami.subscription(2)])))
    reconciled.ask("--input", "input.singer", "--resend", "again.singer")
    harness.run_messages([(reconciled.folder / "again.singer").read_bytes()])
    assert harness.skus(1) == ["radio_monthly"]


def test_an_export_without_any_of_the_events_is_not_taken_for_a_loss(
    reconciled: Reconciled,
) -> None:
    reconciled.deliver()
    with ScriptedServer(reply(200, archive_of([exported("another")]))) as server:
        result = reconciled.result(
            *("--export-url", f"http://{server.address}"),
            *("--input", "input.singer", "--resend", "again.singer"),
        )
    assert result["missing"] == 8
    assert "Nothing was written for --resend" in result["problems"][-1]
    assert not (reconciled.folder / "again.singer").exists()
    assert reconciled.ask().exit_code == 0


def test_nothing_changes_while_a_run_uses_the_memory_file(
    reconciled: Reconciled,
) -> None:
    reconciled.deliver(drop=1)
    path = reconciled.folder / "memory.db"
    with closing(SqliteStore(path, 90, projects={"main": "other"})) as store:
        store.open()
        found = reconciled.ask("--input", "input.singer", "--resend", "again.singer")
        assert reconciled.result("--input", "input.singer")["missing"] == 1
    assert (found.exit_code, found.stdout) == (1, "")
    assert "in use by another run" in found.stderr
    assert not (reconciled.folder / "again.singer").exists()
    assert reconciled.result()["missing"] == 1
