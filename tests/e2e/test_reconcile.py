"""`amplitude-nami reconcile`: what was delivered, and what Amplitude has."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_amplitude_nami.local.faults import Faults
from tests.support import nami
from tests.support.archives import archive_of, exported
from tests.support.reconciling import RECORDS, SECRET, Reconciled
from tests.support.run_command import run_command
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply
from tests.support.story import RunHarness, messages_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def reconciled(harness: RunHarness) -> Reconciled:
    return Reconciled(harness)


def test_an_event_without_a_device_is_known_by_its_user(
    reconciled: Reconciled,
) -> None:
    records = [nami.subscription(1, devices=None)]
    reconciled.harness.run(records)
    assert "device_id" not in reconciled.harness.events[0].sent
    (reconciled.folder / "input.singer").write_bytes(b"".join(messages_of(records)))
    assert reconciled.ask().exit_code == 0
    assert reconciled.ask("--input", "input.singer").exit_code == 0


def test_an_event_sent_under_the_nami_user_id_is_known_by_it(
    reconciled: Reconciled,
) -> None:
    settings = {"anonymous_users": "nami_user_id"}
    unnamed = nami.subscription(1, devices=None, external_ids=[])
    reconciled.harness.run([unnamed], **settings)
    reconciled.harness.run([nami.user(1)], **settings)
    records = messages_of([unnamed, nami.user(1)])
    (reconciled.folder / "input.singer").write_bytes(b"".join(records))
    result = reconciled.result("--input", "input.singer", **settings)
    assert (result["clean"], result["in_both"]) == (True, 1)
    assert "1 event was sent before the user had an External ID." in result["notes"]


def test_events_of_other_hours_do_not_make_these_clean(reconciled: Reconciled) -> None:
    reconciled.deliver()
    with closing(sqlite3.connect(reconciled.folder / "memory.db")) as memory, memory:
        memory.execute("UPDATE delivered SET delivered_time = delivered_time - 7200000")
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H")
    result = reconciled.result("--input", "input.singer", "--start", now)
    assert (result["clean"], result["compared"]) == (False, 0)
    assert result["not_compared"]["delivered_in_other_hours"] == len(RECORDS)


def test_what_amplitude_has_otherwise_is_shown(reconciled: Reconciled) -> None:
    reconciled.deliver(change={"time": 1_700_000_000_000, "user_id": "somebody"})
    result = reconciled.result("--input", "input.singer")
    assert (result["different"], result["missing"], result["clean"]) == (1, 0, False)
    [finding] = result["examples"]
    assert [each["field"] for each in finding["differences"]] == ["time", "user_id"]
    assert finding["differences"][0]["in_amplitude"] == "2023-11-14T22:13:20.000Z"

    shown = reconciled.ask("--input", "input.singer")
    assert shown.exit_code == 1
    assert "1 event in Amplitude differs from the input." in shown.lines


def test_other_user_properties_are_shown_where_the_event_set_them(
    reconciled: Reconciled,
) -> None:
    reconciled.harness.local.set_faults(
        Faults.from_json(
            {
                "faults": [
                    {
                        "when": {"user_id": nami.external_id(12)},
                        "do": {"change": {"user_properties": {"namiml_in_trial": 1}}},
                    }
                ]
            }
        )
    )
    reconciled.harness.run(RECORDS)
    assert reconciled.result("--input", "input.singer")["clean"]


def test_what_is_there_twice_is_shown(reconciled: Reconciled) -> None:
    reconciled.deliver(double=2)
    result = reconciled.result()
    assert (result["in_both"], result["doubled"], result["missing"]) == (8, 2, 0)
    assert result["problems"] == ["2 events are in Amplitude more than once."]


def test_events_of_other_sources_are_counted_apart(reconciled: Reconciled) -> None:
    reconciled.deliver()
    theirs = {"event_type": "app.opened", "user_id": "user-9", "insert_id": "theirs"}
    unnamed = {"event_type": "device.impression", "user_id": "user-9"}
    post(reconciled, theirs, unnamed)
    result = reconciled.result()
    assert (result["foreign"], result["exported"], result["clean"]) == (2, 10, True)

    post(reconciled, theirs | {"event_type": "device.impression", "insert_id": "new"})
    result = reconciled.result()
    assert (result["only_in_amplitude"], result["clean"]) == (1, False)


def post(reconciled: Reconciled, *events: dict[str, Any]) -> None:
    answer = requests.post(
        reconciled.harness.local.endpoint("http_v2"),
        json={"api_key": API_KEY, "events": events},
        timeout=10,
    )
    assert answer.status_code == 200


def test_the_local_amplitude_of_the_settings_needs_no_keys(
    reconciled: Reconciled,
) -> None:
    settings = {"api_key": None, "secret_key": None, "endpoint": "local"}
    nothing = reconciled.ask(**settings)
    assert nothing.exit_code == 1
    reconciled.harness.run(RECORDS, api_key=None, endpoint="local")
    clean = reconciled.ask(**settings)
    assert (clean.exit_code, clean.lines[-1]) == (
        0,
        "Clean: all 8 events are in Amplitude.",
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "why"),
    [
        ([], {"api_key": "another"}, "no event that was delivered to this project"),
        (["--start", "2020-01-01"], {"api_key": "another"}, "Nothing was compared"),
        (["--start", "2020-01-01", "--end", "2020-01-02"], {}, "Nothing was compared"),
        (["--start", "2999-01-01"], {}, "none of these hours can be compared yet"),
        (["--end", "2020-01-02"], {}, "was after --end"),
        (["--input", "filtered.singer"], {}, "Nothing was compared"),
        (["--input", "empty.singer"], {}, "Nothing was compared"),
        (["--input", "new.singer"], {}, "1 event of the input was never delivered"),
        (
            ["--input", "new.singer", "--start", "2020-01-01"],
            {"memory_path": None},
            "Amplitude has none of the events",
        ),
        (["--input", "input.singer"], {"memory_path": None}, "--start is needed"),
    ],
)
def test_nothing_is_clean_unless_it_was_compared(
    reconciled: Reconciled, arguments: list[str], settings: dict[str, Any], why: str
) -> None:
    reconciled.deliver()
    session = nami.impression(50, event_type="device.session.start")
    for name, records in (
        ("filtered", [session]),
        ("empty", []),
        ("new", [nami.impression(60)]),
    ):
        path = reconciled.folder / f"{name}.singer"
        path.write_bytes(b"".join(messages_of(records)))
    found = reconciled.ask(*arguments, **settings)
    assert found.exit_code == 1
    assert why in found.stdout + found.stderr
    assert "Clean" not in found.stdout


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([reply(200, b"<html>Login</html>")], "damaged or cut short"),
        ([reply(200, archive_of([exported()])[:-9])], "damaged or cut short"),
        ([reply(404, b"<html>Not here</html>")], "there is no Export API"),
        ([reply(403, {"error": SECRET})], "refuses the keys (403)"),
        ([reply(302, Location="http://127.0.0.1:9/")], "redirects"),
        ([reply(400)] * 20, "export to Amazon S3"),
    ],
)
def test_an_answer_that_is_no_archive_is_an_error(
    reconciled: Reconciled, answers: list[Any], why: str
) -> None:
    reconciled.deliver()
    with ScriptedServer(*answers) as server:
        found = reconciled.ask("--export-url", f"http://{server.address}")
    assert (found.exit_code, found.stdout) == (1, "")
    assert why in found.stderr.splitlines()[-1]


def test_days_of_which_the_memory_file_knows_nothing_are_named(
    reconciled: Reconciled,
) -> None:
    reconciled.deliver()
    first = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H")
    [note] = reconciled.result("--start", "2020-01-01")["notes"]
    assert note.startswith("memory.db knows no delivery before 20")
    assert reconciled.result("--start", first)["notes"] == []


def test_help_has_an_example(tmp_path: Path) -> None:
    found = run_command(tmp_path, "reconcile", "--help")
    assert found.exit_code == 0
    assert "Example: amplitude-nami reconcile --config" in found.stdout
