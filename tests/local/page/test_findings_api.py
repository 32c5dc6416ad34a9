"""The findings as JSON, for the page and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from target_amplitude_nami.local.run_note import RunFiles
from tests.local.queries.findings.finding_out import about_user, paid

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from tests.local.asking import Ask, Send
    from tests.local.conftest import MakeLocal

KEYS = {"key", "severity", "text", "advice", "count", "of", "share", "evidence"}


def test_findings_have_stable_keys_and_their_share(ask: Ask, send: Send) -> None:
    send(about_user(), about_user(device_id="device-2"), paid(), paid(env="sandbox"))
    answer = ask("/api/findings")
    assert set(answer) == {"findings", "good"}
    assert all(set(each) == KEYS for each in answer["findings"])
    assert all(set(each) == {"key", "text"} for each in answer["good"])
    [found] = [e for e in answer["findings"] if e["key"] == "sandbox_beside_production"]
    assert (found["severity"], found["count"], found["of"], found["share"]) == (
        "warning",
        1,
        2,
        0.5,
    )
    assert found["evidence"] == "#/trust?show=money"


def test_the_view_has_the_same_findings_and_all_their_evidence(
    ask: Ask, send: Send
) -> None:
    send(about_user(), paid())
    shown = ask("/api/trust")
    findings = ask("/api/findings")
    assert {name: shown[name] for name in findings} == findings
    assert set(shown) == {"findings", "good", "evidence", "properties"}


def test_an_empty_file_has_nothing_to_trust(ask: Ask) -> None:
    [found] = ask("/api/findings")["findings"]
    assert (found["key"], found["share"]) == ("no_events", None)
    assert ask("/api/trust")["properties"] == []


def test_the_files_that_a_server_was_given_are_read(
    make_local: MakeLocal, session: requests.Session, tmp_path: Path
) -> None:

    path = tmp_path / "rejects.singer"
    reject = {
        "type": "RECORD",
        "stream": "s",
        "record": {},
        "rejected": {"reason": "a"},
    }
    path.write_text(json.dumps(reject))
    local = make_local(run_files=RunFiles(rejects=path))
    rejects = session.get(f"{local.url}/api/trust").json()["evidence"]["rejects"]
    assert (rejects["path"], rejects["count"]) == (str(path), 1)
