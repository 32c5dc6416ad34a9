"""The Export API of the local Amplitude."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.ingest.behaviour import Behaviour
from target_amplitude_nami.local.model import project_of
from tests.local.bench import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

KEYS = ("key-1", "secret-1")
HOUR_14 = datetime(2026, 11, 23, 14, tzinfo=UTC).timestamp()


class Exporter:
    """A local Amplitude with a clock that is set, and a client of it."""

    def __init__(
        self, make_local: MakeLocal, session: requests.Session, **options: Any
    ) -> None:
        self.now = HOUR_14
        self.local = make_local(now=lambda: self.now, **options)
        self._session = session

    def send(self, *events: object, api_key: str = "key-1") -> None:
        document = {"api_key": api_key, "events": list(events)}
        answer = self._session.post(self.local.endpoint("http_v2"), json=document)
        assert answer.status_code == 200

    def ask(
        self,
        start: str = "20261123T14",
        end: str = "20261123T15",
        *,
        auth: tuple[str, str] | None = KEYS,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        return self._session.get(
            self.local.export_url,
            params={"start": start, "end": end},
            auth=auth,
            headers=headers,
        )

    def files(self, *span: str) -> dict[str, list[dict[str, Any]]]:
        """Return the lines of each file of an archive."""
        answer = self.ask(*span)
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return {
                name: [
                    json.loads(line)
                    for line in gzip.decompress(archive.read(name)).splitlines()
                ]
                for name in archive.namelist()
            }


@pytest.fixture
def exporter(make_local: MakeLocal, session: requests.Session) -> Exporter:
    return Exporter(make_local, session)


def test_an_archive_has_a_file_of_json_lines_for_each_hour(exporter: Exporter) -> None:
    exporter.send(event(insert_id="1"), event(insert_id="2"))
    exporter.now += 3_599
    exporter.send(event(insert_id="3"))
    exporter.now += 1
    exporter.send(event(insert_id="4"))
    project = project_of("key-1")
    files = exporter.files()
    assert {
        name: [e["$insert_id"] for e in lines] for name, lines in files.items()
    } == {
        f"{project}/{project}_2026-11-23_14#0.json.gz": ["1", "2", "3"],
        f"{project}/{project}_2026-11-23_15#0.json.gz": ["4"],
    }


def test_a_line_has_the_documented_fields(exporter: Exporter) -> None:
    exporter.send(
        event(insert_id="1", user_properties={"a": 1}),
        event(insert_id="2", user_properties={"b": 2}, event_properties={"c": 3}),
    )
    [[_, line]] = exporter.files().values()
    expected = {
        "$insert_id": "2",
        "event_type": "user.login",
        "user_id": "user-1",
        "device_id": "device-1",
        "event_time": "2023-11-14 22:13:20.000000",
        "client_event_time": "2023-11-14 22:13:20.000000",
        "server_upload_time": "2026-11-23 14:00:00.000000",
        "event_properties": {"c": 3},
        "user_properties": {"a": 1, "b": 2},
    }
    assert line | expected == line
    assert {"amplitude_id", "uuid", "platform", "country", "groups"} <= line.keys()


def test_only_events_of_the_project_of_the_keys_are_exported(
    exporter: Exporter,
) -> None:
    exporter.send(event(insert_id="theirs"), api_key="key-2")
    exporter.send(
        event(event_type="$identify", user_properties={"$set": {"a": 1}}),
        event(insert_id="ours"),
        event(insert_id="ours"),
    )
    [[line]] = exporter.files().values()
    assert line["$insert_id"] == "ours"


@pytest.mark.slow
def test_many_events_are_several_files(exporter: Exporter) -> None:
    for start in range(0, 21_000, 1_500):
        exporter.now += 60
        exporter.send(
            *(
                event(insert_id=str(n), user_id=f"user-{n}", device_id=f"device-{n}")
                for n in range(start, start + 1_500)
            )
        )
    files = exporter.files()
    assert [len(lines) for lines in files.values()] == [20_000, 1_000]
    assert [name[-10:] for name in files] == ["#0.json.gz", "#1.json.gz"]


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        ("20261123T14", "20261123T13", 400),
        ("20251123T00", "20261123T00", 400),
        ("20251124T00", "20261123T23", 200),
        ("2026-11-23T14", "20261123T14", 400),
        ("20261123T24", "20261123T24", 400),
        ("20261123", "20261123", 400),
        ("", "", 400),
        ("20261123T13", "20261123T13", 404),
        ("20261123T15", "20261123T15", 404),
        ("20261123T14", "20261123T14", 200),
    ],
)
def test_a_span_is_whole_hours_of_a_year_or_less(
    exporter: Exporter, start: str, end: str, status: int
) -> None:
    exporter.send(event())
    assert exporter.ask(start, end).status_code == status


@pytest.mark.parametrize(
    ("auth", "status"),
    [
        (None, 401),
        (("key-1", "secret-2"), 403),
        (("key-2", "secret-1"), 403),
        (("key-1", ""), 403),
        (("key-3", "any"), 200),
        (KEYS, 200),
    ],
)
def test_both_keys_of_one_project_are_needed(
    make_local: MakeLocal,
    session: requests.Session,
    auth: tuple[str, str] | None,
    status: int,
) -> None:
    keys = ["key-1/secret-1", "key-2/secret-2", "key-3"]
    exporter = Exporter(make_local, session, keys=keys)
    for key in ("key-1", "key-3"):
        exporter.send(event(), api_key=key)
    assert exporter.ask(auth=auth).status_code == status


def test_keys_are_not_in_the_file(exporter: Exporter) -> None:
    exporter.send(event())
    exporter.ask()
    assert [request.api for request in exporter.local.requests()] == ["http_v2"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "elsewhere.example"},
    ],
)
def test_a_web_page_gets_nothing(exporter: Exporter, headers: dict[str, str]) -> None:
    exporter.send(event())
    answer = exporter.ask(headers=headers)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_export_beyond_the_limit_is_refused(
    make_local: MakeLocal, session: requests.Session
) -> None:
    exporter = Exporter(make_local, session, behaviour=Behaviour(export_bytes=1_500))
    exporter.send(event(insert_id="1"))
    exporter.now += 3_600
    exporter.send(event(insert_id="2"))
    assert exporter.ask().status_code == 400
    assert exporter.ask("20261123T15", "20261123T15").status_code == 200


def _breaks(ask: Callable[[], requests.Response]) -> bool:
    with pytest.raises(requests.RequestException):
        ask()
    return True


@pytest.mark.parametrize(
    ("do", "outcome"),
    [
        ({"status": 504}, lambda ask: ask().status_code == 504),
        ({"status": 429, "raw": "wait"}, lambda ask: ask().text == "wait"),
        ({"cut": True}, _breaks),
        ({"reset": "before"}, _breaks),
    ],
)
def test_faults_that_name_its_path_strike_it(
    exporter: Exporter,
    do: dict[str, Any],
    outcome: Callable[[Callable[[], requests.Response]], bool],
) -> None:
    exporter.send(event())
    everywhere = {"do": {"status": 500}}
    ours = {"when": {"path": "/api/2/export", "requests": [2]}, "do": do}
    exporter.local.set_faults(Faults.from_json({"faults": [everywhere, ours]}))
    assert exporter.ask().status_code == 200
    assert outcome(exporter.ask)


def test_another_path_is_no_api(
    local: LocalAmplitude, session: requests.Session
) -> None:
    answer = session.get(f"{local.url}/api/2/other", auth=KEYS)
    assert answer.status_code == 404
