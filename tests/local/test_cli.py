"""The command `amplitude-nami local` as a real process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from requests.exceptions import ChunkedEncodingError

from target_amplitude_nami.local.queries.reader import Reader
from tests.local.bench import event
from tests.support.nami import subscription
from tests.support.singer import records

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-W", "error", "-m", "target_amplitude_nami.commands"]


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; yield the process and the URL of its HTTP V2 API."""
    with subprocess.Popen(
        [*COMMAND, "local", "--new", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline() + process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/2/httpapi", line)
            assert found, line + process.stderr.read()
            yield process, found[0]
        finally:
            process.kill()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "local", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_stops_it(
    tmp_path: Path,
    session: requests.Session,
    number: signal.Signals,
) -> None:
    path = tmp_path / "local.db"
    with serving(path) as (process, url):
        assert session.post(url, json={"api_key": "k", "events": [event()]}).ok
        process.send_signal(number)
        out, errors = process.communicate()

    assert (process.returncode, out, errors) == (0, "", "")
    assert Reader(path).summary().total == 1


def test_keys_and_faults_are_options(
    tmp_path: Path,
    session: requests.Session,
) -> None:
    script = tmp_path / "faults.json"
    script.write_text(
        json.dumps({"faults": [{"do": {"status": 502}, "when": {"requests": [2]}}]}),
    )
    with serving(tmp_path / "db", "--keys", "a", "--keys", "b", "--faults", script) as (
        _,
        url,
    ):
        statuses = [
            session.post(url, json={"api_key": key, "events": [event()]}).status_code
            for key in ("a", "b", "b", "c")
        ]

    assert statuses == [200, 502, 200, 400]


@pytest.mark.parametrize(
    ("options", "region", "statuses"),
    [
        ([], "us", {"plain": 200, "american": 200, "european": 400}),
        (["--eu"], "eu", {"plain": 200, "american": 400, "european": 200}),
    ],
)
def test_a_key_of_another_region_is_an_invalid_key(
    tmp_path: Path,
    session: requests.Session,
    options: list[str],
    region: str,
    statuses: dict[str, int],
) -> None:
    """Seen of servers: an EU key is invalid at the US address."""
    keys = "plain,us:american,eu:european"
    with serving(tmp_path / "db", "--keys", keys, *options) as (_, url):
        answers = {
            key: session.post(url, json={"api_key": key, "events": [event()]})
            for key in statuses
        }
        state = session.get(url.replace("/2/httpapi", "/api/state")).json()

    assert {key: answer.status_code for key, answer in answers.items()} == statuses
    [refused] = [answer for answer in answers.values() if not answer.ok]
    assert refused.json()["error"].startswith("Invalid API key: ")
    assert state["region"] == region


def test_it_prints_the_address_of_its_page(
    tmp_path: Path, session: requests.Session
) -> None:
    with serving(tmp_path / "db") as (_, url):
        answer = session.get(url.removesuffix("/2/httpapi"))

    assert answer.ok
    assert answer.headers["Content-Security-Policy"]


def test_it_listens_elsewhere_only_with_an_option(
    tmp_path: Path,
    session: requests.Session,
) -> None:
    """Whoever names an address also lets the page be asked for by any name."""
    foreign = {"Host": "box.example"}
    statuses = []
    for options in ([], ["--host", "127.0.0.1"]):
        with serving(tmp_path / "db", *options) as (_, url):
            page = url.removesuffix("/2/httpapi")
            statuses.append(session.get(page, headers=foreign).status_code)

    assert statuses == [403, 200]


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Every acknowledged request is there whole, and remembered as sent."""
    path = tmp_path / "local.db"
    acknowledged: list[int] = []

    def upload(number: int) -> dict[str, object]:
        events = [
            event(
                user_id=f"user-{number}-{index}",
                device_id=f"device-{number}-{index}",
                insert_id=f"insert-{number}-{index}",
                user_properties={"n": number},
            )
            for index in range(20)
        ]
        return {"api_key": "key-1", "events": events}

    def send(url: str, lane: int, enough: threading.Event) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in range(lane, 100_000, 4):
                try:
                    assert session.post(url, json=upload(number)).ok
                except (requests.ConnectionError, ChunkedEncodingError):
                    return
                acknowledged.append(number)
                if len(acknowledged) >= 60:
                    enough.set()

    enough = threading.Event()
    with serving(path) as (process, url):
        lanes = [threading.Thread(target=send, args=[url, n, enough]) for n in range(4)]
        for lane in lanes:
            lane.start()
        enough.wait(60)
        process.kill()
        for lane in lanes:
            lane.join()

    stored = [kept.sent["user_properties"]["n"] for kept in Reader(path).events()]
    assert len(acknowledged) >= 60
    assert set(acknowledged) <= set(stored)
    assert all(stored.count(number) == 20 for number in set(stored))

    before = Reader(path).summary()
    with serving(path) as (_, url), requests.Session() as session:
        session.trust_env = False
        for number in acknowledged[:5]:
            assert session.post(url, json=upload(number)).ok
    after = Reader(path).summary()
    assert (after.total, after.duplicates) == (before.total, before.duplicates + 100)


def test_a_summary_needs_no_server(tmp_path: Path, session: requests.Session) -> None:
    path = tmp_path / "local.db"
    other = event(event_type="user.logout")
    with serving(path) as (_, url):
        session.post(url, json={"api_key": "k", "events": [event(), other, other]})
        session.post(url, json={"api_key": "k"})

    done = run(path, "--summary")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()] == [
        ["1", "user.login"],
        ["2", "user.logout"],
        ["3", "events in all"],
        ["0", "identifies"],
        ["1", "user"],
        ["0", "duplicates dropped"],
        ["2", "requests, 1 of them refused"],
    ]


def test_without_the_extra_it_names_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None;"
        "from target_amplitude_nami.commands.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "local", str(tmp_path / "local.db"), "--new"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'target-amplitude-nami[local]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_other_commands_need_no_extra() -> None:
    code = (
        "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None;"
        "from target_amplitude_nami.commands.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "local" in done.stdout


def test_every_mistake_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"faults": [{"do": {"status": "no"}}]}')
    notes = tmp_path / "notes.txt"
    notes.write_text("no database" * 100)
    mistakes: dict[str, list[str | Path]] = {
        "unable to open database file": [tmp_path / "none.db", "--summary"],
        "file is not a database": [notes, "--summary"],
        "`$.faults[0].do.status`": [tmp_path / "a.db", "--new", "--faults", broken],
        "not a JSON object": ["--config", broken.with_name("list.json")],
    }
    broken.with_name("list.json").write_text("[]")
    for message, arguments in mistakes.items():
        done = run(*arguments)

        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert done.stderr.startswith("amplitude-nami local: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "-1"], "'--port': -1 is not in the range"),
        (["--port", "65536"], "'--port': 65536 is not in the range"),
        (["--port", "http"], "'--port': 'http' is not a valid integer"),
        (
            ["--new", "--keys", "0123abcd:secret"],
            "--keys: what stands before a colon is a",
        ),
        (["--faults", "none.json"], "'--faults': File 'none.json' does not exist"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], message: str) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert message in done.stderr
    assert "0123abcd" not in done.stderr


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with serving(tmp_path / "a.db") as (_, url):
        port = url.rsplit(":", 1)[1].partition("/")[0]
        done = run(tmp_path / "b.db", "--new", "--port", port)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"amplitude-nami local: port {port} is taken, perhaps by another local"
        " Amplitude: stop what listens there, or choose another port with --port (0 for"
        " any free one)\n"
    )


def test_an_address_of_another_machine_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path / "a.db", "--new", "--port", "0", "--host", "192.0.2.1")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "amplitude-nami local: 192.0.2.1 is no address of this machine: change --host\n"
    )


def test_a_file_that_does_not_exist_is_not_made_by_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mistyped" / "local.db"

    done = run(path, "--port", "0")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"amplitude-nami local: {path} does not exist: a run with `endpoint: local`"
        " makes it; to begin with an empty file, add --new\n"
    )
    assert not path.parent.exists()


def test_the_file_of_the_settings_is_served_and_summed_up(
    tmp_path: Path, session: requests.Session
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"local_path": str(tmp_path / "local.db")}))
    with serving("--config", config) as (_, url):
        session.post(url, json={"api_key": "k", "events": [event()]})

    done = run("--config", config, "--summary", "--json")

    assert json.loads(done.stdout) == {
        "file": str(tmp_path / "local.db"),
        "total": 1,
        "events": {"user.login": 1},
        "identifies": 0,
        "users": 1,
        "duplicates": 0,
        "requests": 1,
        "refused": 0,
        "beyond": 0,
    }


def test_a_program_is_given_the_addresses_as_json(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "local", str(tmp_path / "a.db"), "--new", "--port=0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline()]
        while lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        process.terminate()
        process.wait(20)

    served = json.loads("".join(lines))
    assert process.returncode == 0
    assert served["endpoints"][0] == served["url"] + "/2/httpapi"


def test_the_former_name_says_the_new_one() -> None:
    former = Path(sys.executable).with_name("local-amplitude")
    done = subprocess.run(
        [former, "none.db", "--summary"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    notice, error = done.stderr.splitlines()
    assert notice.startswith("local-amplitude is now called `amplitude-nami local`")
    assert error.startswith("amplitude-nami local: none.db cannot be read (")


def test_the_page_explains_events_by_the_input_they_came_from(
    tmp_path: Path, session: requests.Session
) -> None:
    record = subscription(1)
    source = tmp_path / "input.singer"
    source.write_bytes(b"".join(records("events", [record])))
    config = tmp_path / "config.json"
    config.write_text('{"event_prefix": "Nami "}')
    arguments = (tmp_path / "a.db", "--input", source, "--config", config)
    with serving(*arguments) as (_, url):
        sent = {"user_id": "user-1", "event_type": "x", "insert_id": record["id"]}
        assert session.post(url, json={"api_key": "k", "events": [sent]}).ok
        asked = url.replace("/2/httpapi", "/api/events/1/explanation")
        found = session.get(asked).json()
    assert (found["available"], found["line"]) == (True, 2)
    assert found["fields"][0]["value"] == '"Nami user.subscription.renewed"'


def test_an_input_that_is_not_there_ends_it_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path / "a.db", "--new", "--input", tmp_path / "none")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be read" in done.stderr
